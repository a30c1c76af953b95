"""One run as a flow: load every stream, move the pins, execute what the routes call for, publish."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from lockgate.core.execution import Execution
from lockgate.core.load import Load, Pin
from lockgate.core.route import Edition
from lockgate.errors import LockgateError
from lockgate.flow import Facts, Step
from lockgate.transform.cycle import Batch, Piece, batches_of, ensure_route, move_pins, pieces_of, publish, selected

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring

PIN = "pin"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What was asked of a run; empty tuples mean all, as the routes say."""

    select: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    full_refresh: bool = False
    variables: Mapping[str, object] = field(default_factory=dict)
    load: bool = True


class Run:
    """The steps of one run, and what they have found so far."""

    def __init__(self, wiring: Wiring, request: RunRequest) -> None:
        """Plan a run; nothing is done before the steps are executed."""
        self._wiring = wiring
        self._request = request
        self.loads: list[Load] = []
        self.pins: tuple[Pin, ...] = ()
        self.executions: dict[str, Execution] = {}
        self.refusals: dict[str, LockgateError] = {}
        self.editions: list[Edition] = []

    def steps(self) -> tuple[Step, ...]:
        """Every step, each after what it needs.

        Raises:
            UnknownName: an entity or implementation that was asked for is not there.
        """
        loads = tuple(self._load_steps()) if self._request.load else ()
        pin = Step(PIN, self._pin, needs=tuple(step.name for step in loads))
        batches = batches_of(self._pieces())
        return (*loads, pin, *(step for batch in batches for step in self._batch_steps(batch)))

    def _pieces(self) -> tuple[Piece, ...]:
        """What the routes, or the request, call for."""
        project, warehouse = self._wiring.project, self._wiring.warehouse
        return tuple(
            piece
            for entity in selected(project.entities, self._request.select)
            for piece in pieces_of(entity, ensure_route(entity, warehouse), self._request.engines)
        )

    def _load_steps(self) -> Iterator[Step]:
        """A step a stream."""
        for source, stream in self._wiring.project.streams():

            def load(source_name: str = source.name, stream_name: str = stream.name) -> Facts:
                done = self._wiring.load(source_name, stream_name, full=self._request.full_refresh)
                self.loads.append(done)
                return {"rows": done.rows, "set aside": done.rejected}

            yield Step(f"load {source.name}.{stream.name}", load)

    def _pin(self) -> Facts:
        """Starts the cycle."""
        self.pins = move_pins(self._wiring.warehouse, self._wiring.project.relations())
        return {"streams": len(self.pins)}

    def _batch_steps(self, batch: Batch) -> Iterator[Step]:
        """One step that builds, then one for each output that is published."""
        names = ", ".join(piece.entity.name for piece in batch.pieces)
        build = f"build {names} by {batch.pieces[0].implementation.name}"
        yield Step(build, lambda: self._build(batch), needs=(PIN,))
        for piece in batch.pieces:
            yield Step(f"publish {piece}", lambda piece=piece: self._publish(piece), needs=(build,))

    def _build(self, batch: Batch) -> Facts:
        """Executes a batch; what was refused is kept for the step that would publish it."""
        outcomes = self._wiring.execute(batch, self._request.variables, full_refresh=self._request.full_refresh)
        for piece, outcome in zip(batch.pieces, outcomes, strict=True):
            if isinstance(outcome, LockgateError):
                self.refusals[str(piece)] = outcome
            else:
                self.executions[str(piece)] = outcome
        built = [outcome.rows for outcome in outcomes if isinstance(outcome, Execution)]
        facts = {"built": len(built), "rows": sum(built)}
        return facts if len(built) == len(outcomes) else {**facts, "failed": len(outcomes) - len(built)}

    def _publish(self, piece: Piece) -> Facts:
        """Publishes one output.

        Raises:
            LockgateError: what refused the output when it was built, or refuses it now.
        """
        if str(piece) in self.refusals:
            raise self.refusals[str(piece)]
        warehouse = self._wiring.warehouse
        route = ensure_route(piece.entity, warehouse)
        now: datetime = self._wiring.clock()
        execution = self.executions[str(piece)]
        edition = publish(warehouse, piece, execution, self.pins, token=route.token, now=now)
        self.editions.append(edition)
        return {"edition": edition.number, "rows": edition.rows}


