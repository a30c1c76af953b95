"""Airflow away, busy, broken, slow or something else: what comes of it is right once, or an error in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread

import pytest

from lockgate.adapters.exchange import Patience
from lockgate.core.deadline import within
from lockgate.core.flow import FlowStatus, Interval
from lockgate.errors import (
    FlowMissing,
    LockgateError,
    RunExists,
    RuntimeRefused,
    RuntimeUnavailable,
    UnknownName,
)
from lockgate.sandbox.airflow_api import AirflowApi, Fault, FaultKind, StandDag, StandTask

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ABOUT = Interval(NOON, NOON)
RUNS = "/api/v2/dags/greet/dagRuns"


def asked(api: AirflowApi, method: str, path: str) -> int:
    return sum(1 for each in api.requests if (each.method, each.path) == (method, path))


TRANSIENT = [
    Fault(429, headers={"retry-after": "0"}), Fault(500), Fault(502), Fault(503), Fault(504), FaultKind.TRUNCATE,
    FaultKind.LOSE,
]  # fmt: skip


@pytest.mark.parametrize("fault", TRANSIENT, ids=repr)
def test_what_may_go_well_later_is_asked_again(api, airflow, fault):
    airflow.runs("greet")
    api.faults.extend([fault, fault])

    assert airflow.runs("greet") == ()

    assert asked(api, "GET", RUNS) == 4


@pytest.mark.parametrize("fault", TRANSIENT, ids=repr)
def test_what_stays_so_is_told_after_four_tries(api, airflow, fault):
    airflow.runs("greet")
    api.faults.extend([fault] * 10)

    with pytest.raises(RuntimeUnavailable) as caught:
        airflow.runs("greet")

    assert asked(api, "GET", RUNS) == 5
    assert api.url.removeprefix("http://") in caught.value.message


@pytest.mark.parametrize("fault", [FaultKind.HANG, FaultKind.DRIP], ids=repr)
def test_nobody_waits_past_the_deadline_of_who_calls(api, airflow, fault):
    airflow.runs("greet")
    api.faults.extend([fault] * 10)

    with within(0.3), pytest.raises(RuntimeUnavailable):
        airflow.runs("greet")

    assert asked(api, "GET", RUNS) == 2


def test_a_token_that_does_not_come_is_not_waited_for_longer_by_others(api, client_of):
    airflow = client_of(api.url, api.password)
    api.faults.extend([FaultKind.HANG] * 10)
    raised = []

    def ask() -> None:
        try:
            airflow.runs("greet")
        except RuntimeUnavailable as error:
            raised.append(error)

    first = Thread(target=ask)
    first.start()

    with within(0.2), pytest.raises(RuntimeUnavailable):
        airflow.runs("greet")

    first.join(10)
    assert len(raised) == 1


def test_a_server_that_is_gone_is_told(client_of):
    with AirflowApi() as api:
        url = api.url

    with pytest.raises(RuntimeUnavailable):
        client_of(url, "x").runs("greet")


def test_a_trigger_whose_answer_was_lost_begins_one_run(api, airflow):
    airflow.runs("greet")
    api.faults.extend([None, FaultKind.LOSE])

    begun = airflow.trigger("greet", "manual__one", ABOUT)

    assert (begun.run_id, begun.interval) == ("manual__one", ABOUT)
    assert asked(api, "POST", RUNS) == 2
    assert list(api.dags["greet"].runs) == ["manual__one"]


def test_another_run_about_the_interval_is_not_taken_for_the_lost_one(api, airflow):
    about = replace(ABOUT, start=NOON.replace(hour=11))
    airflow.trigger("greet", "manual__other", about)
    api.faults.extend([None, Fault(503)])

    with pytest.raises(RunExists):
        airflow.trigger("greet", "manual__one", about)

    assert list(api.dags["greet"].runs) == ["manual__other"]


def test_a_cancellation_whose_answer_was_lost_is_made_once(api, airflow):
    airflow.trigger("endless", "manual__one", ABOUT)
    api.faults.extend([None, FaultKind.LOSE])

    assert airflow.cancel("endless", "manual__one").status is FlowStatus.FAILED


def test_following_outlives_an_outage(api, airflow):
    airflow.trigger("greet", "manual__one", ABOUT)
    following = airflow.follow("greet", "manual__one", seconds=30)
    next(following)
    api.faults.extend([Fault(503), Fault(502), FaultKind.LOSE])

    assert [*following][-1].status is FlowStatus.SUCCESS


def test_following_comes_to_an_end_where_the_run_does_not(api, airflow):
    airflow.trigger("endless", "manual__one", ABOUT)

    with pytest.raises(RuntimeUnavailable, match="has not ended within"):
        list(airflow.follow("endless", "manual__one", seconds=0.2))

    assert api.dags["endless"].runs["manual__one"].state == "running"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "Param is bad"),
        (403, "Forbidden"),
        (405, "Method Not Allowed"),
        (418, ""),
    ],
)
def test_a_refusal_is_told_in_airflows_words(api, airflow, status, said):
    airflow.runs("greet")
    api.faults.extend([Fault(status, {"detail": said}), None, Fault(status, {"detail": said})])

    with pytest.raises(RuntimeRefused) as caught:
        airflow.runs("greet")

    assert str(status) in caught.value.message
    assert said in caught.value.message
    assert caught.value.fields == {"status": status}


def test_what_was_sent_is_not_told_though_airflow_repeats_it(api, airflow):
    sent = {"type": "missing", "loc": ["body", "password"], "msg": "Field required", "input": {"password": "hush"}}
    airflow.runs("greet")
    api.faults.extend([None, Fault(422, {"detail": [sent]})])

    with pytest.raises(RuntimeRefused) as caught:
        airflow.trigger("greet", "manual__one", ABOUT)

    assert "body.password Field required" in caught.value.message
    assert "hush" not in caught.value.message


def test_an_id_that_airflow_keeps_for_itself_is_refused(api, airflow):
    with pytest.raises(RuntimeRefused, match="reserved for scheduled runs"):
        airflow.trigger("greet", "scheduled__one", ABOUT)

    assert api.dags["greet"].runs == {}


def test_a_file_that_cannot_be_read_begins_no_run(api, airflow):
    api.dags["greet"].has_import_errors = True

    with pytest.raises(FlowMissing, match="cannot read the file of greet"):
        airflow.trigger("greet", "manual__one", ABOUT)

    assert api.dags["greet"].runs == {}


@pytest.mark.parametrize(
    "fault",
    [
        FaultKind.NO_JSON,
        Fault(200, {"dag_runs": [{"dag_run_id": 7}]}),
        Fault(200, []),
        Fault(302, headers={"location": "https://evil.example"}),
    ],
    ids=["a page", "another shape", "a list", "elsewhere"],
)
def test_what_is_no_airflow_is_refused_at_once(api, airflow, fault):
    airflow.runs("greet")
    api.faults.append(fault)

    with pytest.raises(RuntimeRefused):
        airflow.runs("greet")

    assert asked(api, "GET", RUNS) == 2


@pytest.mark.parametrize("url", ["ftp://airflow", "airflow:8080", "http://ada:pass@airflow", "http://[", ""])
def test_an_address_that_cannot_be_asked_is_refused_and_not_told(client_of, url):
    with pytest.raises(RuntimeRefused) as caught:
        client_of(url, "x").runs("greet")

    assert "pass@" not in caught.value.message


def test_an_answer_may_hold_so_much_and_no_more(api, client_of):
    api.faults.extend([None, Fault(200, {"dag_runs": [], "filler": "x" * 5_000})])

    with pytest.raises(RuntimeRefused, match="more than 4,096 bytes"):
        client_of(api.url, api.password, patience=Patience(body_bytes=4096)).runs("greet")


def test_a_run_has_as_many_steps_as_all_pages_together(document, client_of):
    tasks = tuple(StandTask(f"step_{number:03}") for number in range(250))
    with AirflowApi([StandDag("wide", tasks)]) as api:
        airflow = client_of(api.url, api.password)
        airflow.trigger("wide", "manual__one", ABOUT)

        seen = airflow.seen("wide", "manual__one")

    assert [step.name for step in seen.steps] == [task.task_id for task in tasks]
    assert [flaw for each in api.requests for flaw in document.flaws(each)] == []


def test_a_log_is_read_to_the_end_of_its_last_page(document, client_of):
    lines = tuple(f"line {number}" for number in range(90))
    with AirflowApi([StandDag("wordy", (StandTask("talks", prints=lines),))], log_pages=4) as api:
        airflow = client_of(api.url, api.password)
        airflow.trigger("wordy", "manual__one", ABOUT)
        list(airflow.follow("wordy", "manual__one", seconds=30))

        log = airflow.log("wordy", "manual__one", "talks", 1)

    assert [line.partition(" INFO ")[2] for line in log.text.splitlines()] == list(lines)
    assert log.is_whole
    assert [flaw for each in api.requests for flaw in document.flaws(each)] == []


def test_of_a_very_long_log_the_end_is_kept(client_of):
    lines = tuple(f"{number:06} {'x' * 1000}" for number in range(1_200))
    with AirflowApi([StandDag("wordy", (StandTask("talks", prints=lines),))]) as api:
        airflow = client_of(api.url, api.password)
        airflow.trigger("wordy", "manual__one", ABOUT)
        list(airflow.follow("wordy", "manual__one", seconds=30))

        log = airflow.log("wordy", "manual__one", "talks", 1)

    assert len(log.text) == 1_000_000
    assert log.text.endswith(f"{lines[-1]}\n")
    assert not log.is_whole


def test_ids_are_written_so_that_they_lead_nowhere_else(api, airflow):
    for run_id in ("manual__../../../dags/paused", "a/b", "a?b=c", "a#b", "a%2Fb"):
        with pytest.raises(UnknownName):
            airflow.seen("greet", run_id)

    paths = {each.path for each in api.requests if each.method == "GET"}
    assert all(path.startswith(f"{RUNS}/") and path.count("/") == RUNS.count("/") + 1 for path in paths)


def test_errors_say_what_to_do():
    kinds = (RuntimeUnavailable, RuntimeRefused, FlowMissing, RunExists)

    assert all(issubclass(kind, LockgateError) and kind.hint and kind.code for kind in kinds)
