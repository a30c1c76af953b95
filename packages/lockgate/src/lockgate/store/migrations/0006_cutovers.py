"""Evidence, traffic, plans with their steps, and decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, NUMBER, nullable=False) for name in names]


def _numbered(name: str) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=False, autoincrement=True)


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    """Make their tables."""
    _evidence()
    _traffic()
    _plans()
    _decisions()


def _evidence() -> None:
    op.create_table(
        "evidence",
        _numbered("evidence_id"),
        *_text("project", "target", "kind", "entity", "incumbent", "candidate"),
        *_text("incumbent_revision", "candidate_revision"),
        *_counts("token"),
        _instant("at"),
        *_text("by"),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("evidence_id", name="pk_evidence"),
        sqlite_autoincrement=True,
    )
    columns = ["project", "target", "entity", "evidence_id"]
    op.create_index("ix_evidence_project_target_entity_evidence_id", "evidence", columns)


def _traffic() -> None:
    op.create_table(
        "traffic",
        *_text("project", "target", "entity"),
        *_counts("token"),
        *_text("worker"),
        *_counts("requests", "errors", "shared_errors", "records", "wrong", "unbucketed", "slower_count"),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("slower_sum", "slower_squares")),
        _instant("last_at"),
        sa.PrimaryKeyConstraint("project", "target", "entity", "token", "worker", name="pk_traffic"),
    )


def _plans() -> None:
    op.create_table(
        "plan",
        _numbered("number"),
        *_text("project", "target", "plan_id"),
        sa.Column("document", sa.JSON(), nullable=False),
        _instant("made_at"),
        sa.PrimaryKeyConstraint("number", name="pk_plan"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_plan_project_target_plan_id", "plan", ["project", "target", "plan_id"])
    op.create_table(
        "plan_step",
        *_text("project", "target", "plan_id"),
        *_counts("position"),
        sa.Column("outcome", sa.JSON(), nullable=False),
        _instant("at"),
        sa.PrimaryKeyConstraint("project", "target", "plan_id", "position", name="pk_plan_step"),
    )


def _decisions() -> None:
    op.create_table(
        "decision",
        _numbered("decision_id"),
        *_text("project", "target", "entity", "action", "answer"),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON()),
        sa.Column("token", NUMBER),
        *_text("by", "reason"),
        _instant("at"),
        *_text("plan_id", nullable=True),
        sa.Column("gates", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name="pk_decision"),
        sqlite_autoincrement=True,
    )
    columns = ["project", "target", "entity", "token"]
    op.create_index("uq_decision_moved", "decision", columns, unique=True)
