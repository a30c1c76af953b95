"""A live part is sent when what it shows has changed, and ends when nothing will, nobody may, or nobody is there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

import httpx
import pytest

from lockgate.core.access import Role
from lockgate.core.job import Submission, TransformRequest
from lockgate.errors import ControlPlaneUnavailable
from lockgate.server import known_callers
from lockgate.server.console import streaming
from lockgate.server.console.streaming import event
from lockgate.testing.jobs import NOON, SEEN

PATIENCE = 20


@pytest.fixture(autouse=True)
def looking_often(monkeypatch):
    monkeypatch.setattr(streaming, "LOOK_SECONDS", 0.02)


@pytest.fixture
def job_id(store):
    (job,) = store.jobs.submit([Submission(TransformRequest("people"), "anna", SEEN)], NOON)
    return job.job_id


@pytest.fixture
def server(running):
    return running()[0]


def events(answer: httpx.Response) -> Iterator[tuple[str, str]]:
    """The events of a stream as they come, comments as events without a name."""
    name, data = "", []
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: ") or line == "data:":
            data.append(line[6:])
        elif line.startswith(":"):
            yield "", line
        elif not line and name:
            yield name, "\n".join(data)
            name, data = "", []


@pytest.fixture
def watching(server):
    """Watches a live part: its events, one by one."""
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:

        def watching(path: str) -> Iterator[tuple[str, str]]:
            with client.stream("GET", path) as answer:
                assert answer.status_code == 200, answer.read()
                assert answer.headers["content-type"].startswith("text/event-stream")
                assert answer.headers["connection"] == "close"
                yield from events(answer)

        yield watching


def test_a_part_is_sent_again_once_it_has_changed_and_ends_when_it_is_final(watching, store, job_id):
    stream = watching(f"/jobs/{job_id}/live")

    first = next(stream)
    store.jobs.cancel(job_id, NOON)
    second = next(stream)

    assert (first[0], second[0]) == ("part", "part")
    assert 'data-said="people: queued"' in first[1]
    assert 'data-said="people: cancelled"' in second[1]
    assert "<html" not in first[1]
    assert list(stream) == [("end", "")]


def test_what_is_final_already_is_sent_once(watching, store, job_id):
    store.jobs.cancel(job_id, NOON)

    assert [name for name, _ in watching(f"/jobs/{job_id}/live")] == ["part", "end"]


def test_a_list_is_live_too(watching, store, job_id):
    stream = watching("/jobs/live?entity=people")

    assert job_id in next(stream)[1]
    store.jobs.cancel(job_id, NOON)
    assert ">cancelled<" in next(stream)[1]
    stream.close()


def test_a_run_tells_of_each_step(watching, store):
    run = store.runs.start_run("run", NOON)
    stream = watching(f"/runs/{run}/live")

    assert "No step has begun yet." in next(stream)[1]
    store.runs.step_started(run, "load files.people", NOON)
    assert f'data-said="run {run}: load files.people"' in next(stream)[1]
    stream.close()


def test_whoever_may_no_longer_is_told_to_go(watching, service, job_id):
    stream = watching(f"/jobs/{job_id}/live")
    next(stream)

    service.access.add_person("anna", "a long enough password", frozenset({Role.ADMIN}))

    assert list(stream) == [("gone", "")]


def test_a_stream_ends_when_the_server_stops(watching, server, job_id):
    stream = watching(f"/jobs/{job_id}/live")
    next(stream)

    server.tell_to_stop()

    assert list(stream) == []
    assert len(server.desk.streams) == 0


def test_a_stream_on_which_nothing_happens_says_that_it_is_there(watching, monkeypatch, job_id):
    monkeypatch.setattr(streaming, "ALIVE_SECONDS", 0.0)

    stream = watching(f"/jobs/{job_id}/live")

    assert [next(stream)[0] for _ in range(3)] == ["part", "", ""]
    stream.close()


def test_a_stream_that_nobody_reads_any_more_is_given_up(server, monkeypatch, job_id):
    given_up = threading.Event()
    drawn = streaming._events

    async def followed(*given):
        try:
            async for each in drawn(*given):
                yield each
        finally:
            given_up.set()

    monkeypatch.setattr(streaming, "_events", followed)
    with httpx.stream("GET", f"{server.url}/jobs/{job_id}/live", timeout=PATIENCE) as answer:
        next(events(answer))

    assert given_up.wait(PATIENCE)


def test_more_streams_than_may_be_are_refused(running, job_id):
    server, client = running(streams=1)

    with httpx.stream("GET", f"{server.url}/jobs/{job_id}/live", timeout=PATIENCE) as answer:
        first = events(answer)
        next(first)
        refused = client.get(f"/jobs/{job_id}/live")

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"


def test_a_stream_breaks_off_and_turns_nobody_away_where_it_cannot_be_told_who_may(
    watching, server, service, job_id, monkeypatch
):
    def away():
        raise ControlPlaneUnavailable("it is away")

    monkeypatch.setattr(known_callers, "STALE_SECONDS", 0.1)
    stream = watching(f"/jobs/{job_id}/live")
    next(stream)

    monkeypatch.setattr(service.access, "epoch", away)
    monkeypatch.setattr(service.access, "known", away)

    assert list(stream) == []
    assert len(server.desk.streams) == 0


def test_one_caller_has_a_few_and_leaves_room_for_others(running, service, job_id):
    server, client = running(streams_a_caller=1)

    with httpx.stream("GET", f"{server.url}/jobs/{job_id}/live", timeout=PATIENCE) as answer:
        watched = events(answer)
        next(watched)
        refused = client.get("/jobs/live")

    assert (refused.status_code, "you watch too many pages live" in refused.text) == (503, True)


def test_many_who_open_one_at_once_are_not_more_than_may_be(running, service, job_id, monkeypatch):
    server, _ = running(streams=2)
    looking, look_on, job = threading.Event(), threading.Event(), service.job

    def slow(asked):
        looking.set()
        assert look_on.wait(PATIENCE)
        return job(asked)

    def watch(_):
        with httpx.stream("GET", f"{server.url}/jobs/{job_id}/live", timeout=PATIENCE) as answer:
            if answer.status_code == 200:
                next(events(answer))
            return answer.status_code

    monkeypatch.setattr(service, "job", slow)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(watch, number) for number in range(3)]
        assert looking.wait(PATIENCE)
        first = next(as_completed(asked, PATIENCE))
        look_on.set()
        statuses = [each.result() for each in asked]

    assert first.result() == 503
    assert sorted(statuses) == [200, 200, 503]


def test_those_who_watch_the_same_share_a_look(running, service, job_id, monkeypatch):
    monkeypatch.setattr(streaming, "LOOK_SECONDS", 1.0)
    server, _ = running()
    looks, job = [], service.job
    monkeypatch.setattr(service, "job", lambda asked: looks.append(asked) or job(asked))

    with ExitStack() as opened:
        url = f"{server.url}/jobs/{job_id}/live"
        streams = [events(opened.enter_context(httpx.stream("GET", url, timeout=PATIENCE))) for _ in range(5)]
        assert [next(stream)[0] for stream in streams] == ["part"] * 5

    assert len(looks) < 5


def test_what_is_not_there_is_no_stream(running):
    _, client = running()

    assert client.get("/jobs/nothing/live").status_code == 404


def test_a_stream_breaks_off_where_it_cannot_be_looked_at(watching, server, service, job_id, monkeypatch):
    def away(_job_id):
        raise ControlPlaneUnavailable("it is away")

    stream = watching(f"/jobs/{job_id}/live")
    next(stream)

    monkeypatch.setattr(service, "job", away)

    assert list(stream) == []
    assert len(server.desk.streams) == 0


def test_every_line_of_an_event_is_a_field():
    assert event("part", "<p>\n\nx</p>") == "event: part\ndata: <p>\ndata: \ndata: x</p>\n\n"
    assert event("end") == "event: end\ndata: \n\n"
