"""Sessions of a role that owns nothing, may read nothing and may write nothing but temporary tables.

Nobody can log in as it but while a session is being opened: its password lives no longer.
"""

from __future__ import annotations

import hashlib
import secrets
import select
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock

from lockgate.adapters.warehouses.postgres.failures import translated
from lockgate.adapters.warehouses.postgres.sessions import (
    CONNECT_SECONDS,
    SETTINGS,
    Connection,
    Sessions,
    composed,
    identifier,
    statement,
)
from lockgate.core.deadline import NO_ANSWER, remaining_seconds
from lockgate.errors import WarehouseUnavailable

MOST_GUESTS = 8
# The server gives a query up before nobody listens any more: a session that is not left alone need not be replaced.
SERVERS_PART = 0.9
# Few rows are answered before a query of theirs would be compiled.
_SETTINGS = {**SETTINGS, "default_transaction_read_only": "on", "jit": "off"}
_TIMEOUT = "SELECT set_config('statement_timeout', %s, true)"
# What a transaction that is rolled back would leave.
UNLOCK = "SELECT pg_advisory_unlock_all()"


@dataclass(slots=True)
class Guest:
    """A session, and the temporary tables that it has."""

    connection: Connection
    tables: set[str] = field(default_factory=set)


class Guests:
    """A few sessions for any number of threads; each is opened when it is needed, and replaced when it ended.

    Their tables are counted here: a session drops those that nobody keeps any more before it is used again.
    """

    def __init__(self, owner: Sessions, *, most: int = MOST_GUESTS) -> None:
        """Take the sessions of the database's owner, who makes the guest; nothing is connected yet."""
        self._owner = owner
        self._idle: list[Guest] = []
        self._kept: set[str] = set()
        self._guard = Lock()
        self._slots = BoundedSemaphore(most)

    @contextmanager
    def one(self) -> Iterator[Guest]:
        """A session for this thread alone; one that is left in a transaction is closed.

        Raises:
            WarehouseUnavailable: nobody answers, or all sessions were in use until the deadline.
        """
        if not self._slots.acquire(timeout=remaining_seconds()):
            raise WarehouseUnavailable(NO_ANSWER)
        try:
            guest = self._taken()
            try:
                with translated():
                    self._tidy(guest)
                    yield guest
            finally:
                self._give_back(guest)
        finally:
            self._slots.release()

    def keep(self, table: str) -> None:
        """Lets sessions have a table of that name."""
        with self._guard:
            self._kept.add(table)

    def forget(self, tables: Iterable[str]) -> None:
        """Lets sessions have these no longer."""
        with self._guard:
            self._kept.difference_update(tables)

    def close(self) -> None:
        """Gives back the sessions that are not in use."""
        with self._guard:
            idle, self._idle = self._idle, []
        for guest in idle:
            guest.connection.close()

    def _taken(self) -> Guest:
        while True:
            with self._guard:
                guest = self._idle.pop() if self._idle else None
            if guest is None:
                return Guest(_opened(self._owner))
            if not _has_news(guest.connection):
                return guest
            guest.connection.close()

    def _tidy(self, guest: Guest) -> None:
        with self._guard:
            dropped = sorted(guest.tables - self._kept)
        for table in dropped:
            with undone(guest.connection):
                guest.connection.execute("BEGIN READ WRITE")
                guest.connection.execute(composed("drop_kept", table=identifier(table)))
                guest.connection.execute("COMMIT")
            guest.tables.remove(table)

    def _give_back(self, guest: Guest) -> None:
        from psycopg.pq import TransactionStatus

        if guest.connection.info.transaction_status is not TransactionStatus.IDLE:
            guest.connection.close()
            return
        with self._guard:
            self._idle.append(guest)


def _has_news(connection: Connection) -> bool:
    """Whether the server said something unasked: that it ends the session."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def bound(connection: Connection) -> None:
    """Lets the server give up the transaction's statements at the deadline."""
    seconds = remaining_seconds()
    if seconds is not None:
        connection.execute(_TIMEOUT, (f"{max(1, round(seconds * SERVERS_PART * 1000))}ms",))


@contextmanager
def undone(connection: Connection) -> Iterator[None]:
    """Ends the transaction where a statement of it failed, so that the session can go on."""
    import psycopg

    try:
        yield
    except psycopg.Error:
        with suppress(psycopg.Error):
            connection.execute("ROLLBACK")
            connection.execute(UNLOCK)
        raise


def guest_name(database: str) -> str:
    """The role of a database's guests: roles are the whole cluster's, so the name tells databases apart."""
    return f"lockgate_guest_{hashlib.sha256(database.encode()).hexdigest()[:16]}"


def _opened(owner: Sessions) -> Connection:
    """A session as the guest, which only reads unless a transaction of it says otherwise.

    Raises:
        WarehouseUnavailable: nobody answers.
        TargetBusy: others open such sessions all the time.
        AccessRefused: the owner may not make a role, or the guest cannot log in by a password.
    """
    from lockgate.adapters.warehouses.postgres.wire import register

    with owner.locked("guest", wait_seconds=CONNECT_SECONDS), owner.session() as connection:
        role, password = guest_name(connection.info.dbname), secrets.token_urlsafe(24)
        _let_in(connection, role, password)
        try:
            guest = Sessions(owner.conninfo(), settings=_SETTINGS).opened(user=role, password=password)
        finally:
            connection.execute(composed("close_role", role=identifier(role)))
    register(guest)
    guest.prepare_threshold = None  # psycopg takes what a failed pipeline skipped for prepared
    return guest


def _let_in(connection: Connection, role: str, password: str) -> None:
    """Makes the role where it is missing, and gives it a password."""
    from psycopg import sql

    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    words = {"role": identifier(role), "database": identifier(connection.info.dbname)}
    with translated(), connection.transaction():
        if connection.execute(statement("role_exists"), {"role": role}).fetchone() == (False,):
            connection.execute(composed("create_role", **words))
        if connection.execute(statement("may_keep"), {"role": role}).fetchone() == (False,):
            connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}").format(**words))
        connection.execute(composed("open_role", **words, password=sql.Literal(hashed)))
