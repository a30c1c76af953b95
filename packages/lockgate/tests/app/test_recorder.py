"""What a run says in the log: an event for each thing that is done, with its numbers and without a row's values."""

from __future__ import annotations

import json

import pytest
import structlog

from lockgate.app import App, recorder
from lockgate.app.recorder import Unheard, recorded
from lockgate.core.execution import Execution, NodeResult, NodeStatus
from lockgate.core.lineage_event import JobKind
from lockgate.core.relation import Relation
from lockgate.core.route import Edition
from lockgate.core.run import RunRequest
from lockgate.errors import ControlPlaneUnavailable
from lockgate.flow import Step, Unwatched
from lockgate.store import open_store
from lockgate.testing.jobs import NOON


@pytest.fixture
def events(project, monkeypatch, capsys):
    """Runs the project by its rules at a level: the events on standard error."""

    def events(level: str | None) -> list[dict]:
        monkeypatch.setenv("LOCKGATE_LOG_FORMAT", "json")
        if level is not None:
            monkeypatch.setenv("LOCKGATE_LOG_LEVEL", level)
        with App.open(project) as app:
            assert app.run(RunRequest(engines=("rules",)), Unwatched()).success
        written = capsys.readouterr().err
        assert "Łukasz" not in written
        return [json.loads(line) for line in written.splitlines()]

    yield events
    structlog.reset_defaults()


def without_time(event: dict) -> dict:
    return {name: value for name, value in event.items() if name not in {"timestamp", "seconds", "logger", "level"}}


def test_a_run_is_silent_unless_it_is_asked(events):
    assert events(None) == []


def test_each_thing_that_is_done_is_an_event_with_its_numbers(events):
    found = events("info")
    load = found[0]["load"]

    assert [without_time(event) for event in found] == [
        {"event": "load finished", "source": "files", "stream": "people", "load": load, "rows": 2, "rejected": 0},
        {"event": "cycle started", "run": 1, "cycle": 1, "pins": {"raw.people": load}},
        {
            "event": "execution ended", "run": 1, "cycle": 1, "execution": 1, "entity": "people",
            "implementation": "rules", "rows": 2,
        },
        {
            "event": "edition published", "run": 1, "execution": 1, "entity": "people", "implementation": "rules",
            "edition": 1, "rows": 2,
        },
        {"event": "run ended", "run": 1, "status": "success"},
    ]  # fmt: skip
    assert {event["level"] for event in found} == {"info"}
    assert found[0]["seconds"] > 0


def test_whoever_looks_closely_sees_what_begins(events):
    began = [event for event in events("debug") if event["event"] == "execution started"]

    assert [without_time(event) for event in began] == [
        {"event": "execution started", "entity": "people", "implementation": "rules"}
    ]


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'control.db'}", project="people", target="main")
    yield opened
    opened.close()


def node(name: str, status: NodeStatus = NodeStatus.SUCCESS) -> NodeResult:
    return NodeResult(f"model.people.{name}", status, 0.25)


def test_a_step_tells_of_its_nodes_while_it_runs(store, monkeypatch):
    monkeypatch.setattr(recorder, "SECONDS_BETWEEN", 0.0)

    with recorded(store, lambda: NOON, Unwatched(), "transform") as going:
        going.started(Step("build people by dbt", dict))
        going.node_ended(node("first"))
        going.node_ended(node("second", NodeStatus.ERROR))
        (step,) = store.runs.run(going.run_id).steps

    assert step.facts == {
        "nodes": 2,
        "bad": 1,
        "recent": [["model.people.first", "success", 0.25], ["model.people.second", "error", 0.25]],
    }


def test_nodes_that_end_at_once_are_told_of_once(store):
    with recorded(store, lambda: NOON, Unwatched(), "transform") as going:
        going.started(Step("build people by dbt", dict))
        for number in range(20):
            going.node_ended(node(str(number)))
        (step,) = store.runs.run(going.run_id).steps

    assert step.facts["nodes"] == 1


def test_a_node_that_cannot_be_told_of_stops_nothing(store, monkeypatch):
    def unreachable(*_given):
        raise ControlPlaneUnavailable("it is away")

    with recorded(store, lambda: NOON, Unwatched(), "transform") as going:
        going.started(Step("build people by dbt", dict))
        monkeypatch.setattr(type(store.runs), "step_progressed", unreachable)
        going.node_ended(node("first"))
        (step,) = store.runs.run(going.run_id).steps

    assert step.facts == {}


class Looking(Unheard):
    """A witness that looks, when a work has ended, at how many executions and editions are written down."""

    def __init__(self, store) -> None:
        self._store = store
        self.seen = []

    def ended(self, work, found) -> None:
        log = self._store.executions
        self.seen.append((work.kind, len(log.executions("people")), len(log.editions("people"))))


def test_who_hears_of_runs_is_told_what_is_written_down_already(store):
    witness = Looking(store)

    with recorded(store, lambda: NOON, Unwatched(), "run", lambda *_: witness) as going:
        going.cycle([])
        going.begins(JobKind.BUILD, "people@rules")
        going.executed(Execution("people", "rules", Relation("analytics__rules", "people"), 2, 0.5))
        going.begins(JobKind.PUBLICATION, "people@rules")
        going.published(Edition("people", 1, "rules", 2, NOON))

    assert witness.seen == [(JobKind.BUILD, 1, 0), (JobKind.PUBLICATION, 1, 1)]
