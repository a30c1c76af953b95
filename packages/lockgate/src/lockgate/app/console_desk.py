"""`ConsoleDesk`: what pages about entities ask for and decide, in one object that every thread may use."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.app import cutting_over
from lockgate.app.cutovers import Cutovers
from lockgate.app.entities import entity_of
from lockgate.app.entity_view import EntityView, entity_view
from lockgate.app.gate_view import AskedGate, GateView, asked_gates, gate_view
from lockgate.app.glance import Overview, overview
from lockgate.app.plan_runs import Ended, PlanRuns
from lockgate.app.plan_view import PlanView, plan_view
from lockgate.app.wiring import Wiring
from lockgate.core.cutover import Decision, Plan
from lockgate.core.route import Stage


class ConsoleDesk:
    """The pages' way to entities, plans, gates and decisions; `by` names who asks."""

    def __init__(self, wiring: Wiring, told: Callable[[], None]) -> None:
        """`told` is called after each decision, so that notices of it are sent at once."""
        self._wiring = wiring
        self._told = told
        self._runs = PlanRuns(lambda: Cutovers(wiring), lambda: wiring.store.workers)

    def overview(self) -> Overview:
        """Every entity at a glance, and what concerns none of them alone."""
        return overview(self._wiring)

    def entity(self, name: str) -> EntityView:
        """One entity, looked at closely.

        Raises:
            UnknownName: there is no such entity.
        """
        return entity_view(self._wiring, name)

    def plan(self, entity: str, stage: Stage, *, by: str, share: int | None, candidate: str | None) -> Plan:
        """Freezes the steps that lead an entity, and its group with it, to a stage; nothing is moved.

        Raises:
            CutoverInvalid: the way there is not one forwards, or its keys cannot be split.
            UnknownName: there is no such entity or implementation.
        """
        return cutting_over.make_plan(self._wiring, entity, stage, share, candidate, by=by)

    def planned(self, plan_id: str) -> PlanView:
        """A plan as it stands now, whichever process applies it.

        Raises:
            UnknownName: there is no such plan.
        """
        return plan_view(self._wiring, self._runs, plan_id)

    def apply(self, plan_id: str, *, by: str, reason: str, ended: Ended) -> bool:
        """Begins to apply a plan, or goes on with it; False where it is being applied already.

        `reason` is kept with the decisions that come of it; `ended` is called once it is over, from another thread.

        Raises:
            UnknownName: there is no such plan.
            TargetBusy: the server is stopping.
        """
        self._wiring.store.cutovers.plan(plan_id)
        return self._runs.begin(plan_id, by=by, reason=reason, ended=ended)

    def retire(self, entity: str, *, by: str, reason: str) -> tuple[Decision, ...]:
        """Ends a cutover: the promoted candidate is the incumbent, and the old one is not built any more.

        Raises:
            CutoverInvalid: nothing is promoted.
            StaleToken: somebody else moved the route at the same moment.
            UnknownName: there is no such entity.
        """
        try:
            return cutting_over.retire(self._wiring, entity, by=by, reason=reason)
        finally:
            self._told()

    def gates(self) -> tuple[AskedGate, ...]:
        """Every gate, with what it says of each entity that goes through it."""
        return asked_gates(self._wiring)

    def gate(self, entity: str, gate: str) -> GateView:
        """A gate of an entity, with the evidence that it saw.

        Raises:
            UnknownName: there is no such entity, or it does not go through that gate.
        """
        return gate_view(self._wiring, entity, gate)

    def sign(self, entity: str, gate: str, role: str, *, by: str, reason: str) -> None:
        """Signs an entity's gate for the route as it stands.

        Raises:
            CutoverInvalid: the gate wants no signature, or not of one with this role.
            UnknownName: there is no such entity.
        """
        cutting_over.sign(self._wiring, entity, gate, role, by=by, reason=reason)

    def decisions(self, entity: str | None, *, before: int | None, limit: int) -> tuple[Decision, ...]:
        """The newest decisions first, of one entity or of all.

        Raises:
            UnknownName: there is no such entity, nor was there one.
        """
        found = self._wiring.store.cutovers.decisions(entity, before=before, limit=limit)
        if not found and entity is not None:
            entity_of(self._wiring, entity)
        return found

    def decision(self, decision_id: int) -> Decision:
        """One decision.

        Raises:
            UnknownName: there is none of that number.
        """
        return self._wiring.store.cutovers.decision(decision_id)

    def close(self, *, patience_seconds: float) -> None:
        """Applies no more plans; a step under way may end."""
        self._runs.close(patience_seconds=patience_seconds)
