"""Flows over HTTP, on the embedded runtime and on Airflow: shown, begun once, looked into, cancelled."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lockgate.adapters.runtimes.airflow import open_airflow
from lockgate.adapters.secrets.chain import open_secrets
from lockgate.core.flow import Runtime, RuntimeDeclaration, StepEnd, Taker
from lockgate.errors import ControlPlaneUnavailable
from lockgate.sandbox.airflow_api import AirflowApi, Fault, StandDag, StandTask

INTERVAL = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T01:00:00+01:00"}
STEPS = ["load", "build"]


@pytest.fixture
def airflow(service, tmp_path):
    """A stand-in for the Airflow that runs the flow `there`."""
    tasks = (StandTask("load", ("failed", "success"), prints=("3 rows",)), StandTask("build", needs=("load",)))
    with AirflowApi([StandDag("there", tasks)]) as api:
        secrets = open_secrets({"LOCKGATE_SECRET_AIRFLOW": api.password}, tmp_path)
        options = {"url": api.url, "username": "admin", "password": "secret://airflow"}
        runtime = open_airflow(RuntimeDeclaration("production", Runtime.AIRFLOW, options), secrets)
        service.flows._wiring.runtime = lambda flow: runtime
        yield api


@pytest.fixture(params=["nightly", "there"])
def flow(request, airflow) -> str:
    """A flow of each runtime."""
    return request.param


def audit(service) -> list[tuple[str, str, str, object]]:
    entries = service.access.audit(limit=20)
    return [(one.action, one.subject, one.outcome.value, one.facts.get("run")) for one in reversed(entries)]


def test_flows_are_listed_with_schedule_steps_and_last_run(client):
    begun = client.post("/api/flows/nightly/runs").json()

    nightly, there = client.get("/api/flows").json()["flows"]

    assert {name: nightly[name] for name in ("flow", "description", "runtime")} == {
        "flow": "nightly", "description": "Loads and builds.", "runtime": "durable",
    }  # fmt: skip
    schedule = nightly["schedule"]
    assert (schedule["cron"], schedule["timezone"], schedule["calendar"]) == ("0 5 * * *", "Europe/Berlin", None)
    assert datetime.fromisoformat(schedule["next"]) > datetime.now(UTC)
    usual = {"timeoutSeconds": 14400.0, "pool": "default"}
    assert nightly["steps"] == [
        {"step": "load", "kind": "load", "needs": [], "retries": 1, **usual},
        {"step": "build", "kind": "execute", "needs": ["load"], "retries": 0, **usual},
    ]
    assert nightly["lastRun"] == {name: value for name, value in begun.items() if name != "steps"}
    assert (there["runtime"], there["schedule"], there["lastRun"]) == ("production", None, None)
    assert client.get("/api/flows/nightly").json() == nightly


def test_a_run_is_begun_where_the_flow_runs_and_told_to_the_audit(client, service, airflow, flow):
    answer = client.post(f"/api/flows/{flow}/runs", json={"interval": INTERVAL})

    run = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/api/flows/{flow}/runs/1")
    assert (run["start"], run["end"]) == ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
    assert (run["trigger"], run["by"]) == ("manual", "loopback")
    assert run["runtime"] == ("airflow" if flow == "there" else "durable")
    assert [(step["step"], step["status"], step["attempt"]) for step in run["steps"]] == [
        (step, "waiting", 0) for step in STEPS
    ]
    assert audit(service) == [("flow.run", flow, "done", 1)]
    assert len(airflow.dags["there"].runs) == (flow == "there")


@pytest.mark.parametrize("body", ["", "{}", '{"interval": null}'])
def test_without_an_interval_a_run_is_about_now(client, flow, body):
    before = datetime.now(UTC)

    run = client.post(f"/api/flows/{flow}/runs", content=body).json()

    assert before <= datetime.fromisoformat(run["start"]) == datetime.fromisoformat(run["end"]) <= datetime.now(UTC)


def test_the_tasks_of_a_run_on_airflow_are_shown_as_they_go_on(client, airflow):
    path = client.post("/api/flows/there/runs").headers["location"]
    seen = []
    while not seen or seen[-1]["status"] not in {"success", "failed"}:
        seen.append(client.get(path).json())

    assert seen[-1]["status"] == "success"
    assert [(step["step"], step["status"], step["attempt"]) for step in seen[-1]["steps"]] == [
        ("load", "success", 2), ("build", "success", 1),
    ]  # fmt: skip
    assert all(step["startedAt"] and step["finishedAt"] for step in seen[-1]["steps"])
    assert any(run["status"] == "running" for run in seen)
    log = client.get(f"{path}/steps/load/log").json()
    assert (log["run"], log["step"], log["attempt"], log["isWhole"]) == (1, "load", 2, True)
    assert "3 rows" in log["text"]
    assert client.get(f"{path}/steps/load/log?attempt=1").json()["attempt"] == 1


def test_a_log_of_the_embedded_runtime_is_read_from_its_file(client, service):
    path = client.post("/api/flows/nightly/runs").headers["location"]
    store, folder = service.access.wiring.store.flows, service.access.folder
    (key,) = store.ready(service.flows.declared(), {"default": 4}, datetime.now(UTC), Taker("here"))
    claim = store.claim(key, "worker", datetime.now(UTC))
    (folder / "flows/1").mkdir(parents=True)
    (folder / "flows/1/load.1.log").write_text("x" * 1_000_001 + "\n3 rows\n")
    store.finish(claim, StepEnd(0), retry_at=None, at=datetime.now(UTC))

    log = client.get(f"{path}/steps/load/log").json()

    assert (len(log["text"]), log["text"][-7:], log["isWhole"]) == (1_000_000, "3 rows\n", False)
    for missing in ("load/log?attempt=2", "build/log", "nobody/log", "..%2F..%2Fcontrol/log"):
        assert client.get(f"{path}/steps/{missing}").status_code == 404


def test_a_run_is_cancelled_once(client, service, airflow, flow):
    path = client.post(f"/api/flows/{flow}/runs").headers["location"]

    first, second = client.post(f"{path}/cancel"), client.post(f"{path}/cancel")

    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert {step["status"] for step in first.json()["steps"]} == {"cancelled"}
    assert (second.status_code, second.json()["code"]) == (409, "LG703")
    assert [entry[:3] for entry in audit(service)[1:]] == [
        ("flow.cancel", "1", "done"),
        ("flow.cancel", "1", "refused"),
    ]
    assert [run.state for run in airflow.dags["there"].runs.values()] == ["failed"] * (flow == "there")


def test_the_same_key_begins_one_run(client, airflow, flow):
    headers = {"Idempotency-Key": "k1"}

    answers = [client.post(f"/api/flows/{flow}/runs", json={}, headers=headers) for _ in range(3)]
    other = client.post(f"/api/flows/{flow}/runs", json={}, headers={"Idempotency-Key": "k2"})
    changed = client.post(f"/api/flows/{flow}/runs", json={"interval": INTERVAL}, headers=headers)

    assert [(one.status_code, one.json()["run"]) for one in answers] == [(202, 1)] * 3
    assert other.json()["run"] == 2
    assert (changed.status_code, changed.json()["code"]) == (422, "LG702")
    assert len(airflow.dags["there"].runs) == 2 * (flow == "there")


def test_a_key_is_one_flows(client, airflow):
    client.post("/api/flows/nightly/runs", headers={"Idempotency-Key": "k1"})

    assert client.post("/api/flows/there/runs", headers={"Idempotency-Key": "k1"}).json()["code"] == "LG702"


def test_runs_are_listed_page_by_page(client, service):
    for _ in range(3):
        client.post("/api/flows/nightly/runs")
    client.post("/api/flows/nightly/runs/2/cancel")

    first = client.get("/api/flows/nightly/runs?limit=2").json()
    rest = client.get(f"/api/flows/nightly/runs?limit=2&before={first['next']}").json()
    cancelled = client.get("/api/flows/nightly/runs?status=cancelled").json()

    assert ([run["run"] for run in first["runs"]], first["next"]) == ([3, 2], 2)
    assert ([run["run"] for run in rest["runs"]], rest["next"]) == ([1], None)
    assert [run["run"] for run in cancelled["runs"]] == [2]
    assert client.get("/api/flows/there/runs").json() == {"runs": [], "next": None}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"interval": {"start": "2026-03-01", "end": "2026-03-02T00:00:00Z"}}, "#/interval/start"),
        ({"interval": {"start": "2026-03-01T00:00:00", "end": "2026-03-02T00:00:00Z"}}, "#/interval/start"),
        ({"interval": {"start": "2026-03-02T00:00:00Z"}}, "#/interval/end"),
        ({"interval": 7}, "#/interval"),
        ({"intervall": {}}, "#/intervall"),
        ([], "#"),
    ],
)
def test_a_body_that_is_none_begins_nothing(client, service, body, told):
    answer = client.post("/api/flows/nightly/runs", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "LG801")
    assert told in [flaw["pointer"] for flaw in answer.json()["errors"]]
    assert client.get("/api/flows/nightly/runs").json()["runs"] == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("0001-01-01T00:00:00+14:00", "2026-03-02T00:00:00Z"),
        ("2026-03-02T00:00:00Z", "9999-12-31T23:59:59-12:00"),
    ],
)
def test_no_run_is_about_what_is_no_time(client, flow, start, end):
    answer = client.post(f"/api/flows/{flow}/runs", json={"interval": {"start": start, "end": end}})

    assert (answer.status_code, answer.json()["code"]) == (409, "LG975")
    assert client.get(f"/api/flows/{flow}/runs").json()["runs"] == []


def test_a_body_has_its_limit(client):
    answer = client.post("/api/flows/nightly/runs", content=b" " * 65_537)

    assert (answer.status_code, answer.json()["code"]) == (413, "LG802")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/flows/nobody", 404),
        ("POST", "/api/flows/nobody/runs", 404),
        ("GET", "/api/flows/nobody/runs", 404),
        ("GET", "/api/flows/nightly/runs/9", 404),
        ("GET", "/api/flows/there/runs/1", 404),
        ("POST", "/api/flows/there/runs/1/cancel", 404),
        ("GET", "/api/flows/there/runs/1/steps/load/log", 404),
        ("GET", "/api/flows/nightly/runs/1/steps/load/log", 404),
        ("GET", "/api/flows/nightly/runs/one", 422),
        ("GET", "/api/flows/nightly/runs/0", 422),
        ("GET", f"/api/flows/nightly/runs/{2**31}", 422),
        ("GET", "/api/flows/nightly/runs?limit=0", 422),
        ("GET", "/api/flows/nightly/runs?stauts=failed", 422),
        ("GET", "/api/flows/nightly/runs?limit=1&limit=2", 422),
    ],
)
def test_what_is_not_there_is_told(client, method, path, status):
    client.post("/api/flows/nightly/runs")

    answer = client.request(method, path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_mistyped_parameter_is_answered_with_the_nearest(client):
    assert "did you mean status?" in client.get("/api/flows/nightly/runs?stauts=failed").json()["detail"]


def paused(api) -> None:
    api.dags["there"].is_paused = True


def unread(api) -> None:
    api.dags["there"].has_import_errors = True


def gone(api) -> None:
    del api.dags["there"]


def distrusted(api) -> None:
    api.password = "another"


def away(api) -> None:
    api.faults.extend([Fault(503, headers={"retry-after": "0"})] * 50)


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        (paused, 409, "LG973"),
        (unread, 409, "LG972"),
        (gone, 409, "LG972"),
        (distrusted, 424, "LG971"),
        (away, 503, "LG608"),
    ],
)
def test_what_airflow_will_not_do_is_told_and_nothing_is_kept(client, service, airflow, state, status, code):
    state(airflow)

    answer = client.post("/api/flows/there/runs")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["hint"]
    assert client.get("/api/flows/there/runs").json()["runs"] == []
    assert audit(service)[0][:3] == ("flow.run", "there", "failed" if status == 503 else "refused")


def test_an_interval_that_airflow_has_a_run_about_is_refused(client, airflow):
    client.post("/api/flows/there/runs", json={"interval": INTERVAL})

    answer = client.post("/api/flows/there/runs", json={"interval": INTERVAL})

    assert (answer.status_code, answer.json()["code"]) == (409, "LG974")


def test_while_airflow_is_away_runs_are_shown_as_they_were(client, airflow):
    path = client.post("/api/flows/there/runs").headers["location"]
    away(airflow)

    assert (client.get(path).status_code, client.get(path).json()["status"]) == (200, "queued")
    assert client.post(f"{path}/cancel").status_code == 503


def test_while_the_control_plane_is_away_callers_are_told_to_come_back(client, service):
    service.fails_with = ControlPlaneUnavailable()

    answer = client.get("/api/flows")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
