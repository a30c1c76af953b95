"""One load: staged package by package, landed at once, written down; killed anywhere, the next one ends the same."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lockgate.core.load import CursorRange, Landed, Landing, Load, LoadMode, LoadStatus, SourceFile
from lockgate.core.ports import Clock, Extraction, Landings, LoadLedger, SourceReader, Staged, Stager, StagingOrder
from lockgate.core.relation import Column, Relation
from lockgate.core.run import Bounds
from lockgate.core.stream import Source, Stream
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import DiskFull, LoadError, LockgateError, SourceRefused
from lockgate.ingest.columns import (
    landing_columns,
    names_in,
    refuse_lacking,
    refuse_misencoded,
    refuse_missing,
    seen,
    settled,
)
from lockgate.ingest.cursor import before, highest, landed_until
from lockgate.ingest.identity import definition_of, manifest_of, request_of

_MICROSECOND = timedelta(microseconds=1)
_REQUEST, _RESUME = "request", "resume"


@dataclass(frozen=True, slots=True)
class LoadPorts:
    """What a load uses of the world; staged files stand in `<folder>/<load id>/` until the target has them."""

    reader: SourceReader
    stager: Stager
    ledger: LoadLedger
    landings: Landings
    folder: Path
    clock: Clock


def load_stream(source: Source, stream: Stream, ports: LoadPorts, bounds: Bounds) -> Load:
    """Loads one stream into the target's raw log, or goes on with the load that was interrupted.

    A stream with a cursor is added to, from its lookback before what the target holds; one without is replaced. Files
    that have not changed since they were loaded are not loaded again: the answer is that load, `unchanged`. Two loads
    of one stream must not run at once.

    Raises:
        SourceRefused: bounds are asked for of a stream without a cursor, or of a whole load.
        SourceUnavailable: the source does not answer; the next call goes on where this one ended.
        LoadError: the source's answer cannot be loaded; nothing of it was landed, and the next call begins anew.
        DiskFull: nothing is left behind.
        WarehouseError: the target failed; the next call lands what is staged.
    """
    is_part = bounds.since is not None or bounds.until is not None
    if is_part and bounds.full:
        raise SourceRefused(
            f"{stream.name} can be loaded whole or within bounds, not both",
            hint="A whole load takes the place of what `raw` shows: leave out either `full`, or `since` and `until`.",
        )
    if is_part and not stream.cursor:
        raise SourceRefused(
            f"{stream.name} has no cursor, so it cannot be loaded from or up to a value",
            hint="Name the stream's `cursor`, or load it whole.",
        )
    return _Loading(source, stream, bounds, ports).run()


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked of this load, and what the source's files are."""

    stream: Stream
    files: tuple[SourceFile, ...]
    manifest: str
    digest: str


@dataclass(slots=True)
class _Progress:
    """A load under way: the packages it has staged, the position of the next record, the columns brought so far.

    `lacking` names the stream's columns that none of its packages has; None before the first one.
    """

    load: Load
    resume: Mapping[str, object] | None = None
    staged: list[Staged] = field(default_factory=list)
    next_row: int = 1
    seen: tuple[Column, ...] = ()
    lacking: frozenset[str] | None = None

    def add(self, staged: Staged, stream: Stream) -> None:
        """Takes one more package."""
        self.staged.append(staged)
        self.next_row += staged.rows + staged.rejected
        self.seen = seen(self.seen, staged, stream)
        self.lacking = frozenset(staged.lacking) & (self.lacking if self.lacking is not None else set(staged.lacking))


@dataclass(frozen=True, slots=True)
class _Loading:
    """A call of `load_stream`."""

    source: Source
    stream: Stream
    bounds: Bounds
    ports: LoadPorts

    @property
    def relation(self) -> Relation:
        return self.source.relation(self.stream)

    @property
    def mode(self) -> LoadMode:
        return LoadMode.REPLACE if self.bounds.full or not self.stream.cursor else LoadMode.APPEND

    def run(self) -> Load:
        """The load, landed; or the one before, unchanged."""
        landed = self.ports.landings.landed(self.relation)
        unfinished = self.ports.ledger.unfinished(self.source.name, self.stream.name)
        if unfinished is not None:
            for there in landed:
                if there.load_id == unfinished.load_id:
                    return self._finished(_landed(unfinished, there, self.ports.clock()))
        request = self._request()
        progress = None if unfinished is None else self._progress(unfinished, request)
        if unfinished is not None and progress is None:
            self._give_up(unfinished, "another load was asked for, or its staged files are gone")
        if progress is None:
            if landed and self.bounds == Bounds() and request.manifest and landed[-1].manifest == request.manifest:
                return self._unchanged(landed[-1])
            progress = self._begun(landed, request)
        return self._ended(progress, request)

    def _request(self) -> _Request:
        """What to read now."""
        definition = definition_of(self.source, self.stream, self.mode)
        files = self.ports.reader.files(self.stream)
        stream = settled(self.stream, self.ports.landings.columns(self.relation))
        return _Request(stream, files, manifest_of(definition, files), request_of(definition, self.bounds, files))

    def _progress(self, load: Load, request: _Request) -> _Progress | None:
        """How far an unfinished load has come; None where nothing of it can be gone on with."""
        packages = self.ports.ledger.staged(load.load_id)
        staged, notes = tuple(one for one, _ in packages), [note or {} for _, note in packages]
        if not packages or not all(_is_there(one) for one in staged):
            return None
        if any(note.get(_REQUEST) != request.digest for note in notes):
            return None
        resume = notes[-1].get(_RESUME)
        if load.status is LoadStatus.EXTRACTING and not isinstance(resume, Mapping):
            return None
        progress = _Progress(load, resume if isinstance(resume, Mapping) else None)
        for one in staged:
            progress.add(one, request.stream)
        return progress

    def _begun(self, landed: tuple[Landed, ...], request: _Request) -> _Progress:
        """A new load, numbered above every one that the target holds."""
        now = self.ports.clock()
        above = max((load.load_id for load in landed), default=0) + 1
        load = Load(
            load_id=max(_microseconds(now), above),
            source=self.source.name,
            stream=self.stream.name,
            relation=self.relation,
            mode=self.mode,
            status=LoadStatus.EXTRACTING,
            started_at=now,
            cursor=CursorRange(self._since(landed, request.stream), self.bounds.until),
        )
        return _Progress(self.ports.ledger.open_load(load))

    def _since(self, landed: tuple[Landed, ...], stream: Stream) -> str | None:
        """The lowest cursor value to ask for."""
        if self.bounds.since is not None or self.mode is LoadMode.REPLACE:
            return self.bounds.since
        until = landed_until(landed, _cursor_type(stream))
        return None if until is None else before(until, self.stream.lookback)

    def _ended(self, progress: _Progress, request: _Request) -> Load:
        """Stages what is missing, lands it, and removes the staged files."""
        load = progress.load
        try:
            if load.status is LoadStatus.EXTRACTING:
                self._extract(progress, request)
            landing = self._landing(progress, request)
            there = self.ports.landings.land(landing)
        except (LoadError, DiskFull) as error:
            self._give_up(load, _told(error))
            raise
        measured = replace(load, files=len(landing.files), bytes=sum(file.stat().st_size for file in landing.files))
        return self._finished(_landed(measured, there, self.ports.clock()))

    def _extract(self, progress: _Progress, request: _Request) -> None:
        """Stages every package that is missing."""
        load, stream = progress.load, request.stream
        asked = Extraction(stream, load.cursor, request.files, progress.resume)
        for package in self.ports.reader.extract(asked):
            order = StagingOrder(
                stream=stream,
                load_id=load.load_id,
                number=len(progress.staged) + 1,
                first_row=progress.next_row,
                folder=self._folder(load),
                seen=progress.seen,
            )
            one = self.ports.stager.stage(package, order)
            if one.rows + one.rejected:
                refuse_missing(names_in(one), stream)
            self.ports.ledger.add_staged(load.load_id, one, {_REQUEST: request.digest, _RESUME: package.resume})
            progress.add(one, stream)
        refuse_lacking(progress.lacking or frozenset(), self.stream)
        refuse_misencoded(progress.staged, self.stream)
        progress.load = replace(load, status=LoadStatus.STAGED)
        self.ports.ledger.finish(progress.load)

    def _landing(self, progress: _Progress, request: _Request) -> Landing:
        """What the target gets."""
        load, staged = progress.load, progress.staged
        columns = landing_columns(staged, progress.seen, request.stream)
        types = {column.name: column.type for column in columns}
        cursor_type = types.get(self.stream.cursor or "", ColumnType(Kind.TEXT))
        files = tuple(one.file for one in staged if one.rows)
        for file in files:
            self.ports.stager.align(file, columns)
        return Landing(
            load_id=load.load_id,
            relation=load.relation,
            mode=load.mode,
            columns=columns,
            files=files,
            rejects=tuple(one.rejects for one in staged if one.rejects),
            rows=sum(one.rows for one in staged),
            rejected=sum(one.rejected for one in staged),
            cursor_until=highest((one.cursor_until for one in staged), cursor_type),
            manifest=request.manifest,
        )

    def _finished(self, load: Load) -> Load:
        """Ends a load that the target holds; its staged files go first, so that none is ever forgotten."""
        shutil.rmtree(self._folder(load), ignore_errors=True)
        self.ports.ledger.finish(load)
        return load

    def _give_up(self, load: Load, reason: str) -> None:
        """Ends a load of which nothing was landed."""
        shutil.rmtree(self._folder(load), ignore_errors=True)
        self.ports.ledger.finish(replace(load, status=LoadStatus.FAILED, finished_at=self.ports.clock(), error=reason))

    def _unchanged(self, there: Landed) -> Load:
        """The load that the target holds of files that are the same still."""
        now = self.ports.clock()
        names = (self.source.name, self.stream.name)
        load = Load(there.load_id, *names, there.relation, there.mode, LoadStatus.UNCHANGED, now)
        return replace(_landed(load, there, now), status=LoadStatus.UNCHANGED)

    def _folder(self, load: Load) -> Path:
        return self.ports.folder / str(load.load_id)


def _landed(load: Load, there: Landed, now: datetime) -> Load:
    """A load as the target tells of it."""
    cursor = CursorRange(load.cursor.since, there.cursor_until)
    return replace(
        load, status=LoadStatus.LANDED, finished_at=now, rows=there.rows, rejected=there.rejected, cursor=cursor
    )


def _is_there(staged: Staged) -> bool:
    """Whether a staged package's files are whole."""
    expected = [(staged.file, staged.rows), *([(staged.rejects, staged.rejected)] if staged.rejects else [])]
    try:
        return all(pq.read_metadata(file).num_rows == rows for file, rows in expected)
    except (OSError, pa.ArrowInvalid):
        return False


def _cursor_type(stream: Stream) -> ColumnType:
    found = (column.type for column in stream.columns if column.name == stream.cursor)
    return next(found, ColumnType(Kind.TEXT))


def _microseconds(instant: datetime) -> int:
    """Microseconds since the epoch, exactly."""
    epoch = datetime(1970, 1, 1, tzinfo=instant.tzinfo)
    return (instant - epoch) // _MICROSECOND


def _told(error: LockgateError) -> str:
    return f"{error.code} {error.message}"
