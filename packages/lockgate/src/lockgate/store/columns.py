"""What the control plane's tables are made of: instants, numbers and the columns that say whose row it is."""

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
    ForeignKey,
    Integer,
    MetaData,
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


def text_column(name: str, **options: Any) -> Column[str]:
    """Text that is always there."""
    return Column(name, Text, nullable=False, **options)


def number_column(name: str) -> Column[int]:
    """A whole number that is always there."""
    return Column(name, Number, nullable=False)


def instant_column(name: str, *, nullable: bool = False) -> Column[datetime]:
    """A point in time."""
    return Column(name, Instant, nullable=nullable)


def json_column(name: str) -> Column[Any]:
    """What JSON holds."""
    return Column(name, JSON, nullable=False)


def truth_column(name: str) -> Column[bool]:
    """True or false."""
    return Column(name, Boolean, nullable=False)


def parent_column(name: str, table: str) -> Column[int]:
    """The number of the row that this one belongs to and goes with."""
    return Column(name, Number, ForeignKey(f"{table}.{name}", ondelete="CASCADE"), primary_key=True)


def scope_columns() -> tuple[Column[str], Column[str]]:
    """Whose row it is: a control plane may serve several projects, and a project several targets."""
    return text_column("project"), text_column("target")
