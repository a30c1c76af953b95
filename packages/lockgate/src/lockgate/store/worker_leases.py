"""The slots under which processes work, each held on a lease: `WorkerSlots` over the control plane."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from lockgate.core.job import Lease
from lockgate.store.database import Database, now_of
from lockgate.store.exclusion import exclude_others
from lockgate.store.scope import Scope
from lockgate.store.tables import counter, worker

LEASE_SECONDS = 10.0


class WorkerLeases:
    """The slots of one project on one target. Leases end by the database's clock, so that no worker's can be wrong."""

    def __init__(self, database: Database, scope: Scope, *, lease_seconds: float = LEASE_SECONDS) -> None:
        """Keep slots of `scope` in `database`."""
        self._database = database
        self._scope = scope
        self._lasts = timedelta(seconds=lease_seconds)

    def take(self, host: str) -> Lease:
        """A free or expired slot of a machine, or a new one: `<host>-1`, `<host>-2` and so on."""
        with self._alone() as connection:
            now = now_of(connection)
            held = {
                row["slot"]: row["expires_at"] > now
                for row in connection.execute(
                    select(worker).where(self._scope.of(worker), worker.c.host == host)
                ).mappings()
            }
            number = 1
            while held.get(f"{host}-{number}", False):
                number += 1
            return self._grant(connection, f"{host}-{number}", host, now)

    def hold(self, slot: str, host: str) -> Lease | None:
        """Just this slot; None where somebody holds it."""
        with self._alone() as connection:
            now = now_of(connection)
            return None if self._is_held(connection, slot, now) else self._grant(connection, slot, host, now)

    def is_held(self, slot: str) -> bool:
        """Whether somebody holds a slot."""
        with self._database.reading() as connection:
            return self._is_held(connection, slot, now_of(connection))

    def _is_held(self, connection: Connection, slot: str, now: datetime) -> bool:
        mine = and_(self._scope.of(worker), worker.c.slot == slot)
        expires_at = connection.scalar(select(worker.c.expires_at).where(mine))
        return expires_at is not None and expires_at > now

    def renew(self, lease: Lease) -> bool:
        """Holds on to a slot; False where the lease is over."""
        with self._database.writing() as connection:
            expires_at = now_of(connection) + self._lasts
            changed = connection.execute(update(worker).where(self._by(lease)).values(expires_at=expires_at))
            return changed.rowcount == 1

    def fence(self, lease: Lease) -> bool:
        """Ends a lease that has expired: True where nobody can renew it any more, False while it is held."""
        with self._database.writing() as connection:
            has_expired = worker.c.expires_at <= now_of(connection)
            connection.execute(delete(worker).where(self._by(lease), has_expired))
            return connection.scalar(select(worker.c.slot).where(self._by(lease))) is None

    def release(self, lease: Lease) -> None:
        """Gives a slot up at once."""
        with self._database.writing() as connection:
            connection.execute(delete(worker).where(self._by(lease)))

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """A transaction in which nobody else takes slots."""
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "workers")
            yield connection

    def _by(self, lease: Lease) -> ColumnElement[bool]:
        return and_(self._scope.of(worker), worker.c.slot == lease.slot, worker.c.token == lease.token)

    def _grant(self, connection: Connection, slot: str, host: str, now: datetime) -> Lease:
        """The slot under a token that nobody had before: tokens grow over all slots, also over those forgotten."""
        token = _next_token(connection)
        values = {"host": host, "token": token, "expires_at": now + self._lasts}
        mine = and_(self._scope.of(worker), worker.c.slot == slot)
        if connection.execute(update(worker).where(mine).values(values)).rowcount == 0:
            connection.execute(insert(worker).values(self._scope.values() | {"slot": slot} | values))
        return Lease(slot, token)


def _next_token(connection: Connection) -> int:
    """The next number of the counter that tokens are taken from."""
    taken = update(counter).where(counter.c.name == worker.name).values(value=counter.c.value + 1)
    return int(connection.execute(taken.returning(counter.c.value)).scalar_one())
