"""`flow compile` and `flow interval`: flows as files for other runtimes, and what a run of theirs is about."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.exits import Exit
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_json, print_text, standard_error
from lockgate.core.flow import Runtime
from lockgate.errors import UnknownName

if TYPE_CHECKING:
    from lockgate.orchestrate import Drift

FOLDER = "orchestration"
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
    as_json: Json = False,
) -> int:
    """Write flows as plain Python for Airflow, Dagster or Luigi; a task there calls a command of Lockgate's."""
    from lockgate.orchestrate import compiled, drift, write

    if runtime not in _RUNTIMES:
        raise UnknownName(f"there is no runtime {runtime!r}; there are {', '.join(_RUNTIMES)}")
    with opened(context) as app:
        folder = (output or app.project.folder / FOLDER / runtime).absolute()
        texts = compiled(app.project, Runtime(runtime), folder, names or ())
    found = (drift if check else write)(folder, texts, is_whole=not names)
    if as_json:
        print_json({"runtime": runtime, "folder": folder, "files": list(texts), "checked": check, "drift": found})
    else:
        _tell(folder, found, len(texts), check=check)
    return Exit.DATA_SAID_NO if check and found else Exit.FINE


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

    from lockgate.flow.ticks import interval_of, last_tick

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
