"""Pages of a stream in a stable order, each carrying the cursor of the next."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from inventory.generate.chance import Integers
from inventory.generate.versions import Delivered

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 2**53


class CursorUnknown(ValueError):
    """The cursor was not given out by this listing."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a listing stands: the wave and the filter it began with, and how many of its rows it has given out."""

    stream: str
    wave: int
    since: int
    given: int

    def written(self) -> str:
        """The cursor as clients see it: opaque text."""
        fields = [self.stream, self.wave, self.since, self.given]
        return base64.urlsafe_b64encode(json.dumps(fields, separators=(",", ":")).encode()).decode()

    @classmethod
    def read(cls, written: str) -> Cursor:
        """The cursor that was written.

        Raises:
            CursorUnknown: it was not written by us.
        """
        try:
            stream, *numbers = json.loads(base64.b64decode(written, altchars=b"-_", validate=True))
            wave, since, given = (int(number) for number in numbers)
        except (ValueError, TypeError, binascii.Error) as broken:
            raise CursorUnknown("the cursor is not one of ours") from broken
        cursor = cls(str(stream), wave, since, given)
        if cursor.written() != written or given < 0 or abs(since) > _LATEST:
            raise CursorUnknown("the cursor is not one of ours")
        return cursor


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a listing, the cursor of the page behind (None on the last), and how many rows the listing has."""

    items: list[dict[str, Any]]
    next: str | None
    total: int


@dataclass(frozen=True, slots=True)
class _Snapshot:
    rows: pa.Table
    stamps: Integers


class Listing:
    """One stream, ordered by `updated_at` and then by the order of delivery, as of each wave."""

    def __init__(self, name: str, delivered: Delivered, last_wave: int) -> None:
        self._name = name
        self._snapshots = [_snapshot(delivered.as_of(wave)) for wave in range(last_wave + 1)]

    def start(self, wave: int, since: datetime | None) -> Cursor:
        """A cursor at the beginning of the rows stamped at `since` or later, as of `wave`."""
        return Cursor(self._name, wave, 0 if since is None else _milliseconds(since), 0)

    def page(self, cursor: Cursor, size: int) -> Page:
        """At most `size` rows from where the cursor stands.

        Raises:
            CursorUnknown: the cursor belongs to another stream, or stands behind the end.
        """
        if cursor.stream != self._name or not 0 <= cursor.wave < len(self._snapshots):
            raise CursorUnknown(f"the cursor is not one of {self._name}")
        snapshot = self._snapshots[cursor.wave]
        first = int(np.searchsorted(snapshot.stamps, cursor.since))
        total = len(snapshot.stamps) - first
        if cursor.given > total:
            raise CursorUnknown("the cursor stands behind the end")
        given = min(cursor.given + size, total)
        items = snapshot.rows.slice(first + cursor.given, given - cursor.given).to_pylist()
        behind = Cursor(cursor.stream, cursor.wave, cursor.since, given).written() if given < total else None
        return Page(items, behind, total)


def _snapshot(rows: pa.Table) -> _Snapshot:
    stamps = pc.strptime(pc.utf8_slice_codeunits(rows["updated_at"], 0, 19), "%Y-%m-%dT%H:%M:%S", "s")
    thousandths = pc.cast(pc.utf8_slice_codeunits(rows["updated_at"], 20, 23), pa.int64())
    milliseconds = pc.add(pc.multiply(pc.cast(stamps, pa.int64()), 1000), thousandths).to_numpy()
    order = np.argsort(milliseconds, kind="stable")
    return _Snapshot(rows.take(pa.array(order)).combine_chunks(), milliseconds[order])


def _milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, rounded up: the first that are not before the moment."""
    since = moment - _EPOCH
    whole = since.days * 86_400_000 + since.seconds * 1000
    return whole - (-since.microseconds // 1000)
