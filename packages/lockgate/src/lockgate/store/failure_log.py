"""Wrong passwords of an account, told apart by where they came from; each counts for a day.

They stand beside attempts to sign in, under keys that no source of those has: nobody's name has a blank.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select

from lockgate.core.access import HeldUp
from lockgate.govern.lockout import LAPSE, locked_until
from lockgate.store.access_tables import sign_in_attempt
from lockgate.store.exclusion import exclude_others
from lockgate.store.scope import Scope

_columns = sign_in_attempt.c
_AT = " at "


class Failures:
    """The failures of one account of a project, within a transaction that nobody else's changes meanwhile."""

    def __init__(self, connection: Connection, project: str, name: str) -> None:
        """Waits until nobody else is at them."""
        self._connection = connection
        self._ours: ColumnElement[bool] = _columns.project == project
        self._project = project
        self._name = name
        exclude_others(connection, Scope(project, name), "failures")

    def locked_until(self, source: str, now: datetime) -> datetime | None:
        """Until when nobody signs in from there; None where they may."""
        until = locked_until(*self._counted(self._at(source), now))
        return until if until is not None and until > now else None

    def count(self, now: datetime) -> int:
        """How many there are, wherever from, since a right password."""
        return self._counted(self._anywhere, now)[0]

    def put(self, source: str, now: datetime) -> None:
        """Puts one down that comes from there."""
        rows: list[dict[str, Any]] = [
            {"project": self._project, "source": key, "at": now} for key in (self._at(source), self._anywhere)
        ]
        self._connection.execute(insert(sign_in_attempt), rows)

    def forget(self, source: str) -> None:
        """Forgets those from there, and counts anew for the account: the password was right."""
        keys = (self._at(source), self._anywhere)
        self._connection.execute(delete(sign_in_attempt).where(self._ours, _columns.source.in_(keys)))

    def forget_all(self) -> None:
        """Forgets all of them."""
        placed = _columns.source.startswith(self._at(""), autoescape=True)
        keyed = or_(_columns.source == self._anywhere, placed)
        self._connection.execute(delete(sign_in_attempt).where(self._ours, keyed))

    def _at(self, source: str) -> str:
        return f"{self._name}{_AT}{source}"

    @property
    def _anywhere(self) -> str:
        return f"{self._name} anywhere"

    def _counted(self, key: str, now: datetime) -> tuple[int, datetime | None]:
        """How many count, and when the last was."""
        mine = and_(self._ours, _columns.source == key, _columns.at > now - LAPSE)
        found: Any = self._connection.execute(select(func.count(), func.max(_columns.at)).where(mine)).one()
        count, last = found
        return count, last


def held_up(connection: Connection, project: str, names: Sequence[str], now: datetime) -> Mapping[str, HeldUp]:
    """How these accounts are held up, told by place; whoever is not is left out."""
    if not names:
        return {}
    by_length = defaultdict(list)
    for name in names:
        by_length[len(name) + len(_AT)].append(f"{name}{_AT}")
    placed = or_(*(func.substr(_columns.source, 1, length).in_(keys) for length, keys in by_length.items()))
    recent = and_(_columns.project == project, _columns.at > now - LAPSE, placed)
    query = select(_columns.source, func.count(), func.max(_columns.at)).where(recent).group_by(_columns.source)
    found: dict[str, HeldUp] = {}
    counted: Any = connection.execute(query)
    for source, count, last in counted:
        name, until = source.partition(_AT)[0], locked_until(count, last)
        before = found.get(name, HeldUp())
        is_locked = until is not None and until > now
        found[name] = HeldUp(before.failures + count, before.places + is_locked)
    return found
