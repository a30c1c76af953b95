"""`run` and `editions`: load, transform, test, publish, and look at what came of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.auditing import changing
from lockgate.cli.cutovers import show_decisions
from lockgate.cli.exits import Exit, exit_of, exit_of_answer
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_error, print_json, print_table, standard_error, standard_output
from lockgate.cli.progress import Progress
from lockgate.core.cutover import Action
from lockgate.errors import LockgateError

if TYPE_CHECKING:
    from lockgate.app import App
    from lockgate.core.execution import Execution
    from lockgate.core.run import RunResult

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for another run on the same target.", min=0)]
Engines = Annotated[
    list[str] | None, typer.Option("--engine", help="Build this implementation; repeat for more. Else as routed.")
]
Hold = Annotated[
    bool, typer.Option("--hold", help="Hold what it builds back from consumers, until `lockgate publish`.")
]


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.command("run")(run)
    application.add_typer(editions, name="editions")


def run(
    context: typer.Context,
    select: Annotated[list[str] | None, typer.Option(help="Only this entity; repeat for more.")] = None,
    engine: Engines = None,
    full_refresh: Annotated[bool, typer.Option(help="Load everything again and rebuild incremental models.")] = False,
    variables: Annotated[str, typer.Option("--vars", help="Variables for dbt, as a JSON object.")] = "{}",
    skip_load: Annotated[bool, typer.Option(help="Transform what has landed already.")] = False,
    hold: Hold = False,
    report: Annotated[Path | None, typer.Option(help="Write the run as an HTML page with pictures.")] = None,
    wait: Wait = 60.0,
    as_json: Json = False,
) -> int:
    """Load, transform, test and publish the project's entities."""
    from lockgate.core.run import RunRequest

    request = RunRequest(
        select=tuple(select or ()),
        engines=tuple(engine or ()),
        full_refresh=full_refresh,
        variables=parsed_variables(variables),
        load=not skip_load,
        hold=hold,
    )
    subject = ", ".join(request.select)
    with opened(context) as app:
        with changing(app.access, "run.start", subject, engine=", ".join(request.engines)) as change:
            result = app.run(request, Progress(), wait_seconds=wait)
            change.tell(run=result.run_id)
            change.went(result.errors.values())
        unwritten = _reported(app, result, report) if report is not None else None
    if as_json:
        errors = {**result.errors, "report": unwritten} if unwritten else result.errors
        print_json(replace(result, errors=errors))
    else:
        _show(result, hold=hold)
    if unwritten:
        print_error(unwritten)
    code = exit_of((*result.errors.values(), *([unwritten] if unwritten else [])))
    return code or exit_of_answer([decision.answer for decision in result.decisions])


def _reported(app: App, result: RunResult, path: Path) -> LockgateError | None:
    """Writes a run's report: why it cannot be written, where it cannot; what was published stands all the same."""
    from lockgate.app.new_files import writing

    try:
        with writing(f"the report {path}"):
            app.write_report(result, path)
    except LockgateError as error:
        return error
    standard_error().print(f"report: {path}", soft_wrap=True)
    return None


def parsed_variables(written: str) -> dict[str, object]:
    """`--vars` as a mapping.

    Raises:
        typer.BadParameter: it is not a JSON object.
    """
    try:
        variables = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"--vars is not JSON: {error}") from error
    if not isinstance(variables, dict):
        raise typer.BadParameter('--vars must be a JSON object, such as \'{"day": "2026-01-31"}\'')
    return variables


def _show(result: RunResult, *, hold: bool) -> None:
    """The run as tables; errors with what to do, on standard error."""
    if result.executions:
        print_table(
            "Entities", ("entity", "implementation", "rows", "set aside", "seconds"), rows_of(result.executions)
        )
    if result.unchanged:
        standard_output().print(f"unchanged, so the edition before stays: {', '.join(result.unchanged)}", markup=False)
    for error in result.errors.values():
        print_error(error)
    if result.decisions:
        show_decisions(result.decisions)
    standard_output().print(f"run {result.run_id}: {_ended(result, hold=hold)} in {result.seconds:.2f} s")


def _ended(result: RunResult, *, hold: bool) -> str:
    """What consumers read now of what was built."""
    done = "[red]not everything was published; what served still serves[/]"
    held = dict.fromkeys(f"{one.entity}@{one.implementation}" for one in result.editions if one.is_held)
    if result.success and hold:
        names = " ".join(dict.fromkeys(one.entity for one in result.editions if one.is_held))
        said = f"held back from consumers: {', '.join(held)}; show it by: lockgate publish {names}"
        done = f"[yellow]done, neither compared nor judged; {said if held else 'nothing is held back'}[/]"
    elif result.success and any(decision.action is Action.ROLL_BACK for decision in result.decisions):
        done = "[yellow]done; what was rolled back is held back from consumers[/]"
    elif result.success and held:
        done = f"[yellow]done; held back from consumers until both sides are found level: {', '.join(held)}[/]"
    elif result.success:
        done = "[green]published[/]"
    return done


def rows_of(executions: tuple[Execution, ...]) -> list[tuple[object, ...]]:
    """One line an execution."""
    return [
        (
            execution.entity,
            execution.implementation,
            execution.rows,
            sum(rule.rows for rule in execution.rules if rule.outcome == "rejected") if execution.rules else None,
            execution.seconds,
        )
        for execution in executions
    ]


editions = typer.Typer(help="What is published, and what each edition holds.", no_args_is_help=True)


@editions.command("list")
def list_editions(context: typer.Context, as_json: Json = False) -> int:
    """The editions kept of every entity, and which side of the view shows them."""
    with opened(context) as app:
        shown = app.editions()
    if as_json:
        print_json(shown)
        return Exit.FINE
    rows = [
        (item.edition.entity, item.edition.number, item.edition.implementation,
         item.arm or ("held back" if item.edition.is_held else ""), item.edition.rows, item.edition.published_at)
        for item in shown
    ]  # fmt: skip
    print_table("", ("entity", "edition", "implementation", "shown as", "rows", "published (UTC)"), rows)
    return Exit.FINE


@editions.command("show")
def show_edition(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(help="The entity.")],
    by: Annotated[str, typer.Option(help="Count rows by this column.")],
    as_json: Json = False,
) -> int:
    """Rows by the values of one column, every implementation's newest edition side by side."""
    with opened(context) as app:
        breakdown = app.breakdown(entity, by)
    if as_json:
        print_json(breakdown)
        return Exit.FINE
    from lockgate.cli.pictures import print_breakdown

    print_breakdown(breakdown)
    return Exit.FINE
