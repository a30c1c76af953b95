"""The first tables: loads, runs, cycles, executions and editions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them, and the counter that loads take their numbers from."""
    _counter()
    _loads()
    _runs()
    _executions()
    _execution_parts()


def _text(name: str, *, nullable: bool = False, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable, **options)


def _number(name: str, *, nullable: bool = False, **options: Any) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=nullable, **options)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _json(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _below(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    target = [f"{parent}.{column}"]
    return sa.ForeignKeyConstraint([column], target, name=f"fk_{table}_{column}", ondelete="CASCADE")


def _position(name: str = "position") -> sa.Column[int]:
    return _number(name, autoincrement=False)


def _counter() -> None:
    table = op.create_table("counter", _text("name"), _number("value"), _key("counter", "name"))
    op.bulk_insert(table, [{"name": "load", "value": 0}])


def _loads() -> None:
    op.create_table(
        "load",
        _number("load_id", autoincrement=False),
        *(_text(name) for name in ("project", "target", "source", "stream")),
        *(_text(name) for name in ("relation_schema", "relation_name", "mode", "status")),
        _instant("started_at"),
        _instant("finished_at", nullable=True),
        *(_number(name) for name in ("rows", "rejected", "bytes", "files")),
        _text("cursor_since", nullable=True),
        _text("cursor_until", nullable=True),
        _text("error"),
        _key("load", "load_id"),
    )
    columns = ["project", "target", "source", "stream", "status"]
    op.create_index("ix_load_project_target_source_stream_status", "load", columns)
    op.create_table(
        "staged_package",
        _number("load_id"),
        _position("number"),
        _text("file"),
        _text("rejects", nullable=True),
        _json("columns"),
        _number("rows"),
        _number("rejected"),
        _text("cursor_until", nullable=True),
        _json("resume"),
        _below("staged_package", "load_id", "load"),
        _key("staged_package", "load_id", "number"),
    )


def _runs() -> None:
    op.create_table(
        "run",
        _number("run_id", autoincrement=True),
        *(_text(name) for name in ("project", "target", "command", "status")),
        _instant("started_at"),
        _instant("finished_at", nullable=True),
        _key("run", "run_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_project_target_status", "run", ["project", "target", "status"])
    op.create_table(
        "run_step",
        _number("run_id"),
        _position(),
        _text("name"),
        _text("status"),
        _instant("started_at"),
        _instant("finished_at", nullable=True),
        _json("facts"),
        _text("error"),
        _below("run_step", "run_id", "run"),
        _key("run_step", "run_id", "position"),
    )
    op.create_table(
        "cycle",
        _number("cycle_id", autoincrement=True),
        _number("run_id"),
        _json("pins"),
        _text("status"),
        _instant("started_at"),
        _instant("finished_at", nullable=True),
        _below("cycle", "run_id", "run"),
        _key("cycle", "cycle_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cycle_run_id", "cycle", ["run_id"])


def _executions() -> None:
    op.create_table(
        "execution",
        _number("execution_id", autoincrement=True),
        _number("cycle_id"),
        *(_text(name) for name in ("entity", "implementation", "built_schema", "built_name")),
        _number("rows"),
        sa.Column("seconds", sa.Float(), nullable=False),
        _text("status"),
        _text("error"),
        _instant("finished_at"),
        _below("execution", "cycle_id", "cycle"),
        _key("execution", "execution_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_execution_cycle_id", "execution", ["cycle_id"])
    op.create_index("ix_execution_entity", "execution", ["entity"])
    op.create_table(
        "edition",
        _number("execution_id"),
        _number("number"),
        _number("rows"),
        _instant("published_at"),
        _below("edition", "execution_id", "execution"),
        _key("edition", "execution_id"),
    )


def _execution_parts() -> None:
    op.create_table(
        "node_result",
        _number("execution_id"),
        _position(),
        _text("node"),
        _text("status"),
        sa.Column("seconds", sa.Float(), nullable=False),
        _number("rows", nullable=True),
        _number("failures", nullable=True),
        _text("message"),
        _text("file"),
        _json("depends_on"),
        _below("node_result", "execution_id", "execution"),
        _key("node_result", "execution_id", "position"),
    )
    op.create_table(
        "rule_count",
        _number("execution_id"),
        _position(),
        _text("rule"),
        _text("outcome"),
        _number("rows"),
        _text("reason"),
        _below("rule_count", "execution_id", "execution"),
        _key("rule_count", "execution_id", "position"),
    )
