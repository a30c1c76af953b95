"""Applying a plan: one executor for every plan, which converges however often it is begun and wherever it died."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lockgate.core.cutover import Plan, PlanResult, PlanStep, StepKind, StepOutcome, StepStatus
from lockgate.core.gate import Answer, GateAnswer, Pair
from lockgate.core.route import Route
from lockgate.cutover.explaining import step_told
from lockgate.errors import StaleToken


class Hands(Protocol):
    """What applying a plan does to the world."""

    def routes(self, entities: Sequence[str]) -> tuple[Route, ...]:
        """The routes in force."""

    def move(self, plan: Plan, step: PlanStep) -> str:
        """Stores a step's routes, all or none, over the tokens that stand in them.

        Gives why it did not, where gates have not approved of what these would show; empty where it did.

        Raises:
            StaleToken: somebody moved one of them since, or published what nobody has approved of.
        """

    def pairs(self, plan: Plan) -> tuple[Pair, ...]:
        """The plan's pairs at the revisions that their files have now."""

    def cycle(self, entities: Sequence[str]) -> str:
        """Builds and compares both sides once: what came of it, in a sentence."""

    def gates(self, gate: str, plan: Plan) -> tuple[GateAnswer, ...]:
        """What a gate says of each entity now."""

    def done(self, plan: Plan, position: int) -> StepOutcome | None:
        """What came of a step, if this plan has done it already."""

    def ended(self, plan: Plan, outcome: StepOutcome) -> None:
        """Keeps what came of a step."""

    def moved(self, plan: Plan, step: PlanStep, gates: Sequence[GateAnswer]) -> None:
        """Keeps the decision that a step of routes was; called again for one that is kept, it changes nothing."""


Listener = Callable[[int, PlanStep], None]


@dataclass(slots=True)
class _Applying:
    plan: Plan
    hands: Hands
    gates: list[GateAnswer]

    def outcome(self, position: int, step: PlanStep) -> StepOutcome:
        if step.kind is StepKind.CYCLE:
            return self._cycle(position)
        if step.kind is StepKind.GATE:
            return self._gate(position, step)
        return self._route(position, step)

    def _cycle(self, position: int) -> StepOutcome:
        done = self.hands.done(self.plan, position)
        if done is not None:
            return done
        if changed := self._changed():
            return StepOutcome(position, StepStatus.OUTDATED, changed)
        sentence = self.hands.cycle(self.plan.entities)
        return StepOutcome(position, StepStatus.DONE, sentence)

    def _gate(self, position: int, step: PlanStep) -> StepOutcome:
        """Asks a gate; what was gone through already stays gone through, with what it saw."""
        if self._is_behind(position):
            done = self.hands.done(self.plan, position) or StepOutcome(position, StepStatus.DONE, "went on before")
            self.gates.extend(done.gates)
            return done
        if changed := self._changed():
            return StepOutcome(position, StepStatus.OUTDATED, changed)
        answers = self.hands.gates(step.gate, self.plan)
        self.gates.extend(answers)
        answer = Answer.of_all([one.answer for one in answers])
        status = StepStatus.DONE if answer is Answer.GO else StepStatus.REFUSED
        return StepOutcome(position, status, f"gate {step.gate}: {answer}", answers)

    def _route(self, position: int, step: PlanStep) -> StepOutcome:
        if not self._is_moved(step):
            if changed := self._changed():
                return StepOutcome(position, StepStatus.OUTDATED, changed)
            try:
                refused = self.hands.move(self.plan, step)
            except StaleToken:
                if not self._is_moved(step):  # the same plan, applied twice at once, moves a route once
                    raise
                refused = ""
            if refused:
                return StepOutcome(position, StepStatus.REFUSED, refused)
        self.hands.moved(self.plan, step, tuple(self.gates))
        return StepOutcome(position, StepStatus.DONE, step_told(step))

    def _changed(self) -> str:
        """Why the plan does not hold any more; empty where its files are those that it was made for."""
        now = self.hands.pairs(self.plan)
        changed = [one.entity for one, other in zip(self.plan.pairs, now, strict=True) if one != other]
        told = f"the files of {', '.join(changed)} have changed since the plan was made; make a new one"
        return told if changed else ""

    def _is_behind(self, position: int) -> bool:
        """Whether the routes that a step leads to are in force, or left behind, already."""
        following = [step for step in self.plan.steps[position:] if step.kind is StepKind.ROUTE]
        return bool(following) and self._is_moved(following[0])

    def _is_moved(self, step: PlanStep) -> bool:
        """Whether a step's routes are in force, or routes that a later step of this plan has made of them.

        Raises:
            StaleToken: somebody else has moved them.
        """
        now = self.hands.routes(self.plan.entities)
        own = [one.routes for one in self.plan.steps if one.kind is StepKind.ROUTE]
        made = [tuple(replace(route, token=route.token + 1) for route in routes) for routes in own]
        if now in made:
            return made.index(now) >= own.index(step.routes)
        if all(one.token == before.token for one, before in zip(now, own[0], strict=True)):
            return False
        raise StaleToken(
            f"somebody else moved the route of {', '.join(self.plan.entities)} since {self.plan.plan_id} was made",
            hint="Look at it with `lockgate cutover status`, and make a new plan.",
        )


def applied(plan: Plan, hands: Hands, listener: Listener) -> PlanResult:
    """Does the steps of a plan that are not done yet, up to the first that is refused.

    Raises:
        StaleToken: somebody else moved a route since the plan was made.
        LockgateError: what kept a cycle from being done.
    """
    applying = _Applying(plan, hands, [])
    outcomes: list[StepOutcome] = []
    for position, step in enumerate(plan.steps):
        listener(position, step)
        outcome = applying.outcome(position, step)
        hands.ended(plan, outcome)
        outcomes.append(outcome)
        if outcome.status is not StepStatus.DONE:
            break
    return PlanResult(plan, tuple(outcomes))
