"""`flow compile` and `flow interval`: flows as files for other runtimes, and what a run of theirs is about."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.exits import Exit
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_json, print_text, standard_error
from lockgate.core.flow import Runtime
from lockgate.errors import LockgateError, UnknownName

if TYPE_CHECKING:
    from lockgate.orchestrate import Drift

FOLDER = "orchestration"
LOOK_SECONDS = 1.0
_RUNTIMES = [runtime.value for runtime in Runtime if runtime is not Runtime.DURABLE]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def compile_flows(
    context: typer.Context,
    runtime: Annotated[str, typer.Option("--to", help=f"The runtime: {', '.join(_RUNTIMES)}.", show_default=False)],
    names: Annotated[list[str] | None, typer.Argument(metavar="[FLOW…]", help="These flows; else all.")] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to; else orchestration/RUNTIME in the project.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; 1 where a file would change.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on: write anew whenever the project changes.")] = False,
    as_json: Json = False,
) -> int:
    """Write flows as plain Python for Airflow, Dagster or Luigi; a task there calls a command of Lockgate's."""
    if runtime not in _RUNTIMES:
        hint = f"Write one of them: --to {_RUNTIMES[0]}."
        raise UnknownName(f"there is no runtime {runtime!r}; there are {', '.join(_RUNTIMES)}", hint=hint)
    if watch and (check or as_json):
        raise typer.BadParameter("goes on until it is stopped: it goes neither with --check nor with --json", context)
    folder, files, found = _compiled(context, Runtime(runtime), names or (), output, check=check)
    if as_json:
        print_json({"runtime": runtime, "folder": folder, "files": files, "checked": check, "drift": found})
    else:
        _tell(folder, found, len(files), check=check)
    if watch:
        _watch(context, Runtime(runtime), names or (), output)
    return Exit.DATA_SAID_NO if check and found else Exit.FINE


def _compiled(
    context: typer.Context, runtime: Runtime, names: Sequence[str], output: Path | None, *, check: bool
) -> tuple[Path, list[str], Drift]:
    """The folder, the names of the files that compiling gives, and what was changed there or would be."""
    from lockgate.orchestrate import compiled, drift, write

    with opened(context) as app:
        folder = (output or app.project.folder / FOLDER / runtime).absolute()
        texts = compiled(app.project, runtime, folder, names)
    return folder, list(texts), (drift if check else write)(folder, texts, is_whole=not names)


def _watch(context: typer.Context, runtime: Runtime, names: Sequence[str], output: Path | None) -> None:
    """Writes anew what changes, until it is interrupted; what is wrong meanwhile is said once."""
    said = ""
    while True:
        time.sleep(LOOK_SECONDS)
        try:
            folder, files, found = _compiled(context, runtime, names, output, check=False)
        except LockgateError as error:
            if str(error) != said:
                said = str(error)
                standard_error().print(said, soft_wrap=True, markup=False)
        else:
            said = ""
            if found:
                _tell(folder, found, len(files), check=False)


def _tell(folder: Path, found: Drift, files: int, *, check: bool) -> None:
    said = ("missing", "different", "left over") if check else ("written", "written anew", "removed")
    for what, names in zip(said, (found.missing, found.different, found.left_over), strict=True):
        for name in names:
            print_text(f"{what}: {folder / name}")
    if not found:
        standard_error().print(f"{files} files in {folder} are as the project declares them", soft_wrap=True)


def interval(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="FLOW", help="The flow.")],
    at: Annotated[datetime | None, typer.Option(help="A time, in the flow's zone; else now.")] = None,
    as_json: Json = False,
) -> int:
    """What the newest run that was due is about, as options of `luigi`: from the time before its own to its own."""
    from zoneinfo import ZoneInfo

    from lockgate.app.flows import check_years
    from lockgate.flow.ticks import interval_of, last_tick

    if at is not None:
        check_years(at)
    with opened(context) as app:
        schedule = app.flows.flow(name).schedule
    if schedule is None:
        raise UnknownName(f"the flow {name} has no schedule", hint="Give its runs an interval of your own.")
    tick = last_tick(schedule, at.replace(tzinfo=ZoneInfo(schedule.timezone)) if at else datetime.now(UTC))
    if tick is None:
        raise UnknownName(f"the flow {name} has not been due yet", hint="Its schedule begins later.")
    found = interval_of(schedule, tick)
    start, end = found.start.astimezone(UTC).isoformat(), found.end.astimezone(UTC).isoformat()
    if as_json:
        print_json({"flow": name, "start": start, "end": end})
    else:
        print_text(f"--start {start} --end {end}")
    return Exit.FINE
