"""Cutovers: plans of frozen steps, what came of each step, and decisions with the evidence that they saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from lockgate.core.gate import Answer, GateAnswer, Pair
from lockgate.core.route import Route


class StepKind(StrEnum):
    """What a step of a plan does."""

    ROUTE = "route"
    CYCLE = "cycle"
    GATE = "gate"


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One frozen step.

    A `route` step stores exactly `routes`, one for each entity of the plan, over the tokens that stand in them. A
    `cycle` step builds and compares both sides once. A `gate` step goes on where the gate named `gate` says go.
    """

    kind: StepKind
    routes: tuple[Route, ...] = ()
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a group of entities (one as a rule) gets from the routes it has to where it is wanted.

    `begun` are the routes that were in force when it was made, `pairs` the implementations at the revisions then.
    """

    plan_id: str
    entities: tuple[str, ...]
    begun: tuple[Route, ...]
    pairs: tuple[Pair, ...]
    steps: tuple[PlanStep, ...]
    made_at: datetime
    made_by: str

    @property
    def goal(self) -> tuple[Route, ...]:
        """The routes that the plan ends with."""
        moving = [step.routes for step in self.steps if step.kind is StepKind.ROUTE]
        return moving[-1] if moving else self.begun

    def before(self, step: PlanStep) -> tuple[Route, ...]:
        """The routes that are in force when a step of routes is due: those that the one before it made."""
        moving = [each.routes for each in self.steps if each.kind is StepKind.ROUTE]
        place = moving.index(step.routes)
        return tuple(replace(route, token=route.token + 1) for route in moving[place - 1]) if place else self.begun


class StepStatus(StrEnum):
    """How far a step of a plan has come; `OUTDATED`: what the plan was made for has changed, a new one is needed."""

    DONE = "done"
    REFUSED = "refused"
    OUTDATED = "outdated"


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What came of a step: whether it is done, what it says, and the gate's answers where it is one."""

    position: int
    status: StepStatus
    sentence: str
    gates: tuple[GateAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What came of applying a plan, step by step; it ends at the first step that is not done."""

    plan: Plan
    outcomes: tuple[StepOutcome, ...]

    @property
    def answer(self) -> Answer:
        """Go where every step is done, else what the step said at which it ended."""
        if len(self.outcomes) == len(self.plan.steps) and all(one.status is StepStatus.DONE for one in self.outcomes):
            return Answer.GO
        last = self.outcomes[-1] if self.outcomes else None
        return Answer.of_all([one.answer for one in last.gates]) if last and last.gates else Answer.NO_GO


# Who decides where nobody asked, and records what runs found.
CONTROLLER = "controller"
# Who decided where the target alone knows of a move: whoever moved the route did not live to write it down.
FOUND_MOVED = "unknown (found moved)"


class Action(StrEnum):
    """What was decided about a route."""

    SHADOW = "shadow"
    CANARY = "canary"
    PROMOTE = "promote"
    ROLL_BACK = "roll back"
    STOP = "stop"
    RETIRE = "retire"
    HOLD = "hold"
    SWITCH = "switch"

    @property
    def is_backwards(self) -> bool:
        """Whether it takes the candidate away from consumers, or out of the shadow."""
        return self in {Action.ROLL_BACK, Action.STOP}

    @property
    def answer(self) -> Answer:
        """What is decided by it about the candidate."""
        return Answer.NO_GO if self.is_backwards else Answer.GO


@dataclass(frozen=True, slots=True)
class Decision:
    """Go or no-go for one entity's route: by whom, why, with the gates' answers and the facts that were seen."""

    decision_id: int
    entity: str
    action: Action
    answer: Answer
    before: Route
    after: Route
    by: str
    reason: str
    at: datetime
    plan_id: str | None = None
    gates: tuple[GateAnswer, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_backwards(self) -> bool:
        """Whether it took the candidate away from consumers, or out of the shadow."""
        return self.action.is_backwards

    @property
    def is_found(self) -> bool:
        """Whether nobody who moved the route has told of it."""
        return self.by == FOUND_MOVED
