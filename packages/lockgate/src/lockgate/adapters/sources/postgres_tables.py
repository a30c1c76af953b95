"""PostgreSQL databases that are sources: how they are connected to, what columns their tables have, what failures mean.

`init` finds tables with the very columns that a load of them has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.postgres.catalog import columns_of
from lockgate.adapters.warehouses.postgres.sessions import SETTINGS, Sessions
from lockgate.core.relation import Column, Relation
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import (
    RetryableError,
    SourceRefused,
    SourceUnavailable,
    WarehouseError,
    WarehouseUnavailable,
)

if TYPE_CHECKING:
    from lockgate.adapters.warehouses.postgres.sessions import Connection

_ANY_NUMBER = ColumnType(Kind.NUMERIC, 38, 18)
# Pinned is what results depend on, save the search path: names without a schema mean what they mean to the role.
_SETTINGS = {
    **{name: value for name, value in SETTINGS.items() if name != "search_path"},
    "default_transaction_read_only": "on",
}


def reading_sessions(url: str) -> Sessions:
    """Sessions that only read; nothing is connected yet."""
    return Sessions(url, settings=_SETTINGS)


def source_columns(connection: Connection, relation: Relation) -> tuple[Column, ...]:
    """The columns of a table as they can be staged.

    Numbers of any size, or of more digits than 38, keep twenty digits before the point and eighteen behind it.
    """
    found = columns_of(connection, relation)
    return tuple(replace(one, type=_ANY_NUMBER) if one.type == ColumnType(Kind.NUMERIC) else one for one in found)


@contextmanager
def said_of(name: str) -> Iterator[None]:
    """Turns what a database says into what is said of a source of that name.

    Raises:
        SourceUnavailable: the database does not answer, or not now.
        SourceRefused: it refuses.
    """
    try:
        yield
    except WarehouseUnavailable as error:
        raise SourceUnavailable(f"{name} does not answer: {error.message}") from error
    except RetryableError as error:
        raise SourceUnavailable(f"{name}: {error.message}") from error
    except WarehouseError as error:
        raise SourceRefused(f"{name}: {error.message}") from error
