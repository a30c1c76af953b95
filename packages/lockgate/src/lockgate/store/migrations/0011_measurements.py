"""Measurements of editions, executions and loads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SCOPE = ("project", "target")
SERIES = ("entity", "implementation", "metric", "column_name")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "measurement",
        sa.Column("number", NUMBER, nullable=False, autoincrement=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in (*SCOPE, *SERIES)),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, NUMBER, nullable=True) for name in ("run_id", "execution_id")),
        sa.Column("is_exact", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_measurement"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_measurement_series", "measurement", [*SCOPE, *SERIES, "measured_at"])
    op.create_index("ix_measurement_project_target_measured_at", "measurement", [*SCOPE, "measured_at"])
