"""`Cutovers`: the verbs that move routes, and those that look at what routes are moved by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lockgate.app import cutting_over
from lockgate.app.deciding import try_note_moves
from lockgate.app.entities import entity_of
from lockgate.app.notifying import deliver_soon
from lockgate.app.pairs import group_of
from lockgate.app.plan_leases import shown_as_applied

if TYPE_CHECKING:
    from lockgate.app.cutting_over import RolledBack, RouteStatus
    from lockgate.app.side_comparison import ComparedSides
    from lockgate.app.wiring import Wiring
    from lockgate.core.cutover import Decision, Plan, PlanResult, StepOutcome
    from lockgate.core.gate import Evidence, GateAnswer
    from lockgate.core.ports import Progress
    from lockgate.core.route import Stage
    from lockgate.cutover import Listener
    from lockgate.flow import StepListener


class Cutovers:
    """The cutovers of an open project; `by` names the person who asks."""

    def __init__(self, wiring: Wiring) -> None:
        """Of the project that is wired."""
        self._wiring = wiring

    def plan(
        self, entity: str, stage: Stage, *, by: str, share: int | None = None, candidate: str | None = None
    ) -> Plan:
        """Freezes the steps that lead an entity, and its group with it, to a stage; nothing is moved.

        `share` is that of a canary, in buckets of 10,000; else the first of the policy.

        Raises:
            CutoverInvalid: the way there is not one forwards, or its keys cannot be split.
            UnknownName: there is no such entity or implementation.
        """
        return cutting_over.make_plan(self._wiring, entity, stage, share, candidate, by=by)

    def planned(self, plan_id: str) -> tuple[Plan, tuple[StepOutcome, ...]]:
        """A plan, and what came of its steps so far.

        Raises:
            UnknownName: there is no such plan.
        """
        log = self._wiring.store.cutovers
        return log.plan(plan_id), log.outcomes(plan_id)

    def apply(
        self,
        plan_id: str,
        listener: Listener,
        steps: StepListener,
        *,
        by: str,
        reason: str = "",
        wait_seconds: float = 0.0,
    ) -> PlanResult:
        """Does the steps of a plan that are not done yet, up to the first that is refused; others see that it goes on.

        `listener` hears of the plan's steps, `steps` of those of the cycles in it.

        Raises:
            UnknownName: there is no such plan.
            StaleToken: somebody else moved a route since the plan was made.
            TargetBusy: another run held the target all the while.
        """
        with shown_as_applied(self._wiring.store.workers, plan_id):
            return self.apply_held(plan_id, listener, steps, by=by, reason=reason, wait_seconds=wait_seconds)

    def apply_held(
        self,
        plan_id: str,
        listener: Listener,
        steps: StepListener,
        *,
        by: str,
        reason: str = "",
        wait_seconds: float = 0.0,
    ) -> PlanResult:
        """The same, where the caller lets others see that it goes on."""
        from lockgate.app.run import Run
        from lockgate.app.turns import alone
        from lockgate.core.run import RunRequest

        def cycle(entities: Sequence[str]) -> str:
            with alone(self._wiring, "cutover", steps, wait_seconds) as recorder:
                request = RunRequest(select=tuple(entities), load=False)
                run = Run(self._wiring, request, recorder, may_advance=False)
                result = run.executed(run.steps())
            for error in result.errors.values():
                raise error
            return f"run {result.run_id}: {', '.join(_verdicts(self._wiring, entities))}"

        with self._telling():
            return cutting_over.apply_plan(self._wiring, plan_id, cycle, listener, by=by, reason=reason)

    def roll_back(self, entity: str, *, by: str, reason: str, off: bool = False) -> tuple[RolledBack, ...]:
        """Gives everything back to the incumbents of an entity and its group; nothing is built for it.

        Raises:
            CutoverInvalid: the candidate answers for nothing.
            StaleToken: somebody else moved the route at the same moment.
        """
        done = cutting_over.roll_back(self._wiring, entity, by=by, reason=reason, off=off)
        if not any(one.unrecorded for one in done):
            deliver_soon(self._wiring)
        return done

    def retire(self, entity: str, *, by: str, reason: str) -> tuple[Decision, ...]:
        """Ends a cutover: the promoted candidate is the incumbent, and the old one is not built any more.

        Raises:
            CutoverInvalid: nothing is promoted.
        """
        with self._telling():
            return cutting_over.retire(self._wiring, entity, by=by, reason=reason)

    def status(self, entities: Sequence[str] = ()) -> tuple[RouteStatus, ...]:
        """Where the routes of these entities stand, or of all where none is named.

        Raises:
            UnknownName: there is no such entity.
        """
        return cutting_over.statuses(self._wiring, entities)

    def gates(self, names: Sequence[str] = ()) -> tuple[GateAnswer, ...]:
        """What gates say now of every entity that goes through them: those of these names, or all.

        Raises:
            UnknownName: there is no gate of a name.
        """
        return cutting_over.asked_gates(self._wiring, names)

    def judge(self, entity: str) -> tuple[Decision, ...]:
        """Has the controller look at an entity and its group now: what it decided about each that it moved.

        Raises:
            UnknownName: there is no such entity.
        """
        from lockgate.app.controller import judge

        with self._telling():
            return judge(self._wiring, group_of(self._wiring, entity_of(self._wiring, entity)))

    def compare(self, entities: Sequence[str], progress: Progress) -> tuple[ComparedSides, ...]:
        """Compares the newest editions of both sides of each entity's route, and keeps that as evidence for gates.

        Raises:
            UnknownName: there is no such entity.
        """
        from lockgate.app.side_comparison import compared_sides

        return compared_sides(self._wiring, entities, progress)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Sends the notices of what was decided meanwhile, also where an error came after it."""
        try:
            yield
        finally:
            deliver_soon(self._wiring)

    def evidence(self, entity: str | None = None, *, limit: int = 100) -> tuple[Evidence, ...]:
        """The newest evidence first, of one entity or of all.

        Raises:
            UnknownName: there is no such entity.
        """
        name = entity_of(self._wiring, entity).name if entity is not None else None
        return self._wiring.store.evidence.evidence(name, limit=limit)

    def decisions(self, entity: str | None = None, *, limit: int = 100) -> tuple[Decision, ...]:
        """The newest decisions first, of one entity or of all, each with what it saw.

        Raises:
            UnknownName: there is no such entity.
        """
        wiring = self._wiring
        entities = wiring.project.entities.values() if entity is None else (entity_of(wiring, entity),)
        try_note_moves(wiring, entities)
        return wiring.store.cutovers.decisions(entity, limit=limit)

    def sign(self, entity: str, gate: str, role: str, *, by: str, reason: str) -> Evidence:
        """Signs an entity's gate for the route as it stands.

        Raises:
            CutoverInvalid: the gate wants no signature, or not of one with this role.
            UnknownName: there is no such entity.
        """
        return cutting_over.sign(self._wiring, entity, gate, role, by=by, reason=reason)

    def record_score(self, entity: str, value: float, *, by: str, reason: str) -> Evidence:
        """Records a score of an entity's candidate, which gates ask for.

        Raises:
            CutoverInvalid: it has no candidate, or the score is not a number.
            UnknownName: there is no such entity.
        """
        return cutting_over.record_score(self._wiring, entity, value, by=by, reason=reason)


def _verdicts(wiring: Wiring, entities: Sequence[str]) -> Iterator[str]:
    """What the newest comparison of each entity says."""
    for name in entities:
        newest = next(iter(wiring.store.comparisons.comparisons(name, limit=1)), None)
        if newest is not None:
            yield f"{name} {newest.verdict}, {newest.unexplained:,} unexplained"
