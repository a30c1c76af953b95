"""The flow `nightly` as a job of Dagster.

Each operation calls a command, in the project's folder.

Written by `lockgate flow compile --to dagster`: change lockgate.yml, and compile it again.
"""

import os
import shlex
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from datetime import date as day
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

PROJECT = Path(os.environ.get("LOCKGATE_PROJECT") or Path(__file__).resolve().parents[2])
TIMEZONE = "America/New_York"
FIRST_DAY = day(2026, 1, 5)
# The calendar `business`; Monday is 0.
WEEKDAYS = {0, 1, 2, 3, 4}
SKIPPED = {
    day(2026, 12, 25),
}
# The times of the schedule, and the interval that ends at each.
INTERVALS = dg.TimeWindowPartitionsDefinition(
    start="1970-01-01",
    fmt="%Y-%m-%d",
    cron_schedule="0 5 * * *",
    timezone=TIMEZONE,
)


def interval(context: dg.OpExecutionContext) -> tuple[str, str]:
    """When the interval begins and ends that a run is about; one that people start is about its own moment."""
    tags = context.run.tags
    now = context.instance.get_run_record_by_id(context.run_id).create_timestamp.isoformat()
    return tags.get("lockgate/start", now), tags.get("lockgate/end", now)


def call(context: dg.OpExecutionContext, command: list[str], *, timeout_seconds: int) -> None:
    """Runs a command, whose output goes to the log of the step; it is stopped with all that it started."""
    environment = {
        **os.environ,
        "LOCKGATE_FLOW_STEP": f"nightly/{context.op.tags['lockgate/step']}",
        "LOCKGATE_FLOW_RUN": f"dagster/{context.run_id}",
        "LOCKGATE_FLOW_INTERVAL": "/".join(interval(context)),
    }
    deadline = time.monotonic() + timeout_seconds
    code, is_late, said = None, False, b""
    # A file, as a pipe would be held open by what the command leaves behind.
    with tempfile.NamedTemporaryFile() as output, Path(output.name).open("rb") as log:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while code is None:
                with suppress(subprocess.TimeoutExpired):
                    code = process.wait(0.5)
                if code is None and time.monotonic() >= deadline:
                    is_late = True
                    os.killpg(process.pid, signal.SIGKILL)
                *lines, said = (said + log.read()).split(b"\n")
                if code is not None and said:
                    lines.append(said)
                for line in lines:
                    context.log.info(line.decode(errors="replace").rstrip())
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            raise
    if code != 0:
        why = f"stopped after {timeout_seconds} s" if is_late else f"exit code {code}"
        raise dg.Failure(f"{shlex.join(command)}: {why}")


@dg.op(
    out=dg.Out(dg.Nothing),
    retry_policy=dg.RetryPolicy(max_retries=2, delay=60),
    pool="warehouse",
    tags={"lockgate/step": "load", "dagster/priority": "5"},
)
def load(context: dg.OpExecutionContext) -> None:
    command = ["lockgate", "load", "files.orders"]
    call(context, command, timeout_seconds=14400)
    asset = ["files", "orders"]
    context.log_event(dg.AssetMaterialization(asset))


@dg.op(
    out=dg.Out(dg.Nothing),
    tags={"lockgate/step": "since"},
)
def since(context: dg.OpExecutionContext) -> None:
    start, end = interval(context)
    command = ["lockgate", "load", "files.items", "--since", start, "--until", end]
    call(context, command, timeout_seconds=14400)


@dg.op(
    ins={
        "after_load": dg.In(dg.Nothing),
        "after_since": dg.In(dg.Nothing),
    },
    out=dg.Out(dg.Nothing),
    tags={"lockgate/step": "build"},
)
def build(context: dg.OpExecutionContext) -> None:
    command = ["lockgate", "run", "--skip-load", "--hold", "--select", "orders"]
    call(context, command, timeout_seconds=1800)


@dg.op(
    ins={"after_build": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    tags={"lockgate/step": "publish"},
)
def publish(context: dg.OpExecutionContext) -> None:
    command = ["lockgate", "publish", "orders"]
    call(context, command, timeout_seconds=14400)
    asset = "orders"
    context.log_event(dg.AssetMaterialization(asset))


@dg.op(
    ins={"after_publish": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    tags={"lockgate/step": "tell"},
)
def tell(context: dg.OpExecutionContext) -> None:
    start, _ = interval(context)
    date = datetime.fromisoformat(start).astimezone(ZoneInfo(TIMEZONE)).date().isoformat()
    command = ["lockgate", "notices", "tell", f"the orders of {date} are here"]
    call(context, command, timeout_seconds=14400)


@dg.op(
    out=dg.Out(dg.Nothing),
    tags={"lockgate/step": "import"},
)
def import_(context: dg.OpExecutionContext) -> None:
    command = [
        "bash",
        "-c",
        "echo {{ as it is }}; echo a command that goes on for so long that no line has room for it all",
    ]
    call(context, command, timeout_seconds=14400)


@dg.job(
    name="nightly",
    description='Loads what "changed" and shows it.',
    tags={"lockgate/flow": "nightly"},
)
def nightly() -> None:
    load_done = load()
    since_done = since()
    import_()
    build_done = build(after_load=load_done, after_since=since_done)
    publish_done = publish(after_build=build_done)
    tell(after_publish=publish_done)


@dg.schedule(
    name="nightly_schedule",
    job=nightly,
    cron_schedule=INTERVALS.cron_schedule,
    execution_timezone=TIMEZONE,
)
def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    due = context.scheduled_execution_time
    if due.date() < FIRST_DAY:
        return dg.SkipReason(f"{due.date()} is before the first day of the schedule")
    if due.weekday() not in WEEKDAYS or due.date() in SKIPPED:
        return dg.SkipReason(f"{due.date()} is no day of the calendar business")
    window = INTERVALS.get_prev_partition_window(due)
    start, end = (moment.astimezone(UTC).isoformat() for moment in (window.start, window.end))
    return dg.RunRequest(run_key=end, tags={"lockgate/start": start, "lockgate/end": end})


@dg.run_failure_sensor(
    name="nightly_failed",
    monitored_jobs=[nightly],
)
def tell_failed(context: dg.RunFailureSensorContext) -> None:
    """Tells the project's channels that a run has failed."""
    sentence = f"the flow nightly failed on Dagster, run {context.dagster_run.run_id}"
    command = ["lockgate", "notices", "tell", "--severity", "critical", sentence]
    subprocess.run(command, cwd=PROJECT, check=True, timeout=300)


ASSETS = [
    dg.AssetSpec(
        ["files", "orders"],
        group_name="sources",
    ),
    dg.AssetSpec(
        "orders",
        group_name="entities",
        deps=[
            ["files", "orders"],
        ],
    ),
]
defs = dg.Definitions(
    assets=ASSETS,
    jobs=[nightly],
    schedules=[schedule],
    sensors=[tell_failed],
)
