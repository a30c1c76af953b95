"""The tables of the transformation service: jobs, their executions and keys, workers, the live switch."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    _job_execution()
    _job()
    _idempotency_key()
    _worker()
    _switch()


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _number(name: str, **options: Any) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=False, **options)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=nullable)


def _truth(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _unique(table: str, column: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(column, name=f"uq_{table}_{column}")


def _job_execution() -> None:
    op.create_table(
        "job_execution",
        _number("number", autoincrement=True),
        *_text("execution_id", "project", "target", "entity", "program"),
        _json("request"),
        *_text("status"),
        _number("attempts"),
        *_text("worker", "inputs", nullable=True),
        _truth("is_fallback"),
        _instant("queued_at"),
        _instant("started_at", nullable=True),
        _instant("finished_at", nullable=True),
        _json("result", nullable=True),
        _json("failure", nullable=True),
        _key("job_execution", "number"),
        _unique("job_execution", "execution_id"),
        sqlite_autoincrement=True,
    )
    program = ["project", "target", "program"]
    op.create_index("ix_job_execution_project_target_program_status", "job_execution", [*program, "status"])
    queued = sa.text("status = 'queued'")
    op.create_index(
        "uq_job_execution_queued", "job_execution", program, unique=True, sqlite_where=queued, postgresql_where=queued
    )


def _job() -> None:
    op.create_table(
        "job",
        _number("number", autoincrement=True),
        *_text("job_id", "project", "target", "caller", "entity"),
        _json("request"),
        *_text("execution_id"),
        _truth("joined"),
        *_text("inputs"),
        _truth("is_settled"),
        _instant("submitted_at"),
        _instant("cancelled_at", nullable=True),
        sa.ForeignKeyConstraint(["execution_id"], ["job_execution.execution_id"], name="fk_job_execution_id"),
        _key("job", "number"),
        _unique("job", "job_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_execution_id", "job", ["execution_id"])
    op.create_index("ix_job_project_target_entity", "job", ["project", "target", "entity"])


def _idempotency_key() -> None:
    op.create_table(
        "idempotency_key",
        *_text("project", "target", "scope", "key", "digest", "job_id"),
        _instant("stored_at"),
        sa.ForeignKeyConstraint(["job_id"], ["job.job_id"], name="fk_idempotency_key_job_id", ondelete="CASCADE"),
        _key("idempotency_key", "project", "target", "scope", "key"),
    )
    op.create_index("ix_idempotency_key_job_id", "idempotency_key", ["job_id"])


def _worker() -> None:
    op.create_table(
        "worker",
        *_text("project", "target", "slot", "host"),
        _number("token"),
        _instant("expires_at"),
        _key("worker", "project", "target", "slot"),
    )
    op.bulk_insert(sa.table("counter", *_text("name"), _number("value")), [{"name": "worker", "value": 0}])


def _switch() -> None:
    op.create_table(
        "switch",
        *_text("project", "target", "entity"),
        _truth("enabled"),
        _instant("changed_at"),
        *_text("changed_by"),
        _key("switch", "project", "target", "entity"),
    )
