"""The control plane's tables; the migrations beside this module make them, and a test holds both equal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
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
