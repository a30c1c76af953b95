"""Lineage events on their way to whoever keeps them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make their table: a row for each event."""
    op.create_table(
        "lineage_event",
        sa.Column("number", NUMBER, nullable=False, autoincrement=True),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("project", "target", "event_id", "run_id", "phase", "status")
        ),
        sa.Column("attempts", NUMBER, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_lineage_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_lineage_event_once", "lineage_event", ["project", "target", "event_id"], unique=True)
    op.create_index(
        "ix_lineage_event_project_target_status_number", "lineage_event", ["project", "target", "status", "number"]
    )
    op.create_index(
        "ix_lineage_event_project_target_run_id_phase", "lineage_event", ["project", "target", "run_id", "phase"]
    )
