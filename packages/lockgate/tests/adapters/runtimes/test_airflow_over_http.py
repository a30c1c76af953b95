"""Our API before a real Airflow: a run is begun over HTTP, its tasks are shown and read, and it is cancelled."""

from __future__ import annotations

import os
import subprocess
import sys

import httpx
import pytest

from lockgate.sandbox.postgres import free_port
from lockgate.testing.runtimes import PROJECT, SAID
from lockgate.testing.waiting import awaited

pytestmark = pytest.mark.slow

RUNTIME = """runtimes:
  production: {{kind: airflow, url: "{url}", username: admin, password: secret://airflow}}
flows:"""


@pytest.fixture
def api(tmp_path, real):
    """A client of `lockgate serve` over a project whose flows that Airflow runs."""
    text = PROJECT.replace("flows:", RUNTIME.format(url=real.airflow.url)).replace(
        "    steps:", "    runtime: production\n    steps:"
    )
    (tmp_path / "lockgate.yml").write_text(text, encoding="utf-8")
    port = free_port()
    command = [sys.executable, "-m", "lockgate", "--project", tmp_path, "serve", "--port", str(port)]
    environment = {**os.environ, "LOCKGATE_SECRET_AIRFLOW": real.airflow.password}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        try:
            awaited(lambda: is_up(client))
            yield client
        finally:
            server.terminate()
            server.wait(60)


def is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/api/health").is_success
    except httpx.TransportError:
        return False


def ended(client: httpx.Client, path: str):
    run = client.get(path).json()
    return run if run["status"] in {"success", "failed", "cancelled"} else None


def test_a_run_is_begun_shown_read_and_cancelled(api):
    begun = {name: api.post(f"/api/flows/{name}/runs") for name in ("greet", "broken", "endless")}
    assert {answer.status_code for answer in begun.values()} == {202}
    path = {name: answer.headers["location"] for name, answer in begun.items()}

    greet, broken = (awaited(lambda name=name: ended(api, path[name])) for name in ("greet", "broken"))

    assert (greet["status"], {step["step"]: (step["status"], step["attempt"]) for step in greet["steps"]}) == (
        "success", {"first": ("success", 1), "flaky": ("success", 2), "last": ("success", 1)},
    )  # fmt: skip
    assert (broken["status"], {step["step"]: (step["status"], step["attempt"]) for step in broken["steps"]}) == (
        "failed", {"bad": ("failed", 2), "after": ("skipped", 0)},
    )  # fmt: skip
    assert SAID in api.get(f"{path['broken']}/steps/bad/log?attempt=1").json()["text"]
    awaited(lambda: any(step["status"] == "running" for step in api.get(path["endless"]).json()["steps"]))
    assert api.post(f"{path['endless']}/cancel").json()["status"] == "cancelled"
    assert api.post(f"{path['endless']}/cancel").status_code == 409


def test_what_is_refused_there_is_told(api):
    answer = api.post("/api/flows/paused/runs")

    assert (answer.status_code, answer.json()["code"]) == (409, "LG973")


def test_a_run_that_airflow_began_itself_is_listed(api, real):
    real.airflow.ask("/api/v2/dags/greet/dagRuns", {"logical_date": None, "dag_run_id": "by_hand_there"})

    def found():
        runs = {run["runId"]: run["status"] for run in api.get("/api/flows/greet/runs").json()["runs"]}
        return runs.get("by_hand_there") == "success"

    awaited(found)
