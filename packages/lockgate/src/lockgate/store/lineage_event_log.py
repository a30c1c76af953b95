"""The outbox of lineage events: put down as work goes by, sent afterwards in that order, kept until they arrived."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, select

from lockgate.core.lineage_event import CHANNEL, EventDelivery, EventDocument, Phase
from lockgate.core.notice import DeliveryStatus
from lockgate.errors import UnknownName
from lockgate.store.database import Database, now_of
from lockgate.store.lineage_tables import lineage_event as table
from lockgate.store.outbox import CLAIM_SECONDS, Outbox
from lockgate.store.scope import Scope

# What arrived is of use for a look at what was sent; the receiver keeps it.
KEPT = timedelta(days=7)
SEARCHED = 5000


class LineageEventLog:
    """The lineage events of one project on one target; each waits for all before it."""

    def __init__(self, database: Database, scope: Scope, *, claim_seconds: float = CLAIM_SECONDS) -> None:
        """Keep events of `scope` in `database`; a claim lasts `claim_seconds`."""
        self._database = database
        self._scope = scope
        self._outbox = Outbox(database, scope, table, lane=(), claim_seconds=claim_seconds)

    def add(self, events: Sequence[EventDocument]) -> int:
        """Puts events down in one transaction: how many of them are new; one of a known id stays as it is."""
        rows = [{"event_id": one.event_id, "event": dict(one.document)} for one in events]
        return self._outbox.add(rows, ("event_id",))

    def events(self, status: DeliveryStatus | None = None, *, limit: int = 100) -> tuple[EventDelivery, ...]:
        """What was put down and is kept, or what stands so, the newest first."""
        return tuple(_delivery(row) for row in self._outbox.newest(status, before=None, limit=limit))

    def claim(self, *, apart_from: Collection[str] = ()) -> EventDelivery | None:
        """The oldest event, if it is due; nobody else sends it, nor any after it, until the claim expires."""
        row = None if CHANNEL in apart_from else self._outbox.claim()
        return _delivery(row) if row is not None else None

    def sent(self, delivery: EventDelivery, said: str) -> bool:
        """Records that it has arrived; False where the claim was lost meanwhile."""
        return self._outbox.sent(delivery.number, delivery.attempts, said)

    def failed(
        self, delivery: EventDelivery, said: str, *, is_final: bool = False, retry_after: float | None = None
    ) -> DeliveryStatus | None:
        """Records a failed attempt, as `Outbox.failed` does."""
        return self._outbox.failed(delivery.number, delivery.attempts, said, is_final=is_final, retry_after=retry_after)

    def retry(self, number: int) -> EventDelivery:
        """Lets an event that was set aside be tried again, with all its attempts.

        Raises:
            UnknownName: there is no such event on this target, or it was not set aside.
        """
        row = self._outbox.retry(number)
        if row is None:
            raise UnknownName(f"there is no lineage event {number} that was set aside", number=number)
        return _delivery(row)

    def unended(self) -> tuple[Mapping[str, Any], ...]:
        """Of the newest 5,000 events, those that say that a run began whose end nobody has put down, the oldest first.

        Ask it under the target's lock: what has not ended then will not.
        """
        newest = select(table.c.event_id, table.c.event).where(self._scope.of(table))
        newest = newest.order_by(table.c.number.desc()).limit(SEARCHED)
        with self._database.reading() as connection:
            rows: list[tuple[str, Mapping[str, Any]]] = [(row[0], row[1]) for row in connection.execute(newest)]
        ended = {event_id.partition("/")[0] for event_id, _ in rows if not event_id.endswith(f"/{Phase.START}")}
        begun = ((event_id.partition("/")[0], event) for event_id, event in reversed(rows))
        return tuple(event for run_id, event in begun if run_id not in ended)

    def forget(self) -> None:
        """Takes out what arrived more than seven days ago."""
        with self._database.writing() as connection:
            arrived = self._scope.of(table) & (table.c.status == DeliveryStatus.SENT)
            connection.execute(delete(table).where(arrived, table.c.sent_at < now_of(connection) - KEPT))


def _delivery(row: Mapping[str, Any] | RowMapping) -> EventDelivery:
    """A row as it is read by callers."""
    return EventDelivery(
        row["number"],
        EventDocument(row["event_id"], row["event"]),
        DeliveryStatus(row["status"]),
        row["attempts"],
        row["next_at"],
        row["said"],
        row["added_at"],
        row["sent_at"],
    )
