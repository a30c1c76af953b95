"""A stand-in for Airflow, clients of it, and Airflow's own OpenAPI document."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from lockgate.adapters.runtimes.airflow.exchange import Exchange, Patience
from lockgate.adapters.runtimes.airflow.service import AirflowOrchestrationService, Pace
from lockgate.sandbox.airflow_api import AirflowApi, StandDag, StandTask
from lockgate.testing.runtimes import SAID

EXTRACT = Path(__file__).with_name("airflow_openapi.json")
PASSWORD = "eleven grey herons"
QUICK = Patience(first_wait_seconds=0.001, longest_wait_seconds=0.01, timeout_seconds=1, deadline_seconds=2)


def _beside(name: str):
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


openapi = _beside("openapi")


class Vault(dict):
    """Secrets by reference; what is hidden is remembered."""

    def __init__(self, **secrets: str) -> None:
        super().__init__(secrets)
        self.hidden: list[str] = []

    def resolve(self, reference: str) -> str:
        return self[reference.removeprefix("secret://")] if reference.startswith("secret://") else reference

    def hide(self, value: str) -> None:
        self.hidden.append(value)


def client_of(url: str, password: str, *, ages: bool = True, patience: Patience = QUICK, pace: float = 0.001):
    """A client; where its token does not age, it learns of its end by being refused."""
    clock = {} if ages else {"clock": lambda: 0.0}
    exchange = Exchange(url, "admin", "secret://airflow", Vault(airflow=password), patience, **clock)
    return AirflowOrchestrationService(exchange, Pace(first=pace, longest=100 * pace))


@pytest.fixture(scope="session")
def document():
    """What Airflow's OpenAPI documents say of the routes that are used."""
    return openapi.Document(json.loads(EXTRACT.read_text(encoding="utf-8")))


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
    """The stand-in; at the end every request that it got, and every answer of its own, is what Airflow's OpenAPI says."""
    with AirflowApi(dags(), password=PASSWORD) as api:
        yield api
    assert [(asked.path, flaw) for asked in api.requests for flaw in document.flaws(asked)] == []


@pytest.fixture
def airflow(api):
    return client_of(api.url, PASSWORD)


@pytest.fixture(name="client_of")
def client_of_fixture():
    return client_of
