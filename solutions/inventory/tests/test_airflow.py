"""The solution's flows on a real Airflow: by its scheduler, through our API, and what is told when one fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from itertools import count
from pathlib import Path
from urllib.request import urlopen

import duckdb
import httpx
import pytest
from aiosmtpd.controller import Controller

from lockgate.sandbox.airflow import LocalAirflow, start_airflow
from lockgate.sandbox.postgres import free_port
from lockgate.testing.waiting import awaited

SOLUTION = Path(__file__).parent.parent
PROGRAMS = SOLUTION.parents[1] / ".venv-airflow/bin"
BIN = Path(sys.executable).parent
ON_SPARK = "entity_transformation_dag"
FLOWS = (
    "nightly",
    ON_SPARK,
    "full_refresh",
    "read_again",
    "reconciliation",
    "quality_report",
    "docs_and_lineage",
)
# Of a hundred runs six are on Spark, each of which costs as much as six others.
ROUNDS = (*FLOWS, *(2 * [flow for flow in FLOWS if flow != ON_SPARK]))
# The newest run of what reads one day is about today; of a day on which something was changed there is more to see.
# Airflow has one run of an interval: each run that is asked for begins a second later than the one before.
READ_FROM = datetime(2026, 1, 29, 6, 30, tzinfo=UTC)
SECONDS_ON = count()
LONGEST = timedelta(minutes=5)
PASSWORD = "password: secret://airflow"
# The files do not change any more: they are read as seldom as Airflow's own default has it.
AS_USUAL = {"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30"}
OPS = """
notifications:
  ops: {kind: email, server: secret://smtp, from: lockgate@example.com, to: [ops@example.com], severity: critical}
"""


def test_the_committed_files_are_what_the_flows_are_compiled_to():
    done = subprocess.run(
        [BIN / "lockgate", "--project", SOLUTION, "flow", "compile", "--to", "airflow", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")


class Mailbox:
    """What a real SMTP server took."""

    def __init__(self) -> None:
        self.mails: list[object] = []

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802  (aiosmtpd's name)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    box.port = controller.port
    yield box
    controller.stop()


@pytest.fixture(scope="module")
def discovery() -> Iterator[tuple[int, Callable[[], None]]]:
    """The port of a running discovery service, and what ends it."""
    port = free_port()
    command = [sys.executable, "-m", "inventory.discovery", "--port", str(port)]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    awaited(lambda: urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close() or True)
    yield port, service.terminate
    service.terminate()
    service.wait()


@pytest.fixture(scope="module")
def solution(tmp_path_factory, mailbox, discovery) -> Path:
    """A copy of the solution that has been run once, whose failures are told by mail, compiled for Airflow."""
    folder = tmp_path_factory.mktemp("solution") / "inventory"
    shutil.copytree(SOLUTION, folder, ignore=shutil.ignore_patterns(".lockgate", "warehouse", "target", "__pycache__"))
    declared = (folder / "lockgate.yml").read_text(encoding="utf-8").replace(":5004", f":{discovery[0]}")
    declared = declared.replace("retry_delay: 1m", "retry_delay: 1s")
    (folder / "lockgate.yml").write_text(declared + OPS, encoding="utf-8")
    _secret(folder, "smtp", f"smtp://127.0.0.1:{mailbox.port}?tls=off")
    for command in (("run",), ("flow", "compile", "--to", "airflow")):
        subprocess.run([BIN / "lockgate", *command], cwd=folder, env=_environment(), capture_output=True, check=True)
    return folder


@pytest.fixture(scope="module")
def airflow(tmp_path_factory, solution) -> Iterator[LocalAirflow]:
    """An Airflow of the solution's flows, none of them switched on; from then on the project says that it runs them."""
    dags = solution / "orchestration" / "airflow"
    airflow = start_airflow(tmp_path_factory.mktemp("airflow"), dags, programs=PROGRAMS, settings=AS_USUAL)
    try:
        airflow.run("pools", "import", dags / "pools.json")
        for flow in FLOWS:
            awaited(lambda flow=flow: airflow.ask(f"/api/v2/dags/{flow}"))
        _secret(solution, "airflow", airflow.password)
        declared = (solution / "lockgate.yml").read_text(encoding="utf-8")
        runtimes = f'runtimes: {{airflow: {{kind: airflow, url: "{airflow.url}", username: admin, {PASSWORD}}}}}\n'
        declared = declared.replace("    steps:\n", "    runtime: airflow\n    steps:\n")
        (solution / "lockgate.yml").write_text(declared + runtimes, encoding="utf-8")
        yield airflow
    finally:
        airflow.stop()


@pytest.fixture(scope="module")
def api(airflow, solution) -> Iterator[httpx.Client]:
    """A client of the solution's server."""
    port = free_port()
    server = subprocess.Popen(
        [BIN / "lockgate", "serve", "--port", str(port)],
        cwd=solution,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        try:
            awaited(lambda: client.get("/api/health").is_success)
            yield client
        finally:
            server.terminate()
            server.wait(60)


def succeeds_both_ways(airflow: LocalAirflow, api: httpx.Client, flow: str) -> None:
    """A run that the scheduler makes when the flow is switched on, and one that is asked for, each in its time."""
    airflow.ask(f"/api/v2/dags/{flow}", {"is_paused": False}, method="PATCH")
    run_id = _newest(airflow, flow, "scheduled")
    run = _ended(airflow, flow, run_id)
    assert (flow, run_id, run["state"]) == (flow, run_id, "success"), _failures(airflow, flow, run_id)
    assert _moment(run["end_date"]) - _moment(run["start_date"]) < LONGEST

    shown = _asked(api, flow)
    assert (flow, shown["runtime"], shown["status"]) == (flow, "airflow", "success"), shown
    assert {step["status"] for step in shown["steps"]} == {"success"}
    assert _moment(shown["finishedAt"]) - _moment(shown["startedAt"]) < LONGEST


@pytest.mark.slow
def test_a_night_and_its_documentation_succeed_by_the_scheduler_and_by_request(airflow, api, solution):
    succeeds_both_ways(airflow, api, "nightly")
    succeeds_both_ways(airflow, api, "docs_and_lineage")

    with duckdb.connect(str(solution / "warehouse" / "catalog.duckdb"), read_only=True) as connection:
        served = connection.execute("select count(*), count(distinct user_id) from analytics.users").fetchone()
    assert served[0] == served[1] > 0
    assert "fct_users" in (solution / ".lockgate/published/index.html").read_text(encoding="utf-8")


@pytest.mark.soak
def test_entities_are_extracted_staged_transformed_and_validated_on_spark(airflow, api, solution):
    succeeds_both_ways(airflow, api, ON_SPARK)

    done = subprocess.run(
        [BIN / "lockgate", "--target", "spark", "editions", "list", "--json"],
        cwd=solution,
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    shown = {
        (one["edition"]["entity"], one["edition"]["implementation"]) for one in json.loads(done.stdout) if one["arm"]
    }
    assert {entity for entity, _ in shown} == {"users", "applications"}


@pytest.mark.soak
def test_every_flow_succeeds_by_the_scheduler_and_by_request(airflow, api, solution):
    for flow in FLOWS:
        succeeds_both_ways(airflow, api, flow)

    assert "users" in (solution / ".lockgate/quality.html").read_text(encoding="utf-8")
    assert "PASS" in (solution / ".lockgate/users.html").read_text(encoding="utf-8")


@pytest.mark.soak
@pytest.mark.parametrize("hundred", ["the first", "the second"])
def test_of_a_hundred_runs_ninety_nine_succeed(airflow, api, hundred):
    """One flow after another, four runs at a time, however they share the warehouse; two hundred in all.

    The two can run beside each other, by two workers: each has an Airflow and a warehouse of its own.
    """
    for flow in FLOWS:
        airflow.ask(f"/api/v2/dags/{flow}", {"is_paused": False}, method="PATCH")

    def asked(number: int) -> dict:
        flow = ROUNDS[number % len(ROUNDS)]
        run = _asked(api, flow, seconds=1800)
        print(f"{hundred} hundred, run {number + 1}: {flow} {run['status']}", file=sys.stderr, flush=True)
        return run

    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(asked, range(100)))
    states = Counter(run["status"] for run in runs)

    assert states["success"] >= 99, [run for run in runs if run["status"] != "success"]


@pytest.mark.slow
def test_a_flow_that_fails_is_told_by_mail(airflow, api, mailbox, discovery):
    discovery[1]()
    airflow.ask("/api/v2/dags/nightly", {"is_paused": False}, method="PATCH")

    run = _asked(api, "nightly")

    assert run["status"] == "failed"
    (load,) = (step for step in run["steps"] if step["step"] == "load")
    assert (load["status"], load["attempt"]) == ("failed", 3)
    awaited(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    assert mail["To"] == "ops@example.com"
    assert f"the flow nightly failed on Airflow, run {run['runId']}" in mail["Subject"]


def _asked(api: httpx.Client, flow: str, *, seconds: float = 900) -> dict:
    """A run that is begun by our API, about a day where the flow reads one, once it has ended."""
    about = {"interval": _another_day()} if flow == "read_again" else {}
    begun = api.post(f"/api/flows/{flow}/runs", json=about)
    assert begun.status_code == 202, begun.text
    path = begun.headers["location"]
    awaited(lambda: api.get(path).json()["status"] in {"success", "failed"}, seconds=seconds, pause=2.0)
    return api.get(path).json()


def _another_day() -> dict[str, str]:
    start = READ_FROM + timedelta(seconds=next(SECONDS_ON))
    return {"start": start.isoformat(), "end": (start + timedelta(days=1)).isoformat()}


def _newest(airflow: LocalAirflow, flow: str, kind: str) -> str:
    path = f"/api/v2/dags/{flow}/dagRuns?run_type={kind}"
    awaited(lambda: airflow.ask(path)["dag_runs"])
    return airflow.ask(path)["dag_runs"][0]["dag_run_id"]


def _ended(airflow: LocalAirflow, flow: str, run_id: str, *, seconds: float = 900) -> dict:
    path = f"/api/v2/dags/{flow}/dagRuns/{run_id}"
    awaited(lambda: airflow.ask(path)["state"] in {"success", "failed"}, seconds=seconds)
    return airflow.ask(path)


def _tried(airflow: LocalAirflow, flow: str, run_id: str) -> dict[str, tuple[str, int]]:
    found = airflow.ask(f"/api/v2/dags/{flow}/dagRuns/{run_id}/taskInstances")["task_instances"]
    return {each["task_id"]: (each["state"], each["try_number"]) for each in found}


def _failures(airflow: LocalAirflow, flow: str, run_id: str) -> str:
    """The ends of the logs of what failed."""
    said = []
    for task, (state, attempt) in _tried(airflow, flow, run_id).items():
        if state == "failed":
            path = f"/api/v2/dags/{flow}/dagRuns/{run_id}/taskInstances/{task}/logs/{attempt}"
            said.append(f"{task}: {str(airflow.ask(path))[-2000:]}")
    return "\n".join(said)


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


def _secret(folder: Path, name: str, value: str) -> None:
    path = folder / ".lockgate" / "secrets" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value, encoding="utf-8")
    path.chmod(0o600)
