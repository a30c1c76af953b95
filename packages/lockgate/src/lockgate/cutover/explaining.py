"""A plan in words: what each step does, who sees it, and how it is undone."""

from __future__ import annotations

from lockgate.core.bucket import BUCKETS
from lockgate.core.cutover import Plan, PlanStep, StepKind
from lockgate.core.legible import percent
from lockgate.core.route import Route, Stage


def explained(plan: Plan) -> tuple[str, ...]:
    """A sentence a step."""
    return tuple(step_told(step) for step in plan.steps)


def step_told(step: PlanStep) -> str:
    """What a step does."""
    if step.kind is StepKind.CYCLE:
        return "cycle: build both on the same loads, compare them row by row, keep what was found as evidence"
    if step.kind is StepKind.GATE:
        return f"gate {step.gate}: goes on only where it says go"
    return "; ".join(route_told(route) for route in step.routes)


def route_told(route: Route) -> str:
    """What consumers see under a route."""
    return f"{route.entity} {route.stage}: {_answering(route)}"


def _answering(route: Route) -> str:
    if route.stage is Stage.SHADOW:
        return f"{route.candidate} is built and compared beside {route.incumbent}, which answers for everything"
    if route.stage is Stage.CANARY and route.share < BUCKETS:
        return f"{route.candidate} answers for {percent(route.share)} of the keys (buckets below {route.share})"
    if route.stage is Stage.PROMOTED or route.share == BUCKETS:
        return f"{route.candidate} answers for everything; {route.incumbent} is built on, ready to take over"
    return f"{route.incumbent} answers for everything"
