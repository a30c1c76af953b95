"""Comparisons of entities, and the columns that differ by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make their tables."""
    op.create_table(
        "comparison",
        sa.Column("comparison_id", NUMBER, nullable=False, autoincrement=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("project", "target", "entity", "verdict")),
        sa.Column("unexplained", NUMBER, nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("comparison_id", name="pk_comparison"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_comparison_project_target_entity", "comparison", ["project", "target", "entity"])
    op.create_table(
        "noise",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("project", "target", "entity", "implementation")),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("learnt_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project", "target", "entity", "implementation", name="pk_noise"),
    )
