"""`transform`: one implementation of an entity, on tables or records; and the proof that all of them agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from lockgate.cli.auditing import changing
from lockgate.cli.commands_run import Json, Wait, rows_of
from lockgate.cli.exits import Exit, exit_of, exit_of_verdict, worst_of
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_error, print_json, print_table, standard_error, standard_output
from lockgate.cli.progress import Progress
from lockgate.cli.reading import reading
from lockgate.cli.records import print_envelope, print_outcomes, read_lines
from lockgate.core.comparison import Verdict

if TYPE_CHECKING:
    from lockgate.app import App
    from lockgate.core.job import JobResult
    from lockgate.core.verification import Verification, Verified


def register(application: typer.Typer) -> None:
    """Adds the verb to the command line."""
    application.add_typer(transforming, name="transform")


class _RunsByDefault(TyperGroup):
    """A group whose `run` is meant where no verb of its own is named: `transform users` is `transform run users`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with `run` in front where neither a verb nor help is asked for."""
        is_whole = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if is_whole else ["run", *args])


transforming = typer.Typer(
    cls=_RunsByDefault, help="Execute one implementation of an entity, or prove that all agree.", no_args_is_help=True
)


@transforming.command("run")
def transform(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(help="The entity to transform.")],
    engine: Annotated[str | None, typer.Option(help="The implementation; else as routed.")] = None,
    records: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(help="JSON lines instead of tables; - for standard input."),
    ] = None,
    wait: Wait = 60.0,
    as_json: Json = False,
) -> int:
    """Execute one implementation of an entity, on the pinned tables or on records."""
    with opened(context) as app:
        if records is not None:
            return _transform_records(app, entity, records, engine=engine, as_json=as_json)
        result = app.transform(entity, engine=engine, wait_seconds=wait)
    if as_json:
        print_json(result)
    else:
        _show_transformed(result)
    return Exit.FINE


def _transform_records(
    app: App, entity: str, records: typer.FileBinaryRead, *, engine: str | None, as_json: bool
) -> Exit:
    """What an entity's rules make of JSON lines, told as it is made; whole or not at all where it is one document."""
    found = app.transform_records(entity, read_lines(records), engine=engine)
    bad = print_envelope(entity, found) if as_json else print_outcomes(found)
    return Exit.DATA_SAID_NO if bad else Exit.FINE


@transforming.command("verify")
def verify(
    context: typer.Context,
    entities: Annotated[list[str] | None, typer.Argument(metavar="[ENTITY…]", help="These entities; else all.")] = None,
    on: Annotated[
        list[str] | None, typer.Option("--on", metavar="TARGET", help="On this target; repeat for more. Else one.")
    ] = None,
    load: Annotated[bool, typer.Option("--load", help="Load into each target first.")] = False,
    wait: Wait = 60.0,
    as_json: Json = False,
) -> int:
    """Build entities by all implementations, on all targets named, hold that back, and compare every row.

    What an implementation built is compared with what it answers about the records that it was built of, too.
    """
    with (
        opened(context) as app,
        reading() as progress,
        changing(app.access, "entity.verify", ", ".join(entities or ()), targets=", ".join(on or ())) as change,
    ):
        proving = app.implementations
        found = proving.verify(entities or (), on or (), Progress(), progress, load=load, wait_seconds=wait)
        change.went(found.errors)
    if as_json:
        print_json(found)
    else:
        _show_verified(found)
    verdicts = [exit_of_verdict(one.verdict) for one in found.found if one.verdict]
    return worst_of([exit_of(found.errors), *verdicts, *(Exit.INCONCLUSIVE for _ in found.alone)])


def _show_verified(found: Verification) -> None:
    """Who made which rows, and whether they are the same; why not, below."""
    rows = [
        (one.maker.entity, one.maker.target, one.maker.implementation, one.maker.way or "built", one.rows,
         one.verdict or _unheld(one), one.unexplained)
        for one in found.found
    ]  # fmt: skip
    heads = ("entity", "target", "implementation", "asked", "rows", "verdict", "rows that differ")
    print_table("", heads, rows)
    for one in found.found:
        for reason in one.reasons if one.verdict is not Verdict.PASS else ():
            standard_output().print(f"{one.maker}: {reason}", markup=False, soft_wrap=True)
    for entity in found.alone:
        standard_output().print(f"{entity}: made once, so there is nothing to hold its rows against", markup=False)
    for error in found.errors:
        print_error(error)


def _unheld(one: Verified) -> str:
    return "error" if one.error else "the first"


def _show_transformed(result: JobResult) -> None:
    """The execution as a table; who should have answered, where another one did, on standard error."""
    if result.fallen_back is not None:
        said = f"{result.inputs.implementation} failed, the incumbent answers: {result.fallen_back.message}"
        standard_error().print(said, markup=False, soft_wrap=True)
    print_table("", ("entity", "implementation", "rows", "set aside", "seconds"), rows_of((result.execution,)))
