"""`flow` with a flow that Airflow runs: begun, followed, shown, looked into and cancelled there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate.cli.entrypoint import run
from lockgate.sandbox.airflow_api import AirflowApi, StandDag, StandTask

PROJECT = """
project: shop
runtimes:
  production: {{kind: airflow, url: "{url}", username: admin, password: secret://airflow}}
flows:
  nightly:
    runtime: production
    steps:
      - {{name: count, shell: wc -l orders.csv}}
      - {{name: tell, notify: done}}
"""


@pytest.fixture
def api():
    with AirflowApi([StandDag("nightly", (StandTask("count", prints=("3 rows",)), StandTask("tell")))]) as api:
        yield api


@pytest.fixture
def lockgate(tmp_path: Path, api, monkeypatch, capsys):
    monkeypatch.setenv("LOCKGATE_SECRET_AIRFLOW", api.password)
    (tmp_path / "lockgate.yml").write_text(PROJECT.format(url=api.url), encoding="utf-8")

    def lockgate(*arguments: str):
        code = run(["--project", str(tmp_path), "flow", *arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return lockgate


def test_a_flow_is_run_there_and_followed(lockgate, api):
    code, out, err = lockgate("run", "nightly", "--json")

    (done,) = json.loads(out)
    assert code == 0
    assert (done["runtime"], done["status"], [step["status"] for step in done["steps"]]) == (
        "airflow", "success", ["success", "success"],
    )  # fmt: skip
    assert "✓ nightly/1 count" in err
    assert list(api.dags["nightly"].runs) == [done["run_id"]]
    assert lockgate("log", "1", "count")[1].endswith("INFO 3 rows\n")


def test_a_run_that_fails_there_is_an_answer(lockgate, api):
    api.dags["nightly"].tasks = (StandTask("count", ("failed",)), StandTask("tell", needs=("count",)))

    code, out, _ = lockgate("run", "nightly")

    assert code == 1
    assert "run 1 of nightly: failed" in out


def test_a_run_is_left_there_followed_later_and_shown(lockgate):
    detached = lockgate("run", "nightly", "--detach", "--json")
    first = json.loads(lockgate("status", "--json")[1])

    resumed = lockgate("resume", "1", "--json")

    assert (detached[0], json.loads(detached[1])[0]["status"]) == (0, "queued")
    assert [(one["runtime"], one["status"]) for one in first] == [("airflow", "running")]
    assert json.loads(resumed[1])[0]["status"] == "success"


def test_a_run_is_cancelled_there(lockgate, api):
    lockgate("run", "nightly", "--detach")

    code, out, _ = lockgate("cancel", "1")

    assert (code, "run 1 of nightly: cancelled" in out) == (0, True)
    assert [one.state for one in api.dags["nightly"].runs.values()] == ["failed"]


def test_what_airflow_refuses_is_told_with_what_to_do(lockgate, api):
    api.dags["nightly"].is_paused = True

    code, _, err = lockgate("run", "nightly")

    assert code == 2
    assert "LG973" in err
    assert "airflow dags unpause nightly" in err
