"""What leaves by a table: rows that are put down, claimed one at a time, and kept until they have arrived.

A row put down in the transaction of what caused it is there if and only if that is; one put down after it, in one of
its own, is lost where the process dies between both. Who puts rows down chooses.

Source: the transactional outbox (microservices.io/patterns/data/transactional-outbox.html). Delivery is at least once:
a process that dies between sending and recording leaves a claim that expires, and the row is sent again under the same
key. Claims are fenced by the number of attempts, so whoever comes late cannot record anything.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, select, update

from lockgate.core.notice import DeliveryStatus
from lockgate.errors import UnknownName
from lockgate.store.database import Database, insert_into, now_of
from lockgate.store.scope import Scope

CLAIM_SECONDS = 180.0  # far longer than one attempt may take
MOST_ATTEMPTS = 24
FIRST_WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 3600.0
LONGEST_ASKED_SECONDS = 6 * 3600.0
LONGEST_SAID = 500


class Claimed(Protocol):
    """A row that is being sent."""

    @property
    def number(self) -> int:
        """The row."""

    @property
    def attempts(self) -> int:
        """How often sending was begun."""


Row = TypeVar("Row", bound=Claimed)
_STANDING = ("number", "attempts", "next_at", "said", "added_at", "sent_at")


def standing(row: Mapping[str, Any]) -> dict[str, Any]:
    """Where a row stands, by the names that every delivery has."""
    return {name: row[name] for name in _STANDING} | {"status": DeliveryStatus(row["status"])}


class Outbox(ABC, Generic[Row]):
    """The rows of one project on one target, in a table whose rows are numbered and stand somewhere.

    Whoever has one says which table, what a row is to people, what of it leaves in order, and how it is read.

    Besides `number` and the columns of its scope it has `status`, `attempts`, `next_at`, `said`, `added_at`, `sent_at`.
    When a row is due is told by the database's clock. Rows that are equal in the columns `_lane` leave in their order.
    """

    _table: ClassVar[Table]
    _what: ClassVar[str]
    _lane: ClassVar[tuple[str, ...]] = ()

    def __init__(self, database: Database, scope: Scope, *, claim_seconds: float = CLAIM_SECONDS) -> None:
        """Keep rows of `scope` in `database`; a claim lasts `claim_seconds`."""
        self._database = database
        self._scope = scope
        self._claimed_for = timedelta(seconds=claim_seconds)

    @abstractmethod
    def _read(self, row: Mapping[str, Any]) -> Row:
        """A row as callers get it."""

    def _put_down(
        self, rows: Sequence[Mapping[str, object]], once: Sequence[str], connection: Connection | None = None
    ) -> int:
        """Puts rows down at once: how many of them are new; one that is equal in the columns `once` stays as it is.

        With `connection`, which `Store.database.writing()` gives, it is part of that transaction.
        """
        if not rows:
            return 0
        with self._joining(connection) as joined:
            now = now_of(joined)
            waiting = {"status": DeliveryStatus.PENDING, "attempts": 0, "next_at": now, "said": "", "added_at": now}
            insertion = insert_into(joined, self._table).on_conflict_do_nothing(
                index_elements=["project", "target", *once]
            )
            own = self._scope.values() | waiting
            added = joined.execute(insertion.returning(self._table.c.number), [own | dict(row) for row in rows])
            return len(added.all())

    def _newest(self, status: DeliveryStatus | None, *, before: int | None, limit: int) -> tuple[Row, ...]:
        """What was ever put down, or what stands so, the newest first; numbered below `before` where it is given."""
        query = select(self._table).where(self._scope.of(self._table))
        if status is not None:
            query = query.where(self._table.c.status == status)
        if before is not None:
            query = query.where(self._table.c.number < before)
        query = query.order_by(self._table.c.number.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(self._read(dict(row)) for row in connection.execute(query).mappings())

    def pending(self, *, limit: int = 100) -> tuple[Row, ...]:
        """What can be sent now, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(self._due(now_of(connection)).limit(limit)).mappings()
            return tuple(self._read(dict(row)) for row in rows)

    def _claim(self, *conditions: ColumnElement[bool]) -> Row | None:
        """The oldest row that is due, which nobody else sends until the claim expires; None where none is."""
        table = self._table
        most = 20 if self._lane else 1  # in one lane there is one that is next
        with self._database.writing() as connection:
            now = now_of(connection)
            for row in connection.execute(self._due(now).where(*conditions).limit(most)).mappings().all():
                seen = and_(self._at(row["number"], row["attempts"]), table.c.next_at == row["next_at"])
                if row["attempts"] >= MOST_ATTEMPTS:
                    aside = {"status": DeliveryStatus.SET_ASIDE, "said": "every process that began to send it died"}
                    connection.execute(update(table).where(seen).values(aside))
                    continue
                taken = {"attempts": row["attempts"] + 1, "next_at": now + self._claimed_for}
                if connection.execute(update(table).where(seen).values(taken)).rowcount:
                    return self._read({**row, **taken})
        return None

    def sent(self, delivery: Row, said: str) -> bool:
        """Records that it has arrived; False where the claim was lost meanwhile."""
        with self._database.writing() as connection:
            values = {"status": DeliveryStatus.SENT, "sent_at": now_of(connection)}
            return self._record(connection, delivery, said, values)

    def failed(
        self, delivery: Row, said: str, *, is_final: bool = False, retry_after: float | None = None
    ) -> DeliveryStatus | None:
        """Records a failed attempt: how the row stands now; None where the claim was lost meanwhile.

        It is tried again after 30 s, and twice as long each time up to an hour, or after `retry_after` seconds where
        these are more; it is set aside where the failure `is_final`, and after 24 attempts.
        """
        with self._database.writing() as connection:
            is_last = is_final or delivery.attempts >= MOST_ATTEMPTS
            status = DeliveryStatus.SET_ASIDE if is_last else DeliveryStatus.PENDING
            wait = timedelta(seconds=wait_seconds(delivery.attempts, retry_after))
            values = {"status": status, "next_at": now_of(connection) + wait}
            return status if self._record(connection, delivery, said, values) else None

    def retry(self, number: int) -> Row:
        """Lets a row that was set aside be tried again, with all its attempts.

        Raises:
            UnknownName: there is no such row on this target, or it was not set aside.
        """
        table = self._table
        aside = and_(self._scope.of(table), table.c.number == number, table.c.status == DeliveryStatus.SET_ASIDE)
        with self._database.writing() as connection:
            values = {"status": DeliveryStatus.PENDING, "attempts": 0, "next_at": now_of(connection)}
            row = connection.execute(update(table).where(aside).values(values).returning(table)).mappings().first()
        if row is None:
            raise UnknownName(f"there is no {self._what} {number} that was set aside", number=number)
        return self._read(dict(row))

    @contextmanager
    def _joining(self, connection: Connection | None) -> Iterator[Connection]:
        """The caller's transaction, or one of our own."""
        if connection is not None:
            yield connection
            return
        with self._database.writing() as own:
            yield own

    def _due(self, now: datetime) -> Select[Any]:
        """What is pending, nobody's claim, and has nothing before it in its lane."""
        table = self._table
        before = table.alias("before")
        first = (
            select(before.c.number)
            .where(
                before.c.project == self._scope.project,
                before.c.target == self._scope.target,
                *(before.c[name] == table.c[name] for name in self._lane),
                before.c.status == DeliveryStatus.PENDING,
                before.c.number < table.c.number,
            )
            .exists()
        )
        mine = and_(self._scope.of(table), table.c.status == DeliveryStatus.PENDING, table.c.next_at <= now)
        return select(table).where(mine, ~first).order_by(table.c.number)

    def _at(self, number: int, attempts: int) -> ColumnElement[bool]:
        """The row, as long as nobody else has claimed it."""
        table = self._table
        pending = table.c.status == DeliveryStatus.PENDING
        return and_(self._scope.of(table), table.c.number == number, table.c.attempts == attempts, pending)

    def _record(self, connection: Connection, delivery: Row, said: str, values: dict[str, Any]) -> bool:
        change = (
            update(self._table)
            .where(self._at(delivery.number, delivery.attempts))
            .values(said=said[:LONGEST_SAID], **values)
        )
        return bool(connection.execute(change).rowcount)


def wait_seconds(attempts: int, retry_after: float | None = None) -> float:
    """How long to wait after so many attempts, at least as long as was asked for, within bounds."""
    backing_off = min(FIRST_WAIT_SECONDS * 2.0 ** min(attempts - 1, 30), LONGEST_WAIT_SECONDS)
    return max(backing_off, min(retry_after or 0.0, LONGEST_ASKED_SECONDS))
