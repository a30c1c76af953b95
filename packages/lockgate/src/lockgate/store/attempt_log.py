"""Attempts to sign in, counted by where they come from: put down before the password is looked at.

What `failure_log` puts down stands in the same table, and is forgotten here once it counts for nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, delete, func, insert, or_, select

from lockgate.govern.lockout import LAPSE
from lockgate.store.access_tables import sign_in_attempt
from lockgate.store.database import Database
from lockgate.store.exclusion import exclude_others
from lockgate.store.scope import Scope


class AttemptLog:
    """The attempts of one project that failed, or are under way."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep attempts of the scope's project in `database`."""
        self._database = database
        self._scope = scope

    def begin(self, source: str, now: datetime, *, since: datetime, most: int) -> int | None:
        """Puts an attempt down: its number; None where the source has `most` of them since then already.

        However many processes ask at once, no more than that are let through. Older ones are forgotten.
        """
        ours, of_source = sign_in_attempt.c.project == self._scope.project, sign_in_attempt.c.source == source
        with self._database.writing() as connection:
            exclude_others(connection, Scope(self._scope.project, source), "sign-in")
            at = sign_in_attempt.c.at
            over = or_(and_(of_source, at <= since), at <= now - LAPSE)
            connection.execute(delete(sign_in_attempt).where(ours, over))
            count = select(func.count()).select_from(sign_in_attempt).where(ours, of_source)
            if connection.execute(count).scalar_one() >= most:
                return None
            row = {"project": self._scope.project, "source": source, "at": now}
            return connection.execute(
                insert(sign_in_attempt).values(row).returning(sign_in_attempt.c.number)
            ).scalar_one()

    def succeeded(self, number: int) -> None:
        """Takes an attempt away that was none of guessing."""
        with self._database.writing() as connection:
            connection.execute(delete(sign_in_attempt).where(sign_in_attempt.c.number == number))
