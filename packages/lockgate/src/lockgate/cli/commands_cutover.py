"""`cutover`, `gate` and `evidence`: move a route by a plan, undo it at once, and see what it is moved by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.auditing import changing, me, told_afterwards
from lockgate.cli.cutovers import show_answers, show_decisions, show_plan, show_result, show_rolled_back, show_status
from lockgate.cli.exits import Exit, exit_of, exit_of_answer, exit_of_verdict, worst_of
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_error, print_json, print_table, standard_error, standard_output
from lockgate.cli.passwords import FromStdin
from lockgate.govern.changes import applying, planning, promoting, retiring, rolling_back, signing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lockgate.app.cutting_over import RolledBack
    from lockgate.app.side_comparison import ComparedSides
    from lockgate.core.cutover import PlanResult, PlanStep
    from lockgate.core.route import Stage

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Entity = Annotated[str, typer.Argument(metavar="ENTITY", help="The entity; its group moves with it.")]
Entities = Annotated[list[str] | None, typer.Argument(metavar="ENTITY", help="Only these; else all.")]
AtLeastOne = Annotated[list[str], typer.Argument(metavar="ENTITY", help="The entities.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the decision.")]
Candidate = Annotated[str | None, typer.Option(help="Another implementation than the route's candidate.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for another run on the same target.", min=0)]
Share = Annotated[str | None, typer.Option(help="The canary's share of the keys, such as 5%; else the policy's first.")]
Limit = Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)]
SHOWN_SAMPLES = 5

cutover = typer.Typer(help="Move an entity from one implementation to another, as teams deploy software.")
evidence = typer.Typer(help="What was recorded about implementations, and what gates ask for.")


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.add_typer(cutover, name="cutover", no_args_is_help=True)
    application.add_typer(evidence, name="evidence", no_args_is_help=True)
    application.command("gate")(gate)


@cutover.command("plan")
def plan(
    context: typer.Context,
    entity: Entity,
    to: Annotated[str, typer.Option("--to", help="shadow, canary or promoted.")],
    share: Share = None,
    candidate: Candidate = None,
    as_json: Json = False,
) -> int:
    """Freeze the steps to a stage, and explain them. Nothing is moved before `cutover apply`."""
    stage, buckets = _stage(to), _buckets(share)
    if buckets is not None and to != "canary":
        raise typer.BadParameter(f"only a canary has a share, and this leads to {to}", param_hint="--share")
    with opened(context) as app, changing(app.access, planning(entity, to, buckets, candidate)) as change:
        made = app.cutovers.plan(entity, stage, by=me(), share=buckets, candidate=candidate)
        change.tell(plan=made.plan_id)
    if as_json:
        print_json(made)
    else:
        show_plan(made)
    return Exit.FINE


@cutover.command("show")
def show(
    context: typer.Context,
    plan_id: Annotated[str, typer.Argument(metavar="PLAN", help="The plan's name.")],
    as_json: Json = False,
) -> int:
    """A plan, and what came of its steps so far."""
    with opened(context) as app:
        made, outcomes = app.cutovers.planned(plan_id)
    if as_json:
        print_json({"plan": made, "outcomes": outcomes})
    else:
        show_plan(made, outcomes)
    return Exit.FINE


@cutover.command("apply")
def apply(
    context: typer.Context,
    plan_id: Annotated[str, typer.Argument(metavar="PLAN", help="The plan's name, as `cutover plan` told it.")],
    wait: Wait = 60.0,
    as_json: Json = False,
) -> int:
    """Do the steps of a plan. Begun again after a crash, it goes on where it was."""
    from lockgate.cli.progress import Progress

    with opened(context) as app, changing(app.access, applying(plan_id)) as change:
        result = app.cutovers.apply(plan_id, _tell, Progress(), by=me(), wait_seconds=wait)
        change.came(result)
    return _ended(result, as_json=as_json)


@cutover.command("promote")
def promote(
    context: typer.Context, entity: Entity, candidate: Candidate = None, wait: Wait = 60.0, as_json: Json = False
) -> int:
    """Plan the way to promoted, and apply it: the candidate answers for everything, if its gates say go."""
    from lockgate.cli.progress import Progress

    with opened(context) as app, changing(app.access, promoting((entity,))) as change:
        made = app.cutovers.plan(entity, _stage("promoted"), by=me(), candidate=candidate)
        change.tell(plan=made.plan_id)
        if not as_json:
            show_plan(made)
        result = app.cutovers.apply(made.plan_id, _tell, Progress(), by=me(), wait_seconds=wait)
        change.came(result)
    return _ended(result, as_json=as_json)


@cutover.command("rollback")
def rollback(
    context: typer.Context,
    entity: Entity,
    reason: Reason = "asked for",
    off: Annotated[bool, typer.Option("--off", help="Do not build the candidate in the shadow any more.")] = False,
    as_json: Json = False,
) -> int:
    """Give everything back to the incumbent, at once: one row is changed, nothing is built.

    It does so by the project as it last was valid where lockgate.yml has problems.
    """
    with (
        opened(context, may_be_invalid=True) as app,
        told_afterwards(app.access, rolling_back(entity, reason, off=off)) as change,
    ):
        done = app.cutovers.roll_back(entity, by=me(), reason=reason, off=off)
        change.is_untold = any(one.unrecorded for one in done)
    if as_json:
        print_json([_document(one) for one in done])
    else:
        show_rolled_back(done)
    return Exit.FINE


def _document(done: RolledBack) -> dict[str, object]:
    """A roll-back as `--json` gives it."""
    seen: dict[str, object] = {"decision": done.decision, "edition": done.edition, "age_seconds": done.age_seconds}
    return seen | ({"unrecorded": done.unrecorded} if done.unrecorded else {})


@cutover.command("retire")
def retire(context: typer.Context, entity: Entity, reason: Reason = "asked for", as_json: Json = False) -> int:
    """End a cutover: the promoted candidate becomes the incumbent, and the old one is not built any more."""
    with opened(context) as app, changing(app.access, retiring(entity, reason)):
        done = app.cutovers.retire(entity, by=me(), reason=reason)
    if as_json:
        print_json(done)
    else:
        show_decisions(done)
    return Exit.FINE


@cutover.command("status")
def status(context: typer.Context, entities: Entities = None, as_json: Json = False) -> int:
    """Where routes stand: stage, share, what consumers read, and what the gates say."""
    with opened(context, may_be_invalid=True) as app:
        found = app.cutovers.status(tuple(entities or ()))
    if as_json:
        print_json(found)
    else:
        show_status(found)
    return Exit.FINE


@cutover.command("decisions")
def decisions(
    context: typer.Context,
    entity: Annotated[str | None, typer.Argument(metavar="ENTITY", help="Only this one's.")] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> int:
    """What was decided about routes, the newest first: by whom, why, on which evidence."""
    with opened(context) as app:
        found = app.cutovers.decisions(entity, limit=limit)
    if as_json:
        print_json(found)
    else:
        show_decisions(found)
    return Exit.FINE


@cutover.command("judge")
def judge(context: typer.Context, entity: Entity, as_json: Json = False) -> int:
    """Have the controller look at a route now; it moves on or is rolled back as its policy says."""
    with opened(context) as app, changing(app.access, "cutover.judge", entity) as change:
        decided = app.cutovers.judge(entity)
        change.tell(decisions=len(decided))
    if as_json:
        print_json({"decisions": decided})
    elif decided:
        show_decisions(decided)
    else:
        standard_output().print(f"{entity}: nothing to decide", markup=False)
    return exit_of_answer([one.answer for one in decided])


@cutover.command("sign")
def sign(
    context: typer.Context,
    entity: Entity,
    gate: Annotated[str, typer.Argument(metavar="GATE", help="The gate that wants a signature.")],
    role: Annotated[str, typer.Option(help="The role in which you sign.")],
    reason: Reason = "",
    name: Annotated[str | None, typer.Option("--as", help="Your account; else your login name.")] = None,
    from_stdin: FromStdin = False,
    as_json: Json = False,
) -> int:
    """Sign a gate for the route as it stands; once the route has moved, it is signed anew.

    Where there are accounts, you prove by your password who you are, and you are an approver.
    """
    from lockgate.cli.signer import proven_signer

    with opened(context) as app, changing(app.access, signing(entity, gate, role, reason)) as change:
        signer = proven_signer(app.access, name, from_stdin=from_stdin)
        change.tell(signer=signer)
        signed = app.cutovers.sign(entity, gate, role, by=signer, reason=reason)
    if as_json:
        print_json(signed)
    else:
        standard_output().print(f"{signed.by} signed {gate} for {entity} as {role}", markup=False)
    return Exit.FINE


@cutover.command("compare")
def compare(context: typer.Context, entities: AtLeastOne, as_json: Json = False) -> int:
    """Compare the newest editions of both sides of routes, held back or not, as evidence for their gates."""
    from lockgate.cli.reading import reading

    with (
        opened(context) as app,
        reading() as progress,
        changing(app.access, "cutover.compare", ", ".join(entities)) as change,
    ):
        found = app.cutovers.compare(entities, progress)
        change.went(one.error for one in found if one.error)
    if as_json:
        print_json([_sides_document(one) for one in found])
    return worst_of([_compared(one, as_json=as_json) for one in found])


def _sides_document(one: ComparedSides) -> dict[str, object]:
    """How both sides of an entity's route compare, as `--json` gives it."""
    from lockgate.core.comparison_document import comparison_document

    found = {"error": one.error} if one.comparison is None else comparison_document(one.comparison)
    return {"entity": one.entity, **found}


def _compared(one: ComparedSides, *, as_json: bool) -> Exit:
    """Shows how both sides of an entity's route compare: the exit code for it."""
    from lockgate.cli.comparison import print_comparison

    if one.comparison is not None:
        if not as_json:
            print_comparison(one.comparison, most_samples=SHOWN_SAMPLES)
        return exit_of_verdict(one.comparison.verdict)
    if one.error is None:
        return Exit.FINE
    print_error(one.error)
    return exit_of((one.error,))


def gate(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[all|NAME]", help="The gates; else all of them.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Ask gates now: go, no-go, or not enough evidence, with what they saw."""
    asked = tuple(names or ())
    with opened(context) as app:
        found = app.cutovers.gates(() if "all" in asked else asked)
    if as_json:
        print_json(found)
    else:
        show_answers(found)
    return exit_of_answer([one.answer for one in found])


@evidence.command("list")
def list_evidence(
    context: typer.Context,
    entity: Annotated[str | None, typer.Argument(metavar="ENTITY", help="Only this one's.")] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> int:
    """The newest evidence first."""
    with opened(context) as app:
        found = app.cutovers.evidence(entity, limit=limit)
    if as_json:
        print_json(found)
        return Exit.FINE
    headings = ("evidence", "kind", "entity", "candidate", "at (UTC)", "by", "facts")
    rows = [
        (one.evidence_id, one.kind, one.pair.entity, one.pair.candidate, one.at, one.by, _facts(one.facts))
        for one in found
    ]
    print_table("", headings, rows)
    return Exit.FINE


def _facts(facts: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value not in (None, ""))


@evidence.command("record")
def record(
    context: typer.Context,
    entity: Entity,
    score: Annotated[float, typer.Option(help="The score of the entity's candidate, as your own checks found it.")],
    reason: Reason = "",
    as_json: Json = False,
) -> int:
    """Record a score that gates ask for."""
    with opened(context) as app, changing(app.access, "score.record", entity, score=score, reason=reason):
        recorded = app.cutovers.record_score(entity, score, by=me(), reason=reason)
    if as_json:
        print_json(recorded)
    else:
        standard_output().print(f"evidence {recorded.evidence_id}: the score of {entity} is {score:g}", markup=False)
    return Exit.FINE


def _stage(written: str) -> Stage:
    """A stage that can be planned for.

    Raises:
        typer.BadParameter: it is none.
    """
    from lockgate.core.route import Stage

    stages = {stage.value: stage for stage in (Stage.SHADOW, Stage.CANARY, Stage.PROMOTED)}
    if written not in stages:
        raise typer.BadParameter(f"{written!r} is not one of {', '.join(stages)}", param_hint="--to")
    return stages[written]


def _buckets(written: str | None) -> int | None:
    """A share in buckets of 0.01 %.

    Raises:
        typer.BadParameter: it is not a percentage, or finer than a bucket.
    """
    from pydantic_core import PydanticCustomError

    from lockgate.config import parse_buckets

    try:
        return None if written is None else parse_buckets(written)
    except PydanticCustomError as error:
        raise typer.BadParameter(f"{error.message()}; write 5% or 0.25%", param_hint="--share") from error


def _tell(position: int, step: PlanStep) -> None:
    from lockgate.cutover import step_told

    standard_error().print(f"[dim]{position + 1}[/] {step_told(step)}", soft_wrap=True)


def _ended(result: PlanResult, *, as_json: bool) -> Exit:
    if as_json:
        print_json({"answer": result.answer, "plan": result.plan, "outcomes": result.outcomes})
    else:
        show_result(result)
    return exit_of_answer([result.answer])
