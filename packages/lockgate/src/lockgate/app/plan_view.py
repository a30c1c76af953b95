"""A plan as people follow it: each step in words, what came of it, and whether it can be gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lockgate.app.plan_runs import PlanRuns
from lockgate.app.wiring import Wiring
from lockgate.core.cutover import Plan, PlanStep, StepKind, StepOutcome, StepStatus
from lockgate.core.gate import Pair
from lockgate.core.job import Failure
from lockgate.core.record import RecordStatus, RunRecord
from lockgate.core.route import Route, Stage
from lockgate.cutover import step_told

# The command under which the cycles of plans are written down.
CYCLE = "cutover"


class PlanStatus(StrEnum):
    """How far a plan has come.

    `STOPPED`: it was begun, and whoever applied it ended before it did, or met an error. `SUPERSEDED`: the route was
    moved by somebody else since it was made.
    """

    MADE = "made"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    OUTDATED = "outdated"
    STOPPED = "stopped"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class PlanHead:
    """A plan and how far it is known to have come, unless somebody is at it now."""

    plan: Plan
    status: PlanStatus
    done: int


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of a plan: what it does, what came of it, and whether it is under way."""

    step: PlanStep
    told: str
    outcome: StepOutcome | None
    is_running: bool


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan, step by step. `run` is that of the cycle under way; `failure` is what ended the last try, if one did."""

    plan: Plan
    status: PlanStatus
    steps: tuple[StepView, ...]
    failure: Failure | None
    run: RunRecord | None

    @property
    def moving(self) -> tuple[tuple[Route, Pair], ...]:
        """The routes that it was made for, each with the pair that it is about."""
        return tuple(zip(self.plan.begun, self.plan.pairs, strict=True))

    @property
    def is_promotion(self) -> bool:
        """Whether it ends with the candidate answering for everything."""
        return any(route.stage is Stage.PROMOTED for route in self.plan.goal)

    @property
    def can_go_on(self) -> bool:
        """Whether applying it, from its beginning or from where it was left, can lead anywhere."""
        return self.status in {PlanStatus.MADE, PlanStatus.REFUSED, PlanStatus.STOPPED}


def plan_head(plan: Plan, outcomes: Sequence[StepOutcome]) -> PlanHead:
    """A plan by what is kept of it."""
    done = sum(one.status is StepStatus.DONE for one in outcomes)
    return PlanHead(plan, _kept_status(plan, outcomes), done)


def plan_view(wiring: Wiring, runs: PlanRuns, plan_id: str) -> PlanView:
    """A plan as it stands now, whichever process applies it.

    Raises:
        UnknownName: there is no such plan.
    """
    log = wiring.store.cutovers
    plan, is_running = log.plan(plan_id), runs.is_applied(plan_id)
    outcomes = {one.position: one for one in log.outcomes(plan_id)}
    applying = runs.known(plan_id)
    at = _position(plan, outcomes, applying.position if applying and is_running else None) if is_running else None
    steps = tuple(
        StepView(step, step_told(step), outcomes.get(number) if number != at else None, number == at)
        for number, step in enumerate(plan.steps)
    )
    status = PlanStatus.RUNNING if is_running else _kept_status(plan, tuple(outcomes.values()))
    if not is_running and status is not PlanStatus.DONE and _is_superseded(wiring, plan):
        status = PlanStatus.SUPERSEDED
    failure = applying.failure if applying is not None and not is_running else None
    is_cycle = at is not None and plan.steps[at].kind is StepKind.CYCLE
    return PlanView(plan, status, steps, failure, _running(wiring) if is_cycle else None)


def _position(plan: Plan, outcomes: dict[int, StepOutcome], known: int | None) -> int:
    """The step under way: what this process knows, else the first that is not done."""
    if known is not None:
        return known
    undone = (
        number
        for number in range(len(plan.steps))
        if number not in outcomes or outcomes[number].status is not StepStatus.DONE
    )
    return next(undone, len(plan.steps) - 1)


def _kept_status(plan: Plan, outcomes: Sequence[StepOutcome]) -> PlanStatus:
    last = max(outcomes, key=lambda one: one.position, default=None)
    if last is None:
        return PlanStatus.MADE
    if last.status is StepStatus.DONE:
        return PlanStatus.DONE if len(outcomes) == len(plan.steps) else PlanStatus.STOPPED
    return PlanStatus.REFUSED if last.status is StepStatus.REFUSED else PlanStatus.OUTDATED


def _is_superseded(wiring: Wiring, plan: Plan) -> bool:
    """Whether routes are in force that neither were there when the plan was made nor were made by it."""
    now = tuple(wiring.warehouse.route(entity) for entity in plan.entities)
    if all(one is not None and one.token == before.token for one, before in zip(now, plan.begun, strict=True)):
        return False
    made = [tuple(map(_made, step.routes)) for step in plan.steps if step.kind is StepKind.ROUTE]
    return now not in made


def _made(route: Route) -> Route:
    return replace(route, token=route.token + 1)


def _running(wiring: Wiring) -> RunRecord | None:
    """The run that builds and compares now, with its steps; None where it has not begun."""
    newest = next(iter(wiring.store.runs.runs(limit=1)), None)
    if newest is None or newest.command != CYCLE or newest.status is not RecordStatus.RUNNING:
        return None
    return wiring.store.runs.run(newest.run_id)
