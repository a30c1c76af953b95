"""Statements that need a relation for themselves, run so that readers behind them never wait long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from lockgate.adapters.warehouses.postgres.sessions import Connection, statement
from lockgate.core.relation import Relation
from lockgate.errors import PublishBlocked

Result = TypeVar("Result")

LOCK_MILLISECONDS = 200
PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.3


def patiently(connection: Connection, relations: Sequence[Relation], action: Callable[[], Result]) -> Result:
    """Runs `action` in a transaction, or a savepoint of one, until it gets its locks.

    A try asks for `LOCK_MILLISECONDS` at most, then lets the readers that queue behind it go on.

    Raises:
        PublishBlocked: one of `relations` stayed locked; names the processes of the server that hold it.
    """
    from psycopg import errors

    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with connection.transaction(), _short_waits(connection):
                return action()
        except errors.LockNotAvailable as error:
            if time.monotonic() > deadline:
                raise _blocked(connection, relations) from error
        time.sleep(PAUSE_SECONDS)


@contextmanager
def _short_waits(connection: Connection) -> Iterator[None]:
    """Bounds waits for locks while it lasts; an error ends the transaction, and the bound with it."""
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{LOCK_MILLISECONDS}ms",))
    yield
    connection.execute("SELECT set_config('lock_timeout', '0', true)")


def _blocked(connection: Connection, relations: Sequence[Relation]) -> PublishBlocked:
    found = [(relation, _holders(connection, relation)) for relation in relations]
    relation, pids = next((one for one in found if one[1]), found[0])
    held = f"by PostgreSQL processes {', '.join(map(str, pids))}" if pids else "by readers that come and go"
    return PublishBlocked(
        f"{relation} was kept locked for {PATIENCE_SECONDS:g} s {held}", relation=str(relation), pids=pids
    )


def _holders(connection: Connection, relation: Relation) -> list[int]:
    names = {"schema": relation.schema, "name": relation.name}
    return [pid for (pid,) in connection.execute(statement("holders"), names)]
