"""`flow`: what is declared, runs of it by hand and for times gone by, and how they stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.auditing import changing, me
from lockgate.cli.exits import Exit
from lockgate.cli.flow_compile import compile_flows, interval
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_json, print_table, print_text, standard_error, standard_output
from lockgate.core.flow import FlowRun, FlowStatus, Runtime, StepState
from lockgate.core.legible import legible
from lockgate.govern.changes import beginning_flow, cancelling_flow

if TYPE_CHECKING:
    from lockgate.app import App

LOOK_SECONDS = 0.2
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Name = Annotated[str, typer.Argument(metavar="FLOW", help="The flow.")]
Number = Annotated[int, typer.Argument(metavar="RUN", help="The run's number.", min=1)]
Detach = Annotated[bool, typer.Option("--detach", help="Store it for `lockgate serve`, and do not wait.")]
_MARKS = {
    FlowStatus.SUCCESS: "[green]✓[/]",
    FlowStatus.FAILED: "[red]✗[/]",
    FlowStatus.SKIPPED: "[yellow]–[/]",
    FlowStatus.CANCELLED: "[yellow]–[/]",
}

flow = typer.Typer(help="Steps that run together: by schedule, by hand, for times gone by.", no_args_is_help=True)


def register(application: typer.Typer) -> None:
    """Adds the verb to the command line."""
    flow.command("compile")(compile_flows)
    flow.command("interval")(interval)
    application.add_typer(flow, name="flow")


@flow.command("list")
def list_flows(context: typer.Context, as_json: Json = False) -> int:
    """Every flow, when it runs next, and how it went last."""
    from lockgate.flow.ticks import next_tick

    with opened(context) as app:
        declared = app.flows.declared()
        last = {name: next(iter(app.flows.runs(flow=name, limit=1)), None) for name in declared}
    now = datetime.now(UTC)
    due = {name: next_tick(each.schedule, now) if each.schedule else None for name, each in declared.items()}
    if as_json:
        print_json([{"flow": each, "next": due[name], "last": last[name]} for name, each in declared.items()])
        return Exit.FINE
    headings = ("flow", "steps", "runtime", "schedule", "next", "last run")
    rows = [
        (
            name,
            len(each.steps),
            each.runtime,
            f"{each.schedule.cron} {each.schedule.timezone}" if each.schedule else "by hand",
            f"{due[name]:%Y-%m-%d %H:%M %Z}" if due[name] else "",
            _told(last[name]),
        )
        for name, each in declared.items()
    ]
    print_table("", headings, rows)
    return Exit.FINE


def _told(run: FlowRun | None) -> str:
    return f"{run.number}: {run.status}" if run else ""


@flow.command("run")
def run(
    context: typer.Context,
    name: Name,
    detach: Detach = False,
    as_json: Json = False,
) -> int:
    """Run a flow now, here or on the runtime that it names, and wait for its end; `flow resume` goes on with it."""
    with opened(context) as app:
        with changing(app.access, beginning_flow(name)) as change:
            begun = app.flows.begin(name, by=me())
            change.tell(run=begun.number)
        return _followed(app, (begun,), detach=detach, as_json=as_json)


@flow.command("log")
def log(
    context: typer.Context,
    number: Number,
    step: Annotated[str, typer.Argument(metavar="STEP", help="The step.")],
    attempt: Annotated[int | None, typer.Option(help="The attempt; else the newest.", min=1)] = None,
    as_json: Json = False,
) -> int:
    """What a step has printed; of more than a million characters the end."""
    with opened(context) as app:
        found = app.flows.log(number, step, attempt)
    if as_json:
        print_json({"run": number, "step": step, "text": found.text, "is_whole": found.is_whole})
    else:
        print_text(found.text.removesuffix("\n"))
    return Exit.FINE


@flow.command("resume")
def resume(context: typer.Context, number: Number, as_json: Json = False) -> int:
    """Go on with a run that nobody is running, and wait for its end; one of another runtime goes on by itself."""
    with opened(context) as app:
        left = app.flows.run(number)
        with changing(app.access, "flow.resume", left.flow, run=number):
            return _followed(app, (left,), detach=False, as_json=as_json)


@flow.command("backfill")
def backfill(
    context: typer.Context,
    name: Name,
    since: Annotated[datetime, typer.Option("--from", help="The first day or time.")],
    until: Annotated[datetime, typer.Option("--to", help="The last day, or the time before which it ends.")],
    detach: Detach = False,
    as_json: Json = False,
) -> int:
    """Run a flow for each time of its schedule in a range that has come and has no run, or none that ended well."""
    from zoneinfo import ZoneInfo

    from lockgate.app.flows import check_years

    check_years(since, until)
    with opened(context) as app:
        schedule = app.flows.flow(name).schedule
        zone = ZoneInfo(schedule.timezone if schedule else "UTC")
        is_day = (until.hour, until.minute, until.second) == (0, 0, 0)
        first, last = since.replace(tzinfo=zone), until.replace(tzinfo=zone) + timedelta(days=is_day)
        with changing(app.access, "flow.backfill", name, since=first.isoformat(), until=last.isoformat()) as change:
            begun = app.flows.backfill(name, first, last, by=me())
            change.tell(runs=len(begun))
        if not begun and not as_json:
            standard_output().print(f"nothing to make up for: every run of {name} in that range is there, or under way")
            return Exit.FINE
        return _followed(app, begun, detach=detach, as_json=as_json)


@flow.command("cancel")
def cancel(context: typer.Context, number: Number, as_json: Json = False) -> int:
    """Cancel a run: nothing more of it begins, what is running is stopped."""
    with opened(context) as app, changing(app.access, cancelling_flow(number)):
        found = app.flows.cancel(number)
    _show((found,), as_json=as_json)
    return Exit.FINE


@flow.command("status")
def status(
    context: typer.Context,
    subject: Annotated[str | None, typer.Argument(metavar="[FLOW|RUN]", help="Of one flow, or one run.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many runs.", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> int:
    """How runs stand, the newest first; of one run every step."""
    with opened(context) as app:
        if subject is None or not subject.isdecimal():
            app.flows.outside.look()
        if subject is not None and subject.isdecimal():
            one = app.flows.run(int(subject))
            _show((one,), as_json=as_json)
            return _code((one,))
        found = app.flows.runs(flow=subject, limit=limit)
    if as_json:
        print_json(found)
    else:
        _show_all(found)
    return Exit.FINE


def _show_all(runs: Sequence[FlowRun]) -> None:
    headings = ("run", "flow", "runtime", "trigger", "status", "about", "queued (UTC)", "seconds")
    print_table("", headings, [_row(each) for each in runs])


def _row(run: FlowRun) -> tuple[object, ...]:
    about = f"{run.interval.end:%Y-%m-%d %H:%M}"
    return run.number, run.flow, run.runtime, run.trigger, run.status, about, run.queued_at, _seconds(run)


def _seconds(run: FlowRun) -> float | None:
    if run.started_at is None or run.finished_at is None:
        return None
    return (run.finished_at - run.started_at).total_seconds()


@flow.command("graph")
def graph(
    context: typer.Context,
    name: Name,
    output: Annotated[Path | None, typer.Option(help="Write the picture as an SVG file.")] = None,
    as_json: Json = False,
) -> int:
    """The steps of a flow and what each needs, as a picture."""
    from lockgate.adapters.reports.flow import outlined

    with opened(context) as app:
        declared = app.flows.flow(name)
        last = next(iter(app.flows.runs(flow=name, limit=1)), None)
        statuses = {step.name: step.status for step in app.flows.run(last.number).steps} if last else {}
        if output is not None:
            app.write_flow(declared, statuses, output)
    if as_json:
        steps = [{"name": step.name, "command": step.written, "needs": step.needs} for step in declared.steps]
        edges = [(need, step.name) for step in declared.steps for need in step.needs]
        print_json({"flow": name, "steps": steps, "edges": edges})
    elif output is not None:
        standard_error().print(f"picture: {output}", soft_wrap=True)
    else:
        print_text(outlined(declared, statuses))
    return Exit.FINE


def _followed(app: App, runs: Sequence[FlowRun], *, detach: bool, as_json: bool) -> int:
    """Works on runs until all have ended, telling of each step as it ends."""
    if not detach:
        standard_error().print(
            f"[dim]run {', '.join(str(one.number) for one in runs)}; if this ends before: lockgate flow resume RUN[/]"
        )
        numbers = [one.number for one in runs]
        if all(one.runtime is Runtime.DURABLE for one in runs):
            _work(app, numbers)
        else:
            told: set[tuple[int, str, int]] = set()
            for number in numbers:
                for one in app.flows.follow(number):
                    _tell(one, told)
        runs = [app.flows.run(number) for number in numbers]
    _show(runs, as_json=as_json)
    return Exit.FINE if detach else _code(runs)


def _work(app: App, numbers: Sequence[int]) -> None:
    """Works on runs in this process until all of them have ended."""
    told: set[tuple[int, str, int]] = set()

    def goes_on() -> bool:
        found = [app.flows.run(number) for number in numbers]
        for one in found:
            _tell(one, told)
        is_over = all(one.status.is_final for one in found)
        if not is_over:
            sleep(LOOK_SECONDS)
        return not is_over

    app.flows.work(goes_on, runs=numbers)


def _tell(run: FlowRun, told: set[tuple[int, str, int]]) -> None:
    """Tells of the steps that have ended since."""
    from rich.markup import escape

    for step in run.steps:
        key = (run.number, step.name, step.attempt)
        is_over = step.status.is_final or (step.status is FlowStatus.WAITING and step.finished_at is not None)
        if key in told or not is_over:
            continue
        told.add(key)
        begun, ended = step.started_at, step.finished_at
        seconds = f"{(ended - begun).total_seconds():.1f} s" if begun and ended else ""
        mark = _MARKS.get(step.status, "[red]✗[/]")
        said = f"[red]{escape(legible(step.error))}[/]" if step.error else f"[dim]{seconds}[/]"
        again = " [dim]· tried again[/]" if step.status is FlowStatus.WAITING else ""
        standard_error().print(f"{mark} {run.flow}/{run.number} {step.name} {said}{again}", soft_wrap=True)


def _show(runs: Sequence[FlowRun], *, as_json: bool) -> None:
    if as_json:
        print_json(runs)
        return
    if len(runs) > 1:
        _show_all(runs)
        return
    for one in runs:
        headings = ("step", "status", "attempt", "seconds", "exit code", "log")
        rows = [
            (step.name, step.status, step.attempt or None, _of(step), step.exit_code, step.log) for step in one.steps
        ]
        print_table(f"run {one.number} of {one.flow}: {one.status}", headings, rows)
        for step in one.steps:
            if step.error:
                print_text(f"{step.name}: {legible(step.error)}")


def _of(step: StepState) -> float | None:
    return (step.finished_at - step.started_at).total_seconds() if step.started_at and step.finished_at else None


def _code(runs: Sequence[FlowRun]) -> Exit:
    """A run that failed is an answer, as a failed gate is."""
    bad = {FlowStatus.FAILED, FlowStatus.CANCELLED}
    return Exit.DATA_SAID_NO if any(one.status in bad for one in runs) else Exit.FINE
