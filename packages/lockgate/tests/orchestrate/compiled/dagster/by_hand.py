"""The flow `by_hand` as a job of Dagster.

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
from pathlib import Path

import dagster as dg

PROJECT = Path(os.environ.get("LOCKGATE_PROJECT") or Path(__file__).resolve().parents[2])


def interval(context: dg.OpExecutionContext) -> tuple[str, str]:
    """When the interval begins and ends that a run is about; one that people start is about its own moment."""
    tags = context.run.tags
    now = context.instance.get_run_record_by_id(context.run_id).create_timestamp.isoformat()
    return tags.get("lockgate/start", now), tags.get("lockgate/end", now)


def call(context: dg.OpExecutionContext, command: list[str], *, timeout_seconds: int) -> None:
    """Runs a command, whose output goes to the log of the step; it is stopped with all that it started."""
    environment = {
        **os.environ,
        "LOCKGATE_FLOW_STEP": f"by_hand/{context.op.tags['lockgate/step']}",
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
    tags={"lockgate/step": "only"},
)
def only(context: dg.OpExecutionContext) -> None:
    command = ["lockgate", "run", "--skip-load"]
    call(context, command, timeout_seconds=14400)


@dg.job(
    name="by_hand",
    tags={"lockgate/flow": "by_hand"},
)
def by_hand() -> None:
    only()


@dg.run_failure_sensor(
    name="by_hand_failed",
    monitored_jobs=[by_hand],
)
def tell_failed(context: dg.RunFailureSensorContext) -> None:
    """Tells the project's channels that a run has failed."""
    sentence = f"the flow by_hand failed on Dagster, run {context.dagster_run.run_id}"
    command = ["lockgate", "notices", "tell", "--severity", "critical", sentence]
    subprocess.run(command, cwd=PROJECT, check=True, timeout=300)


defs = dg.Definitions(
    jobs=[by_hand],
    sensors=[tell_failed],
)
