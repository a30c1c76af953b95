"""Flows: their runs with their steps, and how far each schedule has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SCOPE = ("project", "target", "flow")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "flow_run",
        sa.Column("number", NUMBER, nullable=False, autoincrement=True),
        *_texts(*SCOPE, "runtime", "run_id", "caused_by", "status"),
        *(_instant(name) for name in ("interval_start", "interval_end", "queued_at")),
        *(_instant(name, nullable=True) for name in ("started_at", "finished_at")),
        *_texts("begun_by"),
        sa.PrimaryKeyConstraint("number", name="pk_flow_run"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_flow_run_once", "flow_run", [*SCOPE, "runtime", "run_id"], unique=True)
    op.create_index("ix_flow_run_project_target_status", "flow_run", ["project", "target", "status"])
    op.create_table(
        "flow_step",
        sa.Column("number", NUMBER, nullable=False),
        *_texts("name"),
        sa.Column("position", NUMBER, nullable=False),
        *_texts("status"),
        *(sa.Column(name, NUMBER, nullable=False) for name in ("attempt", "token")),
        sa.Column("worker", sa.Text(), nullable=True),
        *(_instant(name, nullable=True) for name in ("next_at", "started_at", "finished_at")),
        sa.Column("exit_code", NUMBER, nullable=True),
        *_texts("error", "log"),
        sa.ForeignKeyConstraint(
            ["number"], ["flow_run.number"], name="fk_flow_step_number_flow_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", "name", name="pk_flow_step"),
    )
    op.create_table(
        "flow_fired",
        *_texts(*SCOPE),
        _instant("until"),
        sa.PrimaryKeyConstraint(*SCOPE, name="pk_flow_fired"),
    )
