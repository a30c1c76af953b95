"""One load of one stream, from the first package to the landing, and how it goes on after it was interrupted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lockgate.core.load import Landing, Load, LoadMode, LoadStatus
from lockgate.core.ports import Clock, Extraction, LoadLedger, SourceReader, Staged, Stager, StagingOrder, Warehouse
from lockgate.core.relation import Column
from lockgate.core.run import Bounds
from lockgate.core.stream import Source, Stream
from lockgate.errors import FatalError
from lockgate.ingest.cursor import furthest
from lockgate.ingest.order import LoadOrder, load_order

ORDER_FILE = "order.json"


@dataclass(frozen=True, slots=True)
class LoadPorts:
    """What a load uses of the world; `folder` keeps staged packages until they are landed."""

    reader: SourceReader
    stager: Stager
    ledger: LoadLedger
    landings: Warehouse
    folder: Path
    clock: Clock


def load_stream(source: Source, stream: Stream, ports: LoadPorts, bounds: Bounds) -> Load:
    """Loads a stream into the target's raw log: the load, landed whole; or the one before, where nothing is new.

    Killed at any instant, the next call goes on after the last staged package, or begins anew where it cannot; nothing
    is landed twice. Where to begin comes from what the target holds, so the cursor is never ahead of the data.

    Raises:
        LoadError: the source or its records refuse to be loaded; nothing was landed.
        SourceUnavailable: the source does not answer; what is staged stays, to go on from.
    """
    work = _Work(source, stream, ports)
    work.mend()
    relation = source.relation(stream)
    landed, known = ports.landings.landed(relation), ports.landings.columns(relation)
    order = load_order(stream, bounds, landed=landed, known=known, files=ports.reader.files(stream))
    if order is None:
        last = landed[-1]
        return replace(work.new_load(last.mode), load_id=last.load_id, status=LoadStatus.UNCHANGED, rows=last.rows)
    return work.run(order)


@dataclass(slots=True)
class _Work:
    """One load under way."""

    source: Source
    stream: Stream
    ports: LoadPorts
    staged: list[Staged] = field(default_factory=list)
    resume: Mapping[str, object] | None = None

    def new_load(self, mode: LoadMode) -> Load:
        """A load that begins now, not yet stored."""
        now = self.ports.clock()
        relation = self.source.relation(self.stream)
        number = int(now.timestamp() * 1_000_000)
        return Load(number, self.source.name, self.stream.name, relation, mode, LoadStatus.EXTRACTING, now)

    def mend(self) -> None:
        """Tells the ledger of a load that the target has landed, and that died before it could say so."""
        load = self.ports.ledger.unfinished(self.source.name, self.stream.name)
        if load is None:
            return
        for landed in self.ports.landings.landed(load.relation):
            if landed.load_id == load.load_id:
                self._finish(replace(load, rows=landed.rows, rejected=landed.rejected), LoadStatus.LANDED)

    def run(self, order: LoadOrder) -> Load:
        """Goes on with the unfinished load, or begins one; stages what is left; lands it."""
        load = self._resumed(order) or self._begun(order)
        try:
            self._stage(load, order)
            return self._land(load, order)
        except FatalError as error:
            self._finish(load, LoadStatus.FAILED, error=f"{error.code} {error.message}")
            raise

    def _resumed(self, order: LoadOrder) -> Load | None:
        """The unfinished load, where its packages still serve; one whose packages do not is given up."""
        load = self.ports.ledger.unfinished(self.source.name, self.stream.name)
        if load is None:
            return None
        staged = self.ports.ledger.staged(load.load_id)
        if staged and self._serves(load, order, staged):
            self.staged = [one for one, _ in staged]
            self.resume = staged[-1][1]
            return load
        self._finish(load, LoadStatus.FAILED, error="given up: it could not go on where it was interrupted")
        return None

    def _serves(
        self, load: Load, order: LoadOrder, staged: tuple[tuple[Staged, Mapping[str, object] | None], ...]
    ) -> bool:
        path = self._place(load) / ORDER_FILE
        if staged[-1][1] is None or not path.is_file():
            return False
        is_same = json.loads(path.read_text(encoding="utf-8")) == order.fingerprint
        return is_same and all(one.file.is_file() for one, _ in staged)

    def _begun(self, order: LoadOrder) -> Load:
        wanted = replace(self.new_load(order.mode), cursor=order.cursor)
        newest = max((one.load_id for one in self.ports.landings.landed(wanted.relation)), default=0)
        load = self.ports.ledger.open_load(replace(wanted, load_id=max(wanted.load_id, newest + 1)))
        place = self._place(load)
        place.mkdir(parents=True, exist_ok=True)
        (place / ORDER_FILE).write_text(json.dumps(order.fingerprint), encoding="utf-8")
        return load

    def _stage(self, load: Load, order: LoadOrder) -> None:
        """Stages the packages that are left, remembering each before the next is asked for."""
        extraction = Extraction(order.stream, order.cursor, order.files, self.resume)
        for package in self.ports.reader.extract(extraction):
            done = StagingOrder(
                stream=order.stream,
                load_id=load.load_id,
                number=len(self.staged) + 1,
                first_row=1 + sum(one.rows + one.rejected for one in self.staged),
                folder=self._place(load),
                seen=self._columns(),
            )
            staged = self.ports.stager.stage(package, done)
            self.ports.ledger.add_staged(load.load_id, staged, package.resume)
            self.staged.append(staged)

    def _columns(self) -> tuple[Column, ...]:
        """The columns of the packages so far; the newest type of each, which is the widest."""
        return tuple({column.name: column for one in self.staged for column in one.columns}.values())

    def _land(self, load: Load, order: LoadOrder) -> Load:
        """Lands what is staged; an incremental load without a record has nothing to land."""
        columns = self._columns() or order.stream.columns
        for one in self.staged:
            self.ports.stager.align(one.file, columns)
        rows, rejected = sum(one.rows for one in self.staged), sum(one.rejected for one in self.staged)
        until = furthest(one.cursor_until for one in self.staged)
        ready = replace(
            load,
            rows=rows,
            rejected=rejected,
            files=len(self.staged),
            bytes=sum(one.file.stat().st_size for one in self.staged),
            cursor=replace(load.cursor, until=until),
        )
        self.ports.ledger.finish(replace(ready, status=LoadStatus.STAGED))
        files, rejects = [one.file for one in self.staged], [one.rejects for one in self.staged if one.rejects]
        landing = Landing(
            load.load_id,
            load.relation,
            load.mode,
            columns,
            tuple(files),
            tuple(rejects),
            rows,
            rejected,
            until,
            order.manifest,
        )
        self.ports.landings.land(landing)
        return self._finish(ready, LoadStatus.LANDED)

    def _finish(self, load: Load, status: LoadStatus, *, error: str = "") -> Load:
        """Stores a load's end and removes its staged files."""
        ended = replace(load, status=status, finished_at=self.ports.clock(), error=error)
        self.ports.ledger.finish(ended)
        shutil.rmtree(self._place(load), ignore_errors=True)
        return ended

    def _place(self, load: Load) -> Path:
        return self.ports.folder / str(load.load_id)
