"""A stand-in for Airflow, clients of it, and Airflow's own OpenAPI document."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lockgate.adapters.runtimes.airflow.exchange import PATIENCE, Exchange
from lockgate.adapters.runtimes.airflow.service import AirflowOrchestrationService, Pace
from lockgate.cli.entrypoint import run
from lockgate.sandbox.airflow import LocalAirflow, start_airflow
from lockgate.sandbox.airflow_api import AirflowApi, StandDag, StandTask
from lockgate.testing.runtimes import PROJECT, SAID

EXTRACT = Path(__file__).with_name("airflow_openapi.json")
PROGRAMS = Path(__file__).parents[5] / ".venv-airflow/bin"
# So that tokens come to their end while tests go on; without leeway they are refused at once.
SHORT_TOKENS = {"AIRFLOW__API_AUTH__JWT_EXPIRATION_TIME": "5", "AIRFLOW__API_AUTH__JWT_LEEWAY": "0"}
PATIENT = replace(PATIENCE, deadline_seconds=60)
PASSWORD = "eleven grey herons"
QUICK = replace(PATIENCE, first_wait_seconds=0.001, longest_wait_seconds=0.01, timeout_seconds=1, deadline_seconds=2)


def _beside(name: str):
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_openapi = _beside("openapi")


class Vault(dict):
    """Secrets by reference; what is hidden is remembered."""

    def __init__(self, **secrets: str) -> None:
        super().__init__(secrets)
        self.hidden: list[str] = []

    def resolve(self, reference: str) -> str:
        return self[reference.removeprefix("secret://")] if reference.startswith("secret://") else reference

    def hide(self, value: str) -> None:
        self.hidden.append(value)


def client_of(url: str, password: str, *, ages: bool = True, patience=QUICK, pace: float = 0.001):
    """A client; where its token does not age, it learns of its end by being refused."""
    clock = {} if ages else {"clock": lambda: 0.0}
    exchange = Exchange(url, "admin", "secret://airflow", Vault(airflow=password), patience, **clock)
    return AirflowOrchestrationService(exchange, Pace(first=pace, longest=100 * pace))


@pytest.fixture(scope="session")
def openapi():
    return _openapi


@pytest.fixture(scope="session")
def document():
    """What Airflow's OpenAPI documents say of the routes that are used."""
    return _openapi.Document(json.loads(EXTRACT.read_text(encoding="utf-8")))


def dags() -> list[StandDag]:
    """What the flows of the conformance suite's project come to."""
    return [
        StandDag(
            "greet",
            (
                StandTask("first", prints=("about today",)),
                StandTask("flaky", ("failed", "success"), needs=("first",)),
                StandTask("last", needs=("flaky",)),
            ),
        ),
        StandDag(
            "broken",
            (StandTask("bad", ("failed", "failed"), prints=(SAID, "exit code 4")), StandTask("after", needs=("bad",))),
        ),
        StandDag("endless", (StandTask("waits", ()), StandTask("never", needs=("waits",)))),
        StandDag("paused", (StandTask("only"),), is_paused=True),
    ]


@pytest.fixture
def api(document):
    """The stand-in; at the end every request that it got, and every answer to it, is what Airflow's OpenAPI says."""
    with AirflowApi(dags(), password=PASSWORD) as api:
        yield api
    assert [(asked.path, flaw) for asked in api.requests for flaw in document.flaws(asked)] == []


@pytest.fixture
def airflow(api):
    return client_of(api.url, PASSWORD)


@pytest.fixture(name="client_of")
def client_of_fixture():
    return client_of


@dataclass(frozen=True)
class StandIn:
    """See `lockgate.testing.runtimes.Stand`."""

    api: AirflowApi
    token_seconds: float = 1.0

    def runtime(self, *, password: str | None = None, ages: bool = True):
        self.api.token_seconds = self.token_seconds
        return client_of(self.api.url, password or self.api.password, ages=ages)


@dataclass(frozen=True)
class Real:
    """See `lockgate.testing.runtimes.Stand`."""

    airflow: LocalAirflow
    token_seconds: float = 5.0

    def runtime(self, *, password: str | None = None, ages: bool = True):
        given = password or self.airflow.password
        return client_of(self.airflow.url, given, ages=ages, patience=PATIENT, pace=0.2)


@pytest.fixture
def stand_in(api):
    return StandIn(api)


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    """A real Airflow with the flows of the conformance suite's project, as they are compiled for it."""
    folder = tmp_path_factory.mktemp("airflow")
    project = folder / "project"
    project.mkdir()
    (project / "lockgate.yml").write_text(PROJECT, encoding="utf-8")
    assert run(["--project", str(project), "flow", "compile", "--to", "airflow"]) == 0
    dags = project / "orchestration/airflow"
    airflow = start_airflow(folder / "airflow", dags, programs=PROGRAMS, settings=SHORT_TOKENS)
    try:
        airflow.run("dags", "reserialize")
        for name in ("greet", "broken", "endless"):
            airflow.run("dags", "unpause", name)
        yield Real(airflow)
    finally:
        airflow.stop()
