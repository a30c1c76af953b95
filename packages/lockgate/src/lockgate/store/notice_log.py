"""The outbox of notices: written with the decision that caused them, sent afterwards, kept until they have arrived."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from lockgate.core.notice import Delivery, DeliveryStatus, Notice, Severity
from lockgate.core.plain import to_plain
from lockgate.store.cutover_tables import notice as table
from lockgate.store.outbox import Outbox, standing


class NoticeLog(Outbox[Delivery]):
    """The notices of one project on one target: of those on one matter over one channel, a later one waits."""

    _table = table
    _what = "notice"
    _lane = ("channel", "about")

    def add(self, notice: Notice, channels: Sequence[str], connection: Connection | None = None) -> int:
        """Puts a notice down for each channel: how many of them are new; one that was put down before stays as it is.

        With `connection`, which `Store.database.writing()` gives, it is part of that transaction: it is there if and
        only if what caused it is.
        """
        rows = [_row(notice, channel) for channel in dict.fromkeys(channels)]
        return self._put_down(rows, ("notice_id", "channel"), connection)

    def notices(
        self, status: DeliveryStatus | None = None, *, before: int | None = None, limit: int = 100
    ) -> tuple[Delivery, ...]:
        """What was ever put down, or what stands so, the newest first; numbered below `before` where it is given."""
        return self._newest(status, before=before, limit=limit)

    def claim(self, *, apart_from: Collection[str] = ()) -> Delivery | None:
        """The oldest notice that is due, which nobody else sends until the claim expires; None where none is.

        Those for the channels `apart_from` are passed over.
        """
        return self._claim(table.c.channel.not_in(sorted(apart_from)))

    def _read(self, row: Mapping[str, Any]) -> Delivery:
        """See `Outbox`."""
        return Delivery(channel=row["channel"], notice=_notice(row["notice"]), **standing(row))


def _row(notice: Notice, channel: str) -> dict[str, object]:
    return {
        "notice_id": notice.notice_id,
        "channel": channel,
        "about": notice.matter,
        "severity": notice.severity,
        "notice": to_plain(notice),
    }


def _notice(document: Mapping[str, Any]) -> Notice:
    read = {"at": datetime.fromisoformat(document["at"]), "severity": Severity(document["severity"])}
    return Notice(**{**document, **read})
