"""The control plane's tables; the migrations beside this module make them, and a test holds both equal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)

Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows in INTEGER columns alone


class Instant(TypeDecorator[datetime]):
    """A point in time: handed over with its zone, kept and handed back in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The instant in UTC.

        Raises:
            ValueError: it comes without a zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The instant with UTC attached."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, **options)


def _count(name: str) -> Column[int]:
    return Column(name, Number, nullable=False)


def _instant(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=nullable)


def _json(name: str) -> Column[Any]:
    return Column(name, JSON, nullable=False)


def _truth(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _of(name: str, table: str) -> Column[int]:
    return Column(name, Number, ForeignKey(f"{table}.{name}", ondelete="CASCADE"), primary_key=True)


def _scope() -> tuple[Column[str], Column[str]]:
    """Whose row it is: a control plane may serve several projects, and a project several targets."""
    return _text("project"), _text("target")


counter = Table("counter", metadata, _text("name", primary_key=True), _count("value"))

load = Table(
    "load",
    metadata,
    Column("load_id", Number, primary_key=True, autoincrement=False),
    *_scope(),
    _text("source"),
    _text("stream"),
    _text("relation_schema"),
    _text("relation_name"),
    _text("mode"),
    _text("status"),
    _instant("started_at"),
    _instant("finished_at", nullable=True),
    _count("rows"),
    _count("rejected"),
    _count("bytes"),
    _count("files"),
    Column("cursor_since", Text),
    Column("cursor_until", Text),
    _text("error"),
    Index(None, "project", "target", "source", "stream", "status"),
)

staged_package = Table(
    "staged_package",
    metadata,
    _of("load_id", "load"),
    Column("number", Number, primary_key=True, autoincrement=False),
    _text("file"),
    Column("rejects", Text),
    _json("columns"),
    _count("rows"),
    _count("rejected"),
    Column("cursor_until", Text),
    _json("resume"),
)

run = Table(
    "run",
    metadata,
    Column("run_id", Number, primary_key=True, autoincrement=True),
    *_scope(),
    _text("command"),
    _text("status"),
    _instant("started_at"),
    _instant("finished_at", nullable=True),
    Index(None, "project", "target", "status"),
    sqlite_autoincrement=True,
)

run_step = Table(
    "run_step",
    metadata,
    _of("run_id", "run"),
    Column("position", Number, primary_key=True, autoincrement=False),
    _text("name"),
    _text("status"),
    _instant("started_at"),
    _instant("finished_at", nullable=True),
    _json("facts"),
    _text("error"),
)

cycle = Table(
    "cycle",
    metadata,
    Column("cycle_id", Number, primary_key=True, autoincrement=True),
    Column("run_id", Number, ForeignKey("run.run_id", ondelete="CASCADE"), nullable=False, index=True),
    _json("pins"),
    _text("status"),
    _instant("started_at"),
    _instant("finished_at", nullable=True),
    sqlite_autoincrement=True,
)

execution = Table(
    "execution",
    metadata,
    Column("execution_id", Number, primary_key=True, autoincrement=True),
    Column("cycle_id", Number, ForeignKey("cycle.cycle_id", ondelete="CASCADE"), nullable=False, index=True),
    _text("entity", index=True),
    _text("implementation"),
    _text("built_schema"),
    _text("built_name"),
    _count("rows"),
    Column("seconds", Float, nullable=False),
    _text("status"),
    _text("error"),
    _instant("finished_at"),
    sqlite_autoincrement=True,
)

node_result = Table(
    "node_result",
    metadata,
    _of("execution_id", "execution"),
    Column("position", Number, primary_key=True, autoincrement=False),
    _text("node"),
    _text("status"),
    Column("seconds", Float, nullable=False),
    Column("rows", Number),
    Column("failures", Number),
    _text("message"),
    _text("file"),
    _json("depends_on"),
)

rule_count = Table(
    "rule_count",
    metadata,
    _of("execution_id", "execution"),
    Column("position", Number, primary_key=True, autoincrement=False),
    _text("rule"),
    _text("outcome"),
    _count("rows"),
    _text("reason"),
)

edition = Table(
    "edition",
    metadata,
    _of("execution_id", "execution"),
    _count("number"),
    _count("rows"),
    _instant("published_at"),
)

job_execution = Table(
    "job_execution",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    _text("execution_id", unique=True),
    *_scope(),
    _text("entity"),
    _text("program"),
    _json("request"),
    _text("status"),
    _count("attempts"),
    Column("worker", Text),
    Column("inputs", Text),
    _truth("is_fallback"),
    _instant("queued_at"),
    _instant("started_at", nullable=True),
    _instant("finished_at", nullable=True),
    Column("result", JSON(none_as_null=True)),
    Column("failure", JSON(none_as_null=True)),
    Index(None, "project", "target", "program", "status"),
    Index(
        "uq_job_execution_queued",
        *("project", "target", "program"),
        unique=True,
        sqlite_where=text("status = 'queued'"),
        postgresql_where=text("status = 'queued'"),
    ),
    sqlite_autoincrement=True,
)

job = Table(
    "job",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    _text("job_id", unique=True),
    *_scope(),
    _text("caller"),
    _text("entity"),
    _json("request"),
    Column("execution_id", Text, ForeignKey("job_execution.execution_id"), nullable=False, index=True),
    _truth("joined"),
    _text("inputs"),
    _truth("is_settled"),
    _instant("submitted_at"),
    _instant("cancelled_at", nullable=True),
    Column("correlation_id", Text),
    Index(None, "project", "target", "entity"),
    sqlite_autoincrement=True,
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    *(_text(name, primary_key=True) for name in ("project", "target", "scope", "key")),
    _text("digest"),
    Column("job_id", Text, ForeignKey("job.job_id", ondelete="CASCADE"), index=True),
    _instant("stored_at"),
)

worker = Table(
    "worker",
    metadata,
    *(_text(name, primary_key=True) for name in ("project", "target", "slot")),
    _text("host"),
    _count("token"),
    _instant("expires_at"),
)

switch = Table(
    "switch",
    metadata,
    *(_text(name, primary_key=True) for name in ("project", "target", "entity")),
    _truth("enabled"),
    _instant("changed_at"),
    _text("changed_by"),
)

comparison = Table(
    "comparison",
    metadata,
    Column("comparison_id", Number, primary_key=True, autoincrement=True),
    *_scope(),
    _text("entity"),
    _text("verdict"),
    _count("unexplained"),
    _instant("compared_at"),
    _json("found"),
    Index(None, "project", "target", "entity"),
    sqlite_autoincrement=True,
)

noise = Table(
    "noise",
    metadata,
    *(_text(name, primary_key=True) for name in ("project", "target", "entity", "implementation")),
    _text("revision"),
    _json("columns"),
    _instant("learnt_at"),
)
