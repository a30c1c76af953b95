"""Connections to one PostgreSQL database, with the settings that results depend on pinned."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, TypeAlias

from lockgate.adapters.warehouses.named_sql import statements
from lockgate.adapters.warehouses.postgres.failures import translated
from lockgate.core.deadline import NO_ANSWER, remaining_seconds, timely, whole_seconds
from lockgate.core.relation import Relation
from lockgate.errors import AccessRefused, CapabilityMissing, TargetBusy, WarehouseUnavailable

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

NAME_BYTES = 63
CONNECT_SECONDS = 10
# A server that is gone without a word is given up by the network after half a minute.
NETWORK = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "4", "tcp_user_timeout": "30000"}
IDLE_CONNECTIONS = 8
# A lock is lost without a sign of life for so long; one is given every few seconds.
LOCK_SECONDS = 60.0
BEAT_SECONDS = 5.0
# Text forms, zones and names mean the same whatever the server's or the role's defaults are; a session that holds a
# lock is not ended for being idle, and one that lost its network is gone after two minutes, its locks with it.
SETTINGS = {
    "DateStyle": "ISO",
    "IntervalStyle": "iso_8601",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "search_path": "pg_catalog",
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "15",
    "tcp_keepalives_count": "4",
}


def statement(name: str) -> str:
    """The statement of that name, in PostgreSQL's own words."""
    return statements(__package__, "statements.sql")[name]


def composed(name: str, **parts: sql.Composable) -> sql.Composed:
    """The statement of that name with identifiers and literals put in its braces, each properly quoted."""
    from psycopg import sql

    return sql.SQL(statement(name)).format(**parts)


def identifier(*names: str) -> sql.Identifier:
    """A quoted, dotted name.

    Raises:
        CapabilityMissing: a name is too long; PostgreSQL would cut it without a word.
    """
    from psycopg import sql

    for name in names:
        if len(name.encode()) > NAME_BYTES:
            raise CapabilityMissing(
                f"the name {name!r} is longer than the {NAME_BYTES} bytes that PostgreSQL keeps of a name",
                hint="Give the schema, entity, implementation or column a shorter name.",
            )
    return sql.Identifier(*names)


def relation_name(relation: Relation) -> sql.Identifier:
    """A relation's quoted name."""
    return identifier(relation.schema, relation.name)


class Sessions:
    """Opens connections as one role, and keeps a few of them for the next caller; safe to use from many threads."""

    def __init__(self, url: str, *, settings: Mapping[str, str] = SETTINGS) -> None:
        """Take a URL or connection string as libpq reads it; nothing is connected yet."""
        self._url = url
        self._settings = settings
        self._idle: list[Connection] = []
        self._guard = Lock()

    def conninfo(self, **changes: str) -> str:
        """The connection string with the pinned settings in it, and with other parameters where they are given.

        Options of the URL's own come first, so that they hold where no setting is pinned.

        Raises:
            AccessRefused: the URL is none that PostgreSQL reads.
        """
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        try:
            own = conninfo_to_dict(self._url).get("options") or ""
        except ProgrammingError:  # its message and its trace may show the password
            hint = "In a name or a password write a blank as %20, and @ : / ? # % as %40 %3A %2F %3F %23 %25."
            raise AccessRefused("the database's address cannot be read", hint=hint) from None
        options = " ".join([str(own), *(f"-c {name}={value}" for name, value in self._settings.items())]).strip()
        seconds = str(whole_seconds(at_most=CONNECT_SECONDS))
        words = {"options": options, "application_name": "lockgate", "connect_timeout": seconds}
        return make_conninfo(self._url, **{**NETWORK, **words, **changes})

    @contextmanager
    def fresh(self, **changes: str) -> Iterator[Connection]:
        """A connection of one's own, in autocommit; closed at the end, and its locks with it.

        Raises:
            WarehouseUnavailable: nobody answers.
            AccessRefused: the role, the password or the database is not accepted.
        """
        connection = self.opened(**changes)
        try:
            with translated():
                yield connection
        finally:
            connection.close()

    def opened(self, **changes: str) -> Connection:
        """A connection in autocommit, which its user closes.

        Raises:
            WarehouseUnavailable: nobody answers.
            AccessRefused: the role, the password or the database is not accepted.
        """
        with translated():
            return _connected(self.conninfo(**changes))

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection in autocommit, kept for the next caller unless an error broke it."""
        from psycopg.pq import TransactionStatus

        connection = self._take()
        try:
            with translated():
                yield connection
        finally:
            with self._guard:
                idle = connection.info.transaction_status is TransactionStatus.IDLE
                if keep := idle and len(self._idle) < IDLE_CONNECTIONS:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    def _take(self) -> Connection:
        import psycopg

        while True:
            with self._guard:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self.opened()
            with suppress(psycopg.Error):
                connection.execute("SELECT 1")
                return connection
            connection.close()

    @contextmanager
    def locked(self, name: str, *, wait_seconds: float) -> Iterator[None]:
        """Holds an advisory lock of this database in a session of its own: it goes when its holder goes.

        A holder that shows no sign of life for a minute, since it was stopped or cut off, has lost it too.

        Raises:
            TargetBusy: another session kept it for `wait_seconds`; names that session's process.
            WarehouseUnavailable: at the end, where the lock was lost meanwhile.
        """
        with self.fresh() as connection:
            _acquire(connection, name, wait_seconds)
            with _kept_alive(connection, name):
                yield

    def close(self) -> None:
        """Gives back the idle connections."""
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def _connected(conninfo: str) -> Connection:
    """A connection in autocommit, which waits for its server until the deadline of whoever uses it."""
    import psycopg

    if remaining_seconds() == 0:
        raise psycopg.OperationalError(NO_ANSWER)
    connection: Connection = _kind().connect(conninfo, autocommit=True)
    return connection


@cache
def _kind() -> Any:
    import psycopg

    return timely(psycopg.Connection, psycopg.OperationalError)


def _acquire(connection: Connection, name: str, wait_seconds: float) -> None:
    from psycopg import errors

    key = lock_key(name)
    milliseconds = max(1, round(wait_seconds * 1000))
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{milliseconds}ms",))
    try:
        connection.execute("SELECT pg_advisory_lock(%s)", (key,))
    except errors.LockNotAvailable as error:
        holder = connection.execute(statement("advisory_holder"), {"key": key}).fetchone()
        pid = holder[0] if holder else None
        message = f"another process holds the lock {name!r} (PostgreSQL process {pid}); waited {wait_seconds:g} s"
        raise TargetBusy(message, lock=name, pid=pid) from error


@contextmanager
def _kept_alive(connection: Connection, name: str) -> Iterator[None]:
    """Shows signs of life on a session that holds a lock.

    Raises:
        WarehouseUnavailable: at the end, where the session has ended meanwhile.
    """
    import psycopg

    connection.execute("SELECT set_config('idle_session_timeout', %s, false)", (f"{LOCK_SECONDS * 1000:.0f}ms",))
    done = Event()

    def beat() -> None:
        with suppress(psycopg.Error):
            while not done.wait(BEAT_SECONDS):
                connection.execute("SELECT 1")

    heart = Thread(target=beat, name=f"lockgate-lock-{name}", daemon=True)
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()
    try:
        connection.execute("SELECT 1")
    except psycopg.Error as error:
        message = f"the lock {name!r} was lost meanwhile, and another process may have held it"
        raise WarehouseUnavailable(message, lock=name) from error


def lock_key(name: str) -> int:
    """The 64-bit key of a named lock."""
    return int.from_bytes(hashlib.sha256(f"lockgate:{name}".encode()).digest()[:8], "big", signed=True)
