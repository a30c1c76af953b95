"""Notices on their way to those who are told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make their table: a row for each notice and channel."""
    names = ("project", "target", "notice_id", "channel", "about", "severity", "status")
    op.create_table(
        "notice",
        sa.Column("number", NUMBER, nullable=False, autoincrement=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in names),
        sa.Column("attempts", NUMBER, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notice", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_notice"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_notice_once", "notice", ["project", "target", "notice_id", "channel"], unique=True)
    op.create_index("ix_notice_project_target_status_next_at", "notice", ["project", "target", "status", "next_at"])
