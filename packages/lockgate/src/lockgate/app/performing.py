"""Executing one entity as the router chooses, on the newest loads, alone on the target; else whoever stands behind."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lockgate.adapters.secrets.redaction import redacted
from lockgate.app.entities import entity_of
from lockgate.app.measuring import measure_bill
from lockgate.app.recorder import Recorder, recorded
from lockgate.app.wiring import RUN_LOCK, Wiring
from lockgate.app.witnessing import witnessing
from lockgate.core.entity import Entity
from lockgate.core.execution import Execution, FailedExecution, Outcome
from lockgate.core.job import FALLBACK, Choice, Failure, Inputs, JobResult, TransformRequest
from lockgate.core.lineage_event import JobKind
from lockgate.core.load import Pin
from lockgate.errors import DbtCancelled, LockgateError, RetryableError
from lockgate.flow import Facts, Step, Unwatched, execute
from lockgate.quality.measuring import Measured
from lockgate.transform.cycle import batches_of, move_pins, newest_pins, pieces_of

logger = logging.getLogger(__name__)

Begun = Callable[[Inputs], None]


def inputs_of(wiring: Wiring, request: TransformRequest) -> Inputs:
    """What an execution of the request would read if it began now.

    Raises:
        UnknownName: there is no such entity or implementation.
        EngineOff: dbt would answer and is switched off.
    """
    choice = wiring.router.choose(entity_of(wiring, request.entity), request.engine)
    return _inputs(wiring, choice, newest_pins(wiring.warehouse, wiring.project.relations()))


def perform(
    wiring: Wiring, request: TransformRequest, begun: Begun, *, wait_seconds: float, can_wait: bool = False
) -> JobResult:
    """Executes the request: nothing is published; `begun` hears of what is read before it is.

    Where the chosen implementation fails and another one stands behind it, that one answers; the result tells so, or
    the error, where that one fails too.
    With `can_wait`, what may succeed at another try is raised instead.

    Raises:
        TargetBusy: another run held the target all the while.
        LockgateError: what refused or failed the execution.
    """
    entity = entity_of(wiring, request.entity)
    with wiring.warehouse.lock(RUN_LOCK, wait_seconds=wait_seconds):
        choice = wiring.router.choose(entity, request.engine)
        pins = move_pins(wiring.warehouse, wiring.project.relations())
        inputs = _inputs(wiring, choice, pins)
        begun(inputs)
        facts = {"entity": entity.name, "implementation": choice.implementation, "routed_by": choice.routed_by.value}
        logger.info("routed", extra={"facts": facts})
        with recorded(wiring.store, wiring.clock, Unwatched(), "transform", witnessing(wiring)) as recorder:
            recorder.cycle(pins)
            turn = _Turn(wiring, entity, request, recorder)
            outcome = turn.executed(choice.implementation)
            if isinstance(outcome, Execution):
                return JobResult(outcome, inputs, choice.routed_by)
            if choice.fallback is not None and _has_failed(outcome.error, can_wait=can_wait):
                facts = {"entity": entity.name, "failed": choice.implementation, "instead": choice.fallback}
                logger.warning("fell back", extra={"facts": {**facts, "error": outcome.error.code}})
                instead = turn.executed(choice.fallback)
                if isinstance(instead, Execution):
                    return JobResult(instead, inputs, choice.routed_by, Failure.of(outcome.error))
                _tell_both(outcome.error, choice.fallback, instead.error)
    raise outcome.error


def _tell_both(error: LockgateError, fallback: str, other: LockgateError) -> None:
    """Has an error tell that the implementation which was to answer in place of the failed one failed as well."""
    failure = Failure.of(other)
    told = {"code": failure.code, "error": failure.error, "message": redacted(failure.message), "hint": failure.hint}
    error.message = f"{error.message}; {fallback}, which was to answer instead, failed too: {told['message']}"
    error.fields[FALLBACK] = {"engine": fallback, **told}


def _has_failed(error: LockgateError, *, can_wait: bool) -> bool:
    """Whether an implementation failed: one that was cancelled did not, nor one that may succeed when tried again."""
    return not isinstance(error, DbtCancelled) and not (can_wait and isinstance(error, RetryableError))


class _Turn:
    """The executions that one request comes to, each a step that is written down."""

    def __init__(self, wiring: Wiring, entity: Entity, request: TransformRequest, recorder: Recorder) -> None:
        self._wiring = wiring
        self._entity = entity
        self._request = request
        self._recorder = recorder

    def executed(self, implementation: str) -> Outcome:
        """What an implementation makes of the entity."""
        found: list[Outcome] = []

        def build() -> Facts:
            self._recorder.begins(JobKind.BUILD, f"{self._entity.name}@{implementation}")
            outcome = self._outcome(implementation)
            found.append(outcome)
            self._recorder.executed(outcome)
            if isinstance(outcome, FailedExecution):
                raise outcome.error
            number = self._recorder.execution_of(outcome.entity, outcome.implementation)
            measured = Measured(self._recorder.started_at, self._recorder.run_id, number)
            measure_bill(self._wiring, outcome, measured)
            return {"rows": outcome.rows}

        execute((Step(f"build {self._entity.name} by {implementation}", build),), self._recorder)
        return found[0]

    def _outcome(self, implementation: str) -> Outcome:
        wiring, request, on_node = self._wiring, self._request, self._recorder.node_ended
        (batch,) = batches_of(pieces_of(self._entity, (implementation,)))
        try:
            anew = request.full_refresh
            (outcome,) = wiring.execute(batch, request.variables, full_refresh=anew, on_node=on_node)
        except LockgateError as error:
            return FailedExecution(self._entity.name, implementation, error)
        return outcome


def _inputs(wiring: Wiring, choice: Choice, pins: tuple[Pin, ...]) -> Inputs:
    implementation = wiring.project.entities[choice.entity].implementations[choice.implementation]
    return Inputs(choice.implementation, wiring.revision(implementation), pins)
