"""What one load is to fetch, decided from what the target holds: all or the rest, from which cursor, which files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lockgate.core.load import CursorRange, Landed, LoadMode, SourceFile
from lockgate.core.relation import Column
from lockgate.core.run import Bounds
from lockgate.core.stream import Stream
from lockgate.ingest.cursor import begin, furthest


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What to fetch; `files` are those still to be read of a source of files, `manifest` all that will then be landed.

    `stream` has the types that stand: those declared, then those of the columns that the log has already.
    """

    stream: Stream
    mode: LoadMode
    cursor: CursorRange
    files: tuple[SourceFile, ...]
    manifest: str

    @property
    def fingerprint(self) -> str:
        """Changes with anything that makes packages staged before useless."""
        said = repr((self.stream, self.mode, self.cursor, self.files))
        return hashlib.sha256(said.encode()).hexdigest()


def load_order(
    stream: Stream,
    bounds: Bounds,
    *,
    landed: Sequence[Landed],
    known: Sequence[Column],
    files: tuple[SourceFile, ...],
) -> LoadOrder | None:
    """What to fetch; None where the source has only files that are landed already.

    Raises:
        SourceRefused: a lookback is asked for, and the cursor is no instant.
    """
    is_whole = bounds.full or stream.cursor is None
    shown = _shown(landed)
    done = set() if bounds.full else {tuple(entry) for load in shown for entry in _entries(load.manifest)}
    present = {(file.name, file.size, file.version) for file in files}
    if files and present <= done and (stream.cursor is not None or present == done):
        return None
    fresh = files if is_whole else tuple(file for file in files if (file.name, file.size, file.version) not in done)
    since = bounds.since
    if not is_whole and since is None and not files:
        since = begin(furthest(load.cursor_until for load in shown), stream.lookback)
    return LoadOrder(
        stream=replace(stream, columns=_standing(stream, known)),
        mode=LoadMode.REPLACE if is_whole else LoadMode.APPEND,
        cursor=CursorRange(since, bounds.until),
        files=fresh,
        manifest=json.dumps([[file.name, file.size, file.version] for file in fresh]) if fresh else "",
    )


def _shown(landed: Sequence[Landed]) -> list[Landed]:
    """The loads from the newest replacing one on, oldest first."""
    ordered = sorted(landed, key=lambda load: load.load_id)
    starts = [place for place, load in enumerate(ordered) if load.mode is LoadMode.REPLACE]
    return ordered[starts[-1] :] if starts else ordered


def _entries(manifest: str) -> list[list[object]]:
    return json.loads(manifest) if manifest else []


def _standing(stream: Stream, known: Sequence[Column]) -> tuple[Column, ...]:
    """Declared columns, then those that the log has beyond them; Lockgate's own are no record's."""
    declared = {column.name for column in stream.columns}
    more = (column for column in known if column.name not in declared and not column.name.startswith("_"))
    return (*stream.columns, *more)
