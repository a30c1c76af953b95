"""The outbox of notices: written with the decision that caused them, sent afterwards, kept until they have arrived."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from lockgate.core.notice import Delivery, DeliveryStatus, Notice, Severity
from lockgate.core.plain import to_plain
from lockgate.errors import UnknownName
from lockgate.store.cutover_tables import notice as table
from lockgate.store.database import Database
from lockgate.store.outbox import CLAIM_SECONDS, Outbox
from lockgate.store.scope import Scope


class NoticeLog:
    """The notices of one project on one target: of those on one matter over one channel, a later one waits."""

    def __init__(self, database: Database, scope: Scope, *, claim_seconds: float = CLAIM_SECONDS) -> None:
        """Keep notices of `scope` in `database`; a claim lasts `claim_seconds`."""
        self._outbox = Outbox(database, scope, table, lane=("channel", "about"), claim_seconds=claim_seconds)

    def add(self, notice: Notice, channels: Sequence[str], connection: Connection | None = None) -> int:
        """Puts a notice down for each channel: how many of them are new; one that was put down before stays as it is.

        With `connection`, which `Store.database.writing()` gives, it is part of that transaction: it is there if and
        only if what caused it is.
        """
        rows = [_row(notice, channel) for channel in dict.fromkeys(channels)]
        return self._outbox.add(rows, ("notice_id", "channel"), connection)

    def notices(
        self, status: DeliveryStatus | None = None, *, before: int | None = None, limit: int = 100
    ) -> tuple[Delivery, ...]:
        """What was ever put down, or what stands so, the newest first; numbered below `before` where it is given."""
        return tuple(_delivery(row) for row in self._outbox.newest(status, before=before, limit=limit))

    def pending(self, *, limit: int = 100) -> tuple[Delivery, ...]:
        """What can be sent now, the oldest first."""
        return tuple(_delivery(row) for row in self._outbox.pending(limit=limit))

    def claim(self, *, apart_from: Collection[str] = ()) -> Delivery | None:
        """The oldest notice that is due, which nobody else sends until the claim expires; None where none is.

        Those for the channels `apart_from` are passed over.
        """
        row = self._outbox.claim(table.c.channel.not_in(sorted(apart_from)))
        return _delivery(row) if row is not None else None

    def sent(self, delivery: Delivery, said: str) -> bool:
        """Records that it has arrived; False where the claim was lost meanwhile."""
        return self._outbox.sent(delivery.number, delivery.attempts, said)

    def failed(
        self, delivery: Delivery, said: str, *, is_final: bool = False, retry_after: float | None = None
    ) -> DeliveryStatus | None:
        """Records a failed attempt, as `Outbox.failed` does."""
        return self._outbox.failed(delivery.number, delivery.attempts, said, is_final=is_final, retry_after=retry_after)

    def retry(self, number: int) -> Delivery:
        """Lets a notice that was set aside be tried again, with all its attempts.

        Raises:
            UnknownName: there is no such notice on this target, or it was not set aside.
        """
        row = self._outbox.retry(number)
        if row is None:
            raise UnknownName(f"there is no notice {number} that was set aside", number=number)
        return _delivery(row)


def _row(notice: Notice, channel: str) -> dict[str, object]:
    return {
        "notice_id": notice.notice_id,
        "channel": channel,
        "about": notice.matter,
        "severity": notice.severity,
        "notice": to_plain(notice),
    }


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
