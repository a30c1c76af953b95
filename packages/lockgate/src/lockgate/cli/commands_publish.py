"""`test` and `publish`: prove what was built and held back, and show it to consumers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.auditing import changing
from lockgate.cli.cutovers import show_decisions
from lockgate.cli.exits import exit_of, exit_of_answer, worst_of
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_error, print_json, print_table, standard_error, standard_output
from lockgate.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockgate.core.examination import Examination, ExaminationResult
    from lockgate.core.route import Edition
    from lockgate.core.run import PublishResult, Release

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for another run on the same target.", min=0)]
Entities = Annotated[list[str], typer.Argument(metavar="ENTITY", help="The entities.")]


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.command("test")(test)
    application.command("publish")(publish)


def test(
    context: typer.Context,
    entities: Entities,
    engine: Annotated[
        str | None, typer.Option(help="Only this implementation; else those that routes call for.")
    ] = None,
    variables: Annotated[str, typer.Option("--vars", help="Variables for dbt, as a JSON object.")] = "{}",
    wait: Wait = 60.0,
    as_json: Json = False,
) -> int:
    """Test what was built of entities, without building it: dbt's tests; rules' cases and their output's key."""
    from lockgate.cli.commands_run import parsed_variables

    given = parsed_variables(variables)
    with (
        opened(context) as app,
        changing(app.access, "entity.test", ", ".join(entities), engine=engine or "") as change,
    ):
        result = app.test(tuple(entities), Progress(), engine=engine, variables=given, wait_seconds=wait)
        change.tell(run=result.run_id)
        change.went(result.errors.values())
    if as_json:
        print_json(result)
    else:
        _show_examined(result)
    return exit_of(tuple(result.errors.values()))


def _show_examined(result: ExaminationResult) -> None:
    """What was tested, and each test that did not pass; errors on standard error."""
    headings = ("entity", "implementation", "tests", "failed", "seconds")
    rows = [
        (one.entity, one.implementation, len(one.trials), len(one.failed), one.seconds) for one in result.examinations
    ]
    print_table("", headings, rows)
    bad = [(one, trial) for one in result.examinations for trial in one.failed]
    if bad:
        rows_of_bad = [(one, trial.name, trial.status, trial.failures, trial.message) for one, trial in bad]
        print_table("", ("of", "test", "status", "rows found", "said"), rows_of_bad)
    for error in result.errors.values():
        print_error(error)
    for one in result.examinations:
        _tell(one)


def _tell(one: Examination) -> None:
    """What else there is to know of an examination."""
    if one.unkept:
        standard_error().print(f"not kept as evidence: {one.unkept}", soft_wrap=True, markup=False)
    elif not one.trials and one.error is None:
        standard_error().print(f"{one} has no tests", soft_wrap=True, markup=False)


def publish(context: typer.Context, entities: Entities, wait: Wait = 60.0, as_json: Json = False) -> int:
    """Show consumers what was built and held back. Where they read a candidate, both sides must be found level."""
    with opened(context) as app, changing(app.access, "entity.publish", ", ".join(entities)) as change:
        result = app.publish(tuple(entities), Progress(), wait_seconds=wait)
        change.tell(run=result.run_id, shown=sum(len(one.shown) for one in result.releases))
        change.went(result.errors.values())
    if as_json:
        print_json(result)
    else:
        _show_published(result)
    answers = [*(one.answer for one in result.releases), *(one.answer for one in result.decisions)]
    return worst_of([exit_of(tuple(result.errors.values())), exit_of_answer(answers)])


def _show_published(result: PublishResult) -> None:
    """What is shown now, what is not, and why; errors with what to do, on standard error."""
    for one in result.releases:
        _show_release(one)
    if result.decisions:
        show_decisions(result.decisions)
    for error in result.errors.values():
        print_error(error)


def _show_release(one: Release) -> None:
    console = standard_output()
    if one.shown:
        console.print(f"{one.entity}: consumers may read {_named(one.shown)}", soft_wrap=True, markup=False)
    if one.held:
        told = f"{one.entity}: {_named(one.held)} stays held back: {one.because}"
        console.print(told, soft_wrap=True, markup=False)
    if not one.shown and not one.held:
        console.print(f"{one.entity}: nothing is held back", soft_wrap=True, markup=False)


def _named(editions: Sequence[Edition]) -> str:
    return ", ".join(f"edition {one.number} of {one.implementation}" for one in editions)
