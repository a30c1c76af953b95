"""Sessions of people who have signed in, each known by the digest of its secret alone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, or_, select, update

from lockgate.core.access import Session
from lockgate.store.access_epoch import grow_epoch
from lockgate.store.access_tables import session
from lockgate.store.database import Database
from lockgate.store.scope import Scope


class SessionLog:
    """The sessions of one project; `PeopleLog.admit` begins them."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep sessions of the scope's project in `database`."""
        self._database = database
        self._scope = scope

    def sessions(self, person: str | None = None) -> tuple[Session, ...]:
        """The sessions that are kept, of one person or of all, the newest first; some may be over."""
        mine = self._ours if person is None else and_(self._ours, session.c.person == person)
        query = select(session).where(mine).order_by(session.c.began_at.desc(), session.c.session_id)
        with self._database.reading() as connection:
            return tuple(session_of(row) for row in connection.execute(query).mappings())

    def end(self, session_id: str) -> bool:
        """Ends a session: whether there was one."""
        with self._database.writing() as connection:
            ended = connection.execute(delete(session).where(self._ours, session.c.session_id == session_id)).rowcount
            if ended:
                grow_epoch(connection, self._scope.project)
        return bool(ended)

    def touch(self, session_ids: Collection[str], now: datetime, *, seen_until: datetime, idle_since: datetime) -> None:
        """Notes that sessions are used: those last seen until then, and not idle since."""
        fresh = and_(session.c.seen_at <= seen_until, session.c.seen_at > idle_since, session.c.expires_at > now)
        mine = and_(self._ours, session.c.session_id.in_(session_ids), fresh)
        with self._database.writing() as connection:
            connection.execute(update(session).where(mine).values(seen_at=now))

    def prune(self, now: datetime, *, idle_since: datetime) -> int:
        """Forgets sessions that are over: how many."""
        over = or_(session.c.expires_at <= now, session.c.seen_at <= idle_since)
        with self._database.writing() as connection:
            return connection.execute(delete(session).where(self._ours, over)).rowcount

    @property
    def _ours(self) -> ColumnElement[bool]:
        return session.c.project == self._scope.project


def read_sessions(connection: Connection, project: str) -> tuple[tuple[Session, str], ...]:
    """The sessions that are kept, each with the digest of its secret."""
    rows = connection.execute(select(session).where(session.c.project == project)).mappings()
    return tuple((session_of(row), row["digest"]) for row in rows)


def session_of(row: RowMapping) -> Session:
    """A session as it is read by callers."""
    return Session(row["session_id"], row["person"], row["address"], row["began_at"], row["seen_at"], row["expires_at"])


def row_of(begun: Session, digest: str) -> dict[str, Any]:
    """A session as it is kept, but for its project."""
    return {
        "session_id": begun.session_id,
        "person": begun.person,
        "digest": digest,
        "address": begun.address,
        "began_at": begun.began_at,
        "seen_at": begun.seen_at,
        "expires_at": begun.expires_at,
    }
