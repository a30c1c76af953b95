"""The outbox of notices: written with the decision that caused them, sent afterwards, kept until they have arrived.

Source: the transactional outbox (microservices.io/patterns/data/transactional-outbox.html). Delivery is at least once:
a process that dies between sending and recording leaves a claim that expires, and the notice is sent again under the
same key. Claims are fenced by the number of attempts, so whoever comes late cannot record anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, select, update

from lockgate.core.notice import Delivery, DeliveryStatus, Notice, Severity
from lockgate.core.plain import to_plain
from lockgate.errors import UnknownName
from lockgate.store.cutover_tables import notice as outbox
from lockgate.store.database import Database, insert_into, now_of
from lockgate.store.scope import Scope

CLAIM_SECONDS = 180.0  # far longer than one attempt may take
MOST_ATTEMPTS = 24
FIRST_WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 3600.0
LONGEST_ASKED_SECONDS = 6 * 3600.0
LONGEST_SAID = 500


class NoticeLog:
    """The notices of one project on one target. When one is due is told by the database's clock."""

    def __init__(self, database: Database, scope: Scope, *, claim_seconds: float = CLAIM_SECONDS) -> None:
        """Keep notices of `scope` in `database`; a claim lasts `claim_seconds`."""
        self._database = database
        self._scope = scope
        self._claim = timedelta(seconds=claim_seconds)

    def add(self, notice: Notice, channels: Sequence[str], connection: Connection | None = None) -> int:
        """Puts a notice down for each channel: how many of them are new; one that was put down before stays as it is.

        With `connection`, which `Store.database.writing()` gives, it is part of that transaction: it is there if and
        only if what caused it is.
        """
        if not channels:
            return 0
        with self._joining(connection) as joined:
            now = now_of(joined)
            rows = [self._row(notice, channel, now) for channel in dict.fromkeys(channels)]
            once = insert_into(joined, outbox).on_conflict_do_nothing(
                index_elements=["project", "target", "notice_id", "channel"]
            )
            added = once.returning(outbox.c.number)
            return sum(joined.execute(added.values(row)).first() is not None for row in rows)

    def notices(
        self, status: DeliveryStatus | None = None, *, before: int | None = None, limit: int = 100
    ) -> tuple[Delivery, ...]:
        """What was ever put down, or what stands so, the newest first; numbered below `before` where it is given."""
        query = select(outbox).where(self._scope.of(outbox))
        if status is not None:
            query = query.where(outbox.c.status == status)
        if before is not None:
            query = query.where(outbox.c.number < before)
        query = query.order_by(outbox.c.number.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(_delivery(row) for row in connection.execute(query).mappings())

    def pending(self, *, limit: int = 100) -> tuple[Delivery, ...]:
        """What can be sent now, the oldest first."""
        with self._database.reading() as connection:
            found = connection.execute(self._due(now_of(connection)).limit(limit)).mappings()
            return tuple(_delivery(row) for row in found)

    def claim(self, *, apart_from: Collection[str] = ()) -> Delivery | None:
        """The oldest notice that is due, which nobody else sends until the claim expires; None where none is.

        Those for the channels `apart_from` are passed over.

        Of notices on one matter over one channel, a later one waits for those before it.
        """
        with self._database.writing() as connection:
            now = now_of(connection)
            due = self._due(now).where(outbox.c.channel.not_in(sorted(apart_from))).limit(20)
            for row in connection.execute(due).mappings().all():
                seen = and_(self._at(row["number"], row["attempts"]), outbox.c.next_at == row["next_at"])
                if row["attempts"] >= MOST_ATTEMPTS:
                    aside = {"status": DeliveryStatus.SET_ASIDE, "said": "every process that began to send it died"}
                    connection.execute(update(outbox).where(seen).values(aside))
                    continue
                taken = {"attempts": row["attempts"] + 1, "next_at": now + self._claim}
                if connection.execute(update(outbox).where(seen).values(taken)).rowcount:
                    return _delivery({**row, **taken})
        return None

    def sent(self, delivery: Delivery, said: str) -> bool:
        """Records that it has arrived; False where the claim was lost meanwhile."""
        with self._database.writing() as connection:
            values = {"status": DeliveryStatus.SENT, "sent_at": now_of(connection)}
            return self._record(connection, delivery, said, values)

    def failed(
        self, delivery: Delivery, said: str, *, is_final: bool = False, retry_after: float | None = None
    ) -> DeliveryStatus | None:
        """Records a failed attempt: how the notice stands now; None where the claim was lost meanwhile.

        It is tried again after 30 s, and twice as long each time up to an hour, or after `retry_after` seconds where
        these are more; it is set aside where the failure `is_final`, and after 24 attempts.
        """
        with self._database.writing() as connection:
            is_last = is_final or delivery.attempts >= MOST_ATTEMPTS
            status = DeliveryStatus.SET_ASIDE if is_last else DeliveryStatus.PENDING
            wait = timedelta(seconds=wait_seconds(delivery.attempts, retry_after))
            values = {"status": status, "next_at": now_of(connection) + wait}
            return status if self._record(connection, delivery, said, values) else None

    def retry(self, number: int) -> Delivery:
        """Lets a notice that was set aside be tried again, with all its attempts.

        Raises:
            UnknownName: there is no such notice on this target, or it was not set aside.
        """
        aside = and_(self._scope.of(outbox), outbox.c.number == number, outbox.c.status == DeliveryStatus.SET_ASIDE)
        with self._database.writing() as connection:
            values = {"status": DeliveryStatus.PENDING, "attempts": 0, "next_at": now_of(connection)}
            row = connection.execute(update(outbox).where(aside).values(values).returning(outbox)).mappings().first()
        if row is None:
            raise UnknownName(f"there is no notice {number} that was set aside", number=number)
        return _delivery(row)

    @contextmanager
    def _joining(self, connection: Connection | None) -> Iterator[Connection]:
        """The caller's transaction, or one of our own."""
        if connection is not None:
            yield connection
            return
        with self._database.writing() as own:
            yield own

    def _row(self, notice: Notice, channel: str, now: datetime) -> dict[str, object]:
        return {
            **self._scope.values(),
            "notice_id": notice.notice_id,
            "channel": channel,
            "about": notice.matter,
            "severity": notice.severity,
            "status": DeliveryStatus.PENDING,
            "attempts": 0,
            "next_at": now,
            "said": "",
            "added_at": now,
            "notice": to_plain(notice),
        }

    def _due(self, now: datetime) -> Any:
        """What is pending, nobody's claim, and has nothing before it on the same matter."""
        before = outbox.alias("before")
        first = (
            select(before.c.number)
            .where(
                before.c.project == self._scope.project,
                before.c.target == self._scope.target,
                before.c.channel == outbox.c.channel,
                before.c.about == outbox.c.about,
                before.c.status == DeliveryStatus.PENDING,
                before.c.number < outbox.c.number,
            )
            .exists()
        )
        mine = and_(self._scope.of(outbox), outbox.c.status == DeliveryStatus.PENDING, outbox.c.next_at <= now)
        return select(outbox).where(mine, ~first).order_by(outbox.c.number)

    def _at(self, number: int, attempts: int) -> ColumnElement[bool]:
        """The row, as long as nobody else has claimed it."""
        pending = outbox.c.status == DeliveryStatus.PENDING
        return and_(self._scope.of(outbox), outbox.c.number == number, outbox.c.attempts == attempts, pending)

    def _record(self, connection: Connection, delivery: Delivery, said: str, values: dict[str, Any]) -> bool:
        mine = self._at(delivery.number, delivery.attempts)
        return bool(connection.execute(update(outbox).where(mine).values(said=said[:LONGEST_SAID], **values)).rowcount)


def wait_seconds(attempts: int, retry_after: float | None = None) -> float:
    """How long to wait after so many attempts, at least as long as was asked for, within bounds."""
    backing_off = min(FIRST_WAIT_SECONDS * 2.0 ** min(attempts - 1, 30), LONGEST_WAIT_SECONDS)
    return max(backing_off, min(retry_after or 0.0, LONGEST_ASKED_SECONDS))


def _delivery(row: Mapping[str, Any] | RowMapping) -> Delivery:
    """A row as it is read by callers."""
    return Delivery(
        row["number"],
        row["channel"],
        _notice(row["notice"]),
        DeliveryStatus(row["status"]),
        row["attempts"],
        row["next_at"],
        row["said"],
        row["added_at"],
        row["sent_at"],
    )


def _notice(document: Mapping[str, Any]) -> Notice:
    read = {"at": datetime.fromisoformat(document["at"]), "severity": Severity(document["severity"])}
    return Notice(**{**document, **read})
