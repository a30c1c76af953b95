"""One run as a flow: load every stream, move the pins, execute what the routes call for, publish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from lockgate.app.holding import Holding
from lockgate.app.measuring import measure
from lockgate.app.route_watch import RouteWatch
from lockgate.core.execution import Execution, FailedExecution, Outcome
from lockgate.core.lineage_event import JobKind
from lockgate.core.load import Load, Pin
from lockgate.core.route import Edition
from lockgate.core.run import Bounds, RunRequest, RunResult
from lockgate.core.stream import Source, Stream
from lockgate.errors import LockgateError, StaleToken
from lockgate.flow import Facts, Step, StepStatus, execute
from lockgate.transform.cycle import (
    Batch,
    Piece,
    batches_of,
    ensure_route,
    move_pins,
    pieces_of,
    publication_of,
    selected,
)

if TYPE_CHECKING:
    from lockgate.app.recorder import Recorder
    from lockgate.app.wiring import Wiring

PIN = "pin"


def _load_step(source: Source, stream: Stream) -> str:
    return f"load {source.name}.{stream.name}"


class Run:
    """The steps of one run, and what they have found so far."""

    def __init__(self, wiring: Wiring, request: RunRequest, recorder: Recorder, *, may_advance: bool = True) -> None:
        """Plan a run; nothing is done before its steps are executed. With `may_advance`, routes may go on by it."""
        self._wiring = wiring
        self._request = request
        self._recorder = recorder
        self._loads: list[Load] = []
        self._pins: tuple[Pin, ...] = ()
        self._holding = Holding(wiring, request.variables)
        self._outcomes: dict[str, Outcome] = {}
        self._made_by: dict[str, str] = {}
        self._editions: list[Edition] = []
        self._unchanged: list[str] = []
        self._may_advance = may_advance
        self._watch = self._watching(())

    def executed(self, steps: tuple[Step, ...]) -> RunResult:
        """Executes steps of this run, and measures what came of them: what the run did."""
        results = execute(steps, self._recorder)
        project = self._wiring.project
        done = RunResult(
            self._recorder.run_id,
            project.name,
            project.default_target,
            self._recorder.started_at,
            self._wiring.clock(),
            loads=tuple(self._loads),
            pins=self._pins,
            executions=tuple(each for each in self._outcomes.values() if isinstance(each, Execution)),
            editions=self._editions_now(),
            unchanged=tuple(self._unchanged),
            errors={result.step: result.error for result in results if result.error is not None},
            skipped=tuple(result.step for result in results if result.status is StepStatus.SKIPPED),
            decisions=tuple(self._watch.decisions),
        )
        measure(self._wiring, done, self._recorder.execution_of)
        return done

    def _editions_now(self) -> tuple[Edition, ...]:
        """The editions that were published, those that were held as they are now that both sides were judged."""
        held = {edition.entity for edition in self._editions if edition.is_held}
        now = {(one.entity, one.number): one for name in held for one in self._wiring.warehouse.editions(name)}
        found = tuple(now.get((one.entity, one.number), one) for one in self._editions)
        for before, after in zip(self._editions, found, strict=True):
            if before.is_held and not after.is_held:
                self._recorder.released(after)
        return found

    def steps(self) -> tuple[Step, ...]:
        """Every step, each after what it needs.

        Raises:
            UnknownName: an entity or implementation that was asked for is not there.
        """
        request, streams = self._request, self._wiring.project.streams()
        loads = self.load_steps(streams, Bounds(full=request.full_refresh)) if request.load else ()
        pin = Step(PIN, self._pin, after=tuple(step.name for step in loads))
        pieces = self._pieces()
        self._watch = self._watching(pieces)
        building = (step for batch in batches_of(pieces) for step in self._batch_steps(batch))
        watching = self._watch.notes() if request.hold else self._watch.steps()
        return (*loads, pin, *building, *watching)

    def _watching(self, pieces: Sequence[Piece]) -> RouteWatch:
        may_advance = self._may_advance
        return RouteWatch(self._wiring, pieces, self._outcomes, self._made_by, may_advance=may_advance)

    def load_steps(self, streams: Sequence[tuple[Source, Stream]], bounds: Bounds) -> tuple[Step, ...]:
        """A step a stream."""
        return tuple(
            Step(_load_step(source, stream), partial(self._load, source, stream, bounds)) for source, stream in streams
        )

    def _pieces(self) -> tuple[Piece, ...]:
        """What the routes, or the request, call for."""
        wiring, request = self._wiring, self._request
        return tuple(
            piece
            for entity in selected(wiring.project.entities, request.select)
            for piece in pieces_of(entity, request.engines or wiring.router.builds(entity))
        )

    def _load(self, source: Source, stream: Stream, bounds: Bounds) -> Facts:
        """Loads one stream."""
        self._recorder.begins(JobKind.LOAD, f"{source.name}.{stream.name}")
        try:
            done = self._wiring.load(source, stream, bounds)
        except LockgateError:
            self._holding.failed(source.relation(stream), _load_step(source, stream))
            raise
        self._recorder.loaded(done)
        self._loads.append(done)
        return {"rows": done.rows, "set aside": done.rejected}

    def _pin(self) -> Facts:
        """Starts the cycle; what could not be loaded stays where it was."""
        self._pins = move_pins(self._wiring.warehouse, self._wiring.project.relations())
        self._recorder.cycle(self._pins)
        return {"streams": len(self._pins)}

    def _batch_steps(self, batch: Batch) -> Iterator[Step]:
        """One step that builds, then one for each output that is published."""
        names = ", ".join(piece.entity.name for piece in batch.pieces)
        build = f"build {names} by {batch.pieces[0].implementation.name}"
        yield Step(build, partial(self._build, batch), needs=(PIN,), held_by=partial(self._held, batch))
        for piece in batch.pieces:
            held_by = partial(self._holding.by, piece)
            yield Step(f"publish {piece}", partial(self._publish, piece), needs=(build,), held_by=held_by)

    def _held(self, batch: Batch) -> tuple[str, ...]:
        """The failed loads that hold a whole batch up; none where a piece can be built."""
        held = [self._holding.by(piece) for piece in batch.pieces]
        return tuple(dict.fromkeys(step for steps in held for step in steps)) if all(held) else ()

    def _build(self, batch: Batch) -> Facts:
        """Executes what is not held up of a batch; what failed is kept for the step that would publish it.

        Raises:
            LockgateError: the one thing that kept every piece from being built.
        """
        batch = replace(batch, pieces=tuple(piece for piece in batch.pieces if not self._holding.by(piece)))
        before = self._revisions(batch)
        self._recorder.begins(JobKind.BUILD, *map(str, batch.pieces))
        outcomes = self._executed(batch)
        self._made_by.update(before.items() & self._revisions(batch).items())
        for piece, came in zip(batch.pieces, outcomes, strict=True):
            revision = self._made_by.get(str(piece), "")
            outcome = replace(came, revision=revision) if isinstance(came, Execution) else came
            self._outcomes[str(piece)] = outcome
            self._recorder.executed(outcome)
        built = [outcome.rows for outcome in outcomes if isinstance(outcome, Execution)]
        errors = [outcome.error for outcome in outcomes if isinstance(outcome, FailedExecution)]
        if not built and all(error is errors[0] for error in errors):
            raise errors[0]
        facts = {"built": len(built), "rows": sum(built)}
        return {**facts, "failed": len(errors)} if errors else facts

    def _executed(self, batch: Batch) -> tuple[Outcome, ...]:
        """What came of each piece; an error of the whole batch is one of every piece."""
        try:
            anew, on_node = self._request.full_refresh, self._recorder.node_ended
            return self._wiring.execute(batch, self._request.variables, full_refresh=anew, on_node=on_node)
        except LockgateError as error:
            return tuple(FailedExecution(piece.entity.name, piece.implementation.name, error) for piece in batch.pieces)

    def _revisions(self, batch: Batch) -> dict[str, str]:
        return {str(piece): self._wiring.revision(piece.implementation) for piece in batch.pieces}

    def _publish(self, piece: Piece) -> Facts:
        """Publishes one output; where it equals the newest edition, that one stands for it.

        Raises:
            LockgateError: what refused the output when it was built, or refuses it now.
        """
        execution = self._outcomes[str(piece)]
        if isinstance(execution, FailedExecution):
            raise execution.error
        now = self._wiring.clock()
        self._recorder.begins(JobKind.PUBLICATION, str(piece))
        try:
            edition = self._published_at_last(piece, execution, now)
        except LockgateError as error:
            self._watch.refused(piece, error)
            raise
        self._editions.append(edition)
        self._watch.published(piece, edition)
        facts = {"edition": edition.number, "rows": edition.rows}
        if edition.published_at != now:
            self._unchanged.append(str(piece))
            return {**facts, "unchanged": True}
        self._recorder.published(edition)
        return facts

    def _published_at_last(self, piece: Piece, execution: Execution, now: datetime) -> Edition:
        """The edition of an output; a route that was moved meanwhile is read anew once."""
        try:
            return self._published(piece, execution, now)
        except StaleToken as error:
            if "seen" not in error.fields:  # newer loads were published: this output is late whatever the route says
                raise
            return self._published(piece, execution, now)

    def _published(self, piece: Piece, execution: Execution, now: datetime) -> Edition:
        """The edition of an output, held or shown as asked for, else as the route in force asks for.

        Raises:
            StaleToken: the route was moved meanwhile; nothing was changed.
        """
        warehouse, anew = self._wiring.warehouse, self._request.full_refresh
        route = ensure_route(piece.entity, warehouse)
        read = self._holding.read(piece, self._pins)
        publication = publication_of(piece, execution, read, token=route.token, now=now, anew=anew)
        held = self._request.hold or self._watch.holds(piece, route)
        revision = self._made_by.get(str(piece), "")
        return warehouse.publish(replace(publication, held=held, revision=revision))
