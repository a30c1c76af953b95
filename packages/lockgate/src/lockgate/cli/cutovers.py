"""Plans, routes, gates and decisions as people read them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lockgate.cli.output import print_table, print_text, standard_error, standard_output
from lockgate.core.bucket import BUCKETS
from lockgate.core.cutover import Decision, Plan, PlanResult, StepOutcome, StepStatus
from lockgate.core.gate import Answer, GateAnswer
from lockgate.core.legible import percent
from lockgate.core.route import Route
from lockgate.cutover import SIGN_OFF, described, explained

if TYPE_CHECKING:
    from lockgate.app.cutting_over import RolledBack, RouteStatus

_COLOURS = {Answer.GO: "green", Answer.NO_GO: "red", Answer.NOT_ENOUGH: "yellow"}
_BAR = 20


def show_plan(plan: Plan, outcomes: Sequence[StepOutcome] = ()) -> None:
    """A plan: where it begins, what each step does, how it is begun and undone."""
    console = standard_output()
    for route, pair in zip(plan.begun, plan.pairs, strict=True):
        moving = f"{pair.incumbent} → {pair.candidate}"
        console.print(f"[bold]{route.entity}[/] {moving}, now {described(route)} (token {route.token})", soft_wrap=True)
    done = {outcome.position: outcome for outcome in outcomes}
    rows = [(number + 1, sentence, _told(done.get(number))) for number, sentence in enumerate(explained(plan))]
    print_table("", ("step", "what it does", "so far"), rows)
    entity = plan.entities[0]
    console.print(f"plan {plan.plan_id} · apply it: lockgate cutover apply {plan.plan_id}", soft_wrap=True)
    console.print(f"undo it at any time: lockgate cutover rollback {entity}", soft_wrap=True)


def _told(outcome: StepOutcome | None) -> str:
    return "" if outcome is None else f"{outcome.status}: {outcome.sentence}"


def show_result(result: PlanResult) -> None:
    """What came of applying a plan, and what to do where it was refused."""
    console = standard_output()
    for outcome in result.outcomes:
        mark = "[green]✓[/]" if outcome.status is StepStatus.DONE else "[red]✗[/]"
        console.print(f"{mark} {outcome.sentence}", soft_wrap=True)
    refused = [outcome for outcome in result.outcomes if outcome.status is not StepStatus.DONE]
    for outcome in refused:
        show_answers(outcome.gates)
        onwards = _onwards(result.plan, outcome)
        console.print(f"nothing was moved beyond this; go on with: {onwards}", soft_wrap=True)
    if refused:
        return
    for route in result.plan.goal:
        console.print(f"[bold]{route.entity}[/] is {described(route)} {bar(route)}", soft_wrap=True)


def _onwards(plan: Plan, refused: StepOutcome) -> str:
    """What to do where a step was refused: nothing that would be refused again."""
    if refused.status is StepStatus.OUTDATED:
        return f"lockgate cutover plan {plan.entities[0]} --to …"
    again = f"lockgate cutover apply {plan.plan_id}"
    conditions = [one for gate in refused.gates for one in gate.conditions if one.answer is not Answer.GO]
    is_for_people = bool(conditions) and all(one.condition == SIGN_OFF for one in conditions)
    return again if is_for_people else f"lockgate run, then {again}"


def show_rolled_back(done: Sequence[RolledBack]) -> None:
    """What consumers read now, and how old it is; plainly, since nobody waits here for what draws tables."""
    for one in done:
        route = one.decision.after
        age = "nothing of it is published" if one.age_seconds is None else f"published {_age(one.age_seconds)} ago"
        edition = f"edition {one.edition.number}, " if one.edition else ""
        told = f"{route.incumbent} answers for everything ({edition}{age}); it is {described(route)}"
        print_text(f"{one.decision.entity}: {told}")
    unrecorded = next((one.unrecorded for one in done if one.unrecorded), "")
    if unrecorded:
        told = f"The decision was not written down: {unrecorded}. The next `lockgate cutover status` does it."
        standard_error().print(told, soft_wrap=True, markup=False)


def show_status(found: Sequence[RouteStatus]) -> None:
    """Where routes stand, and what their gates say."""
    headings = ("entity", "incumbent", "candidate", "stage", "candidate's share", "last comparison", "since (UTC)")
    rows = [
        (
            one.entity,
            one.route.incumbent,
            one.route.candidate,
            one.route.stage,
            bar(one.route) if one.route.candidate else None,
            f"{one.comparison.facts['verdict']}, {one.comparison.facts['unexplained']} unexplained"
            if one.comparison
            else None,
            one.moved_at,
        )
        for one in found
    ]
    print_table("", headings, rows)
    show_answers([gate for one in found for gate in one.gates])
    for one in found:
        if one.decision is not None:
            told = f"{one.decision.action} by {one.decision.by}: {one.decision.reason}"
            standard_output().print(f"{one.entity}, last decided: {told}", soft_wrap=True, markup=False)


def show_answers(answers: Sequence[GateAnswer]) -> None:
    """What gates said, condition by condition."""
    rows = [
        (answer.gate, answer.entity, one.answer, one.condition, one.sentence)
        for answer in answers
        for one in answer.conditions
    ]
    if rows:
        print_table("", ("gate", "entity", "answer", "condition", "because"), rows)


def show_decisions(decisions: Sequence[Decision]) -> None:
    """Decisions, each with how the route stood before and after."""
    headings = ("decision", "at (UTC)", "entity", "decided", "from", "to", "by", "because")
    rows = [
        (
            one.decision_id,
            one.at,
            one.entity,
            one.action,
            described(one.before),
            described(one.after),
            one.by,
            one.reason,
        )
        for one in decisions
    ]
    print_table("", headings, rows)


def bar(route: Route) -> str:
    """The candidate's share as a picture: `█░░░░ 5 %`."""
    filled = -(-route.share * _BAR // BUCKETS)
    return f"{'█' * filled}{'░' * (_BAR - filled)} {percent(route.share)}"


def _age(seconds: float) -> str:
    """A duration in its largest unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
