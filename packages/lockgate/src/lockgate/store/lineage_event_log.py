"""The outbox of lineage events: put down as work goes by, sent afterwards in that order, kept until they arrived."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, delete, or_, select

from lockgate.core.lineage_event import CHANNEL, EventDelivery, EventDocument, Phase
from lockgate.core.notice import DeliveryStatus
from lockgate.store.database import now_of
from lockgate.store.lineage_tables import lineage_event as table
from lockgate.store.outbox import Outbox, standing

# What arrived is of use for a look at what was sent; the receiver keeps it.
KEPT = timedelta(days=7)
# What was set aside is there for somebody to try it again.
KEPT_ASIDE = timedelta(days=90)

Rows = FromClause


class LineageEventLog(Outbox[EventDelivery]):
    """The lineage events of one project on one target; each waits for all before it."""

    _table = table
    _what = "lineage event"

    def add(self, events: Sequence[EventDocument]) -> int:
        """Puts events down in one transaction: how many of them are new; one of a known id stays as it is."""
        rows = [_row(one) for one in events]
        return self._put_down(rows, ("event_id",))

    def events(self, status: DeliveryStatus | None = None, *, limit: int = 100) -> tuple[EventDelivery, ...]:
        """What was put down and is kept, or what stands so, the newest first."""
        return self._newest(status, before=None, limit=limit)

    def claim(self, *, apart_from: Collection[str] = ()) -> EventDelivery | None:
        """The oldest event, if it is due; nobody else sends it, nor any after it, until the claim expires."""
        return None if CHANNEL in apart_from else self._claim()

    def unended(self) -> tuple[Mapping[str, Any], ...]:
        """Those events that say that a run began whose end nobody has put down, the oldest first.

        Ask it under the target's lock: what has not ended then will not.
        """
        begun = self._scope.of(table) & (table.c.phase == Phase.START)
        query = select(table.c.event).where(begun, ~self._same_run(_ends)).order_by(table.c.number)
        with self._database.reading() as connection:
            return tuple(connection.execute(query).scalars())

    def forget(self) -> None:
        """Takes out the runs that ended, of which every event arrived more than seven days ago.

        One that was set aside is waited for 90 days from when it was put down, and its run with it.
        """
        with self._database.writing() as connection:
            now = now_of(connection)
            ended = ~self._same_run(lambda other: ~_is_over(other, now)) & self._same_run(_ends)
            connection.execute(delete(table).where(self._scope.of(table), _is_over(table, now), ended))

    def _same_run(self, condition: Callable[[Rows], ColumnElement[bool]]) -> ColumnElement[bool]:
        """Whether the run of a row has an event of which this is true."""
        other = table.alias("other")
        of_run = (
            other.c.project == self._scope.project,
            other.c.target == self._scope.target,
            other.c.run_id == table.c.run_id,
        )
        return select(other.c.number).where(*of_run, condition(other)).correlate(table).exists()

    def _read(self, row: Mapping[str, Any]) -> EventDelivery:
        """See `Outbox`."""
        return EventDelivery(event=EventDocument(row["event_id"], row["event"]), **standing(row))


def _ends(rows: Rows) -> ColumnElement[bool]:
    return rows.c.phase != Phase.START


def _is_over(rows: Rows, now: datetime) -> ColumnElement[bool]:
    """Whether nobody needs an event any more for its own sake."""
    arrived = and_(rows.c.status == DeliveryStatus.SENT, rows.c.sent_at < now - KEPT)
    return or_(arrived, and_(rows.c.status == DeliveryStatus.SET_ASIDE, rows.c.added_at < now - KEPT_ASIDE))


def _row(event: EventDocument) -> dict[str, object]:
    run_id, _, phase = event.event_id.partition("/")
    return {"event_id": event.event_id, "run_id": run_id, "phase": phase, "event": dict(event.document)}
