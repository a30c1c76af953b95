"""`load`, `loads` and `quarantine`: bring data in, and see what came and what was set aside."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.auditing import changing
from lockgate.cli.exits import Exit, exit_of
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_error, print_json, print_table
from lockgate.cli.progress import Progress

if TYPE_CHECKING:
    from lockgate.core.load import Load

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Limit = Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)]
Wait = Annotated[float, typer.Option(help="Seconds to wait for another run on the same target.", min=0)]
HEADINGS = ("load", "stream", "mode", "status", "rows", "set aside", "up to", "started (UTC)")

loads = typer.Typer(help="The loads that were run.", no_args_is_help=True)
quarantine = typer.Typer(help="The records that were set aside.", no_args_is_help=True)


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.command("load")(load)
    application.add_typer(loads, name="loads")
    application.add_typer(quarantine, name="quarantine")


def load(
    context: typer.Context,
    streams: Annotated[list[str] | None, typer.Argument(help="SOURCE or SOURCE.STREAM; else all.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again; it takes the place of what is shown.")
    ] = False,
    since: Annotated[str | None, typer.Option(help="Cursors from this on, as the source writes them.")] = None,
    until: Annotated[str | None, typer.Option(help="Cursors up to this, as the source writes them.")] = None,
    wait: Wait = 60.0,
    as_json: Json = False,
) -> int:
    """Load streams into the raw log; `raw` shows them from the next run on."""
    from lockgate.core.run import Bounds

    if full and (since is not None or until is not None):
        raise typer.BadParameter("--full reads everything, so it takes neither --since nor --until")
    with opened(context) as app, changing(app.access, "load.start", ", ".join(streams or ()), full=full) as change:
        result = app.load(tuple(streams or ()), Bounds(full, since, until), Progress(), wait_seconds=wait)
        change.tell(run=result.run_id, loads=", ".join(str(one.load_id) for one in result.loads))
        change.went(result.errors.values())
    if as_json:
        print_json(result)
    else:
        print_table("", HEADINGS, [_row(one) for one in result.loads])
        for error in result.errors.values():
            print_error(error)
    return exit_of(tuple(result.errors.values()))


@loads.command("list")
def list_loads(context: typer.Context, limit: Limit = 50, as_json: Json = False) -> int:
    """The newest loads first."""
    with opened(context) as app:
        found = app.loads(limit=limit)
    if as_json:
        print_json(found)
    else:
        print_table("", HEADINGS, [_row(one) for one in found])
    return Exit.FINE


@loads.command("show")
def show_load(
    context: typer.Context, load_id: Annotated[int, typer.Argument(help="The load's number.")], as_json: Json = False
) -> int:
    """Everything that is known of one load."""
    with opened(context) as app:
        found = app.load_of(load_id)
    if as_json:
        print_json(found)
    else:
        facts = [
            ("stream", f"{found.source}.{found.stream}"), ("mode", found.mode), ("status", found.status),
            ("rows", found.rows), ("set aside", found.rejected), ("files", found.files), ("bytes", found.bytes),
            ("since", found.cursor.since), ("up to", found.cursor.until),
            ("started (UTC)", found.started_at), ("finished (UTC)", found.finished_at), ("error", found.error),
        ]  # fmt: skip
        print_table(f"load {load_id}", ("what", "value"), facts)
    return Exit.FINE


@loads.command("prune")
def prune_loads(
    context: typer.Context,
    keep: Annotated[int, typer.Option(help="Keep the newest so many loads of each stream in any case.", min=0)] = 3,
    older_than: Annotated[str, typer.Option(help="Only loads that began longer ago than this, such as 30d.")] = "0s",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    wait: Wait = 60.0,
    as_json: Json = False,
) -> int:
    """Remove loads that a later whole load replaced and that no pin or kept edition stands on."""
    age = parsed_age(older_than)
    with opened(context) as app, ExitStack() as told:
        if not dry_run:
            told.enter_context(changing(app.access, "load.prune", "", keep=keep, older_than=older_than))
        found = app.prune_loads(keep=keep, older_than=age, dry_run=dry_run, wait_seconds=wait)
    if as_json:
        print_json(found)
    else:
        rows = [(one.relation, one.loads, one.rows, one.rejected, one.bytes) for one in found]
        title = "Would be removed" if dry_run else "Removed"
        print_table(title, ("stream", "loads", "rows", "set aside", "bytes"), rows)
    return Exit.FINE


def parsed_age(written: str) -> timedelta:
    """`--older-than` as a length of time.

    Raises:
        typer.BadParameter: it is not one.
    """
    from pydantic_core import PydanticCustomError

    from lockgate.config.grammar import parse_duration

    try:
        return parse_duration(written)
    except PydanticCustomError as error:
        raise typer.BadParameter(f"--older-than: {error.message()}; write 30d, 12h or 1w") from error


@quarantine.command("list")
def list_quarantine(
    context: typer.Context,
    stream: Annotated[str | None, typer.Argument(help="SOURCE.STREAM; else all.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> int:
    """The newest records set aside: which load, where they stood, and why; values only with --json."""
    with opened(context) as app:
        found = app.quarantine(stream, limit=limit)
    if as_json:
        print_json(found)
    else:
        rows = [(item.relation, str(item.load_id), item.position, item.column, item.reason) for item in found]
        print_table("", ("stream", "load", "position", "column", "reason"), rows)
    return Exit.FINE


@quarantine.command("show")
def show_quarantine(
    context: typer.Context,
    stream: Annotated[str, typer.Argument(help="SOURCE.STREAM, or as `quarantine list` shows it.")],
    limit: Limit = 10,
    as_json: Json = False,
) -> int:
    """Records set aside of one stream, as they came."""
    with opened(context) as app:
        found = app.quarantine(stream, limit=limit)
    if as_json:
        print_json(found)
    else:
        print_table("", ("position", "reason", "record"), [(item.position, item.reason, item.record) for item in found])
    return Exit.FINE


def _row(load: Load) -> tuple[object, ...]:
    """One line a load."""
    return (
        str(load.load_id), f"{load.source}.{load.stream}", load.mode, load.status, load.rows, load.rejected,
        load.cursor.until, load.started_at,
    )  # fmt: skip
