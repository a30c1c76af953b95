"""The service stores what many submit at once, works on it until something came of it, and tells who waits."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.correlation import correlated, correlation_id
from lockgate.core.job import IdempotencyKey, JobStatus, Submission, TransformRequest
from lockgate.errors import (
    ControlPlaneUnavailable,
    DbtFailed,
    EngineOff,
    KeyReused,
    StaleToken,
    UnknownName,
    WarehouseUnavailable,
)
from lockgate.store import open_store
from lockgate.testing.jobs import DONE, FELL_BACK, NEWER, NOON, QUEUE_CHECKS, SEEN, USERS, ThreadQueue
from lockgate.transform.job_turn import Patience
from lockgate.transform.jobs import Timing, TransformationJobService

SOON = 20
QUICK = Timing(watch=0.05, sweep=0.1, patience=Patience(attempt=10, backoff=0.01, look=0.02))


@pytest.mark.parametrize("check", QUEUE_CHECKS, ids=lambda check: check.__name__)
def test_the_queue_that_these_tests_stand_on_conforms(check):
    check(ThreadQueue())


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'control.db'}", project="inventory", target="main")
    yield opened.jobs
    opened.close()


class World:
    """What the service is wired to: it counts what it is asked, and does as it is told."""

    def __init__(self) -> None:
        self.inputs = SEEN
        self.looked: list[TransformRequest] = []
        self.claims: list[object] = []
        self.stopped = threading.Event()
        self.act = lambda claim: DONE

    def inputs_of(self, request):
        self.looked.append(request)
        if isinstance(self.inputs, Exception):
            raise self.inputs
        return self.inputs

    def perform(self, claim, begun):
        self.claims.append(claim)
        begun(self.inputs)
        return self.act(claim)

    def stop(self):
        self.stopped.set()


@pytest.fixture
def world():
    return World()


@pytest.fixture
def served(store, world):
    """Makes services; they are closed after the test."""
    services = []

    def served(memory=store, timing=QUICK):
        service = TransformationJobService(
            memory,
            ThreadQueue(),
            inputs_of=world.inputs_of,
            perform=world.perform,
            stop=world.stop,
            clock=lambda: datetime.now(UTC),
            timing=timing,
        )
        services.append(service)
        return service

    yield served
    for service in services:
        service.close(patience_seconds=0.1)


@pytest.fixture
def service(served):
    return served()


def submit(service, request=USERS, key=None):
    return service.submit(request, caller="me", key=key).result(SOON)


def end(service, request=USERS):
    return service.ended(submit(service, request).job_id).result(SOON)


class Wrapped:
    """A memory of jobs some of whose calls are answered otherwise."""

    def __init__(self, store, **instead) -> None:
        self._store = store
        self._instead = instead

    def __getattr__(self, name):
        return self._instead.get(name) or getattr(self._store, name)


def failing(real, times, error=ControlPlaneUnavailable, *, after=False):
    """A call that fails so often, before or after it did what it does."""
    left = [times]

    def call(*arguments):
        if left[0] <= 0:
            return real(*arguments)
        left[0] -= 1
        if after:
            real(*arguments)
        raise error

    return call


def test_a_job_is_executed_and_told_to_who_waits(service, world):
    service.start()

    job = end(service)

    assert (job.status, job.result, job.attempts) == (JobStatus.SUCCESS, DONE, 1)
    assert [claim.request for claim in world.claims] == [USERS]


def test_what_is_submitted_before_the_start_is_durable_and_executed_later(service, store):
    job = submit(service)
    assert store.job(job.job_id).status is JobStatus.QUEUED

    service.start()

    assert service.ended(job.job_id).result(SOON).status is JobStatus.SUCCESS


def test_many_that_come_at_once_are_written_in_few_transactions_and_look_once(store, served, world):
    written = []

    def count(submissions, at):
        written.append(len(submissions))
        time.sleep(0.05)
        return store.submit(submissions, at)

    service = served(Wrapped(store, submit=count))

    futures = [service.submit(USERS, caller=f"c{number}") for number in range(1000)]
    jobs = [future.result(SOON) for future in futures]

    assert [job.caller for job in jobs] == [f"c{number}" for number in range(1000)]
    assert len({job.execution_id for job in jobs}) == 1
    assert sum(written) == 1000
    assert len(written) <= 5
    assert len(world.looked) == len(written)


def test_a_thousand_clients_on_the_same_inputs_are_one_execution(service, world):
    world.act = lambda claim: time.sleep(0.2) or DONE
    service.start()

    with ThreadPoolExecutor(32) as clients:
        jobs = list(clients.map(lambda _number: end(service), range(1000)))

    assert {job.status for job in jobs} == {JobStatus.SUCCESS}
    assert len(world.claims) == 1


def test_inputs_that_moved_meanwhile_make_exactly_one_successor(service, world):
    running, may_end = threading.Event(), threading.Event()
    world.act = lambda claim: running.set() or (may_end.wait(SOON) and DONE)
    service.start()
    first = submit(service)
    running.wait(SOON)
    world.inputs = NEWER

    later = [submit(service) for _ in range(5)]
    may_end.set()
    ended = [service.ended(job.job_id).result(SOON) for job in [first, *later]]

    assert {job.status for job in ended} == {JobStatus.SUCCESS}
    assert len({job.execution_id for job in ended}) == 2
    assert len(world.claims) == 2


def test_who_joined_too_early_is_moved_on_and_answered(service, store, world):
    claimed, may_begin = threading.Event(), threading.Event()
    real = world.perform

    def hold(claim, begun):
        claimed.set()
        may_begin.wait(SOON)
        world.inputs = SEEN if claim.attempt == 1 and len(world.claims) == 0 else NEWER
        return real(claim, begun)

    service._turn._perform = hold
    service.start()
    first = submit(service)
    claimed.wait(SOON)
    world.inputs = NEWER

    early = submit(service)
    assert early.execution_id == first.execution_id
    may_begin.set()

    assert service.ended(early.job_id).result(SOON).status is JobStatus.SUCCESS
    assert store.job(early.job_id).execution_id != first.execution_id
    assert len(world.claims) == 2


@pytest.mark.parametrize("error", [UnknownName("no such entity"), EngineOff(), ValueError("unexpected")])
def test_what_cannot_be_looked_at_is_told_and_not_stored(service, store, world, error):
    world.inputs = error

    with pytest.raises(type(error)) as caught:
        submit(service)

    assert caught.value is error
    assert store.jobs() == ()


def test_one_that_is_refused_does_not_harm_the_others(service, store, world):
    real = world.inputs_of
    service._submissions._inputs_of = lambda request: real(request) if request.entity == "users" else real(1 / 0)

    good, bad = service.submit(USERS, caller="me"), service.submit(TransformRequest("x"), caller="me")

    assert good.result(SOON).status is JobStatus.QUEUED
    assert isinstance(bad.exception(SOON), ZeroDivisionError)
    assert len(store.jobs()) == 1


def test_a_key_that_is_sent_again_gives_the_same_job_and_with_another_body_none(service):
    key = IdempotencyKey("me", "k", "digest")
    job = submit(service, key=key)

    assert submit(service, key=key) == job
    with pytest.raises(KeyReused):
        submit(service, key=replace(key, digest="other"))


def test_a_control_plane_that_is_gone_is_told_to_who_submits(store, served):
    service = served(Wrapped(store, submit=failing(store.submit, 1)))

    with pytest.raises(ControlPlaneUnavailable):
        submit(service)

    assert submit(service).status is JobStatus.QUEUED


def test_a_reply_that_was_lost_is_asked_for_again_with_the_same_key(store, served):
    service = served(Wrapped(store, submit=failing(store.submit, 1, after=True)))
    key = IdempotencyKey("me", "k", "digest")
    with pytest.raises(ControlPlaneUnavailable):
        submit(service, key=key)

    job = submit(service, key=key)

    assert store.jobs() == (job,)


def test_a_fallback_is_an_answer(service, world):
    world.act = lambda claim: FELL_BACK
    service.start()

    assert end(service).result == FELL_BACK


def test_what_may_succeed_later_is_tried_again(service, world):
    def unavailable_at_first(claim):
        if claim.attempt < 3:
            raise WarehouseUnavailable
        return DONE

    world.act = unavailable_at_first
    service.start()

    job = end(service)

    assert (job.status, job.attempts) == (JobStatus.SUCCESS, 3)


def test_what_goes_on_failing_fails_with_its_own_error(service, world):
    def unavailable(claim):
        raise WarehouseUnavailable("it sleeps", table="x")

    world.act = unavailable
    service.start()

    job = end(service)

    assert (job.status, job.attempts) == (JobStatus.FAILED, 3)
    assert (job.failure.code, job.failure.message, job.failure.fields) == ("LG602", "it sleeps", {"table": "x"})


def test_what_will_not_succeed_fails_at_once(service, world):
    def fail(claim):
        raise DbtFailed("fct_users failed")

    world.act = fail
    service.start()

    job = end(service)

    assert (job.status, job.attempts) == (JobStatus.FAILED, 1)
    assert (job.failure.code, job.failure.error, job.failure.hint) == ("LG503", "DbtFailed", DbtFailed.hint)


def test_an_unexpected_error_is_told_by_its_class_alone_and_logged(service, world, caplog):
    def fail(claim):
        raise ValueError("row value 4711")

    world.act = fail
    service.start()

    job = end(service)

    assert (job.status, job.attempts) == (JobStatus.FAILED, 1)
    assert (job.failure.code, job.failure.error) == ("", "ValueError")
    assert "4711" not in job.failure.message
    assert "row value 4711" in caplog.text


def test_what_hangs_is_set_aside_and_others_go_on(served, world):
    never = threading.Event()
    world.act = lambda claim: DONE if claim.request.entity == "users" else never.wait(60) and DONE
    service = served(timing=replace(QUICK, patience=Patience(attempt=0.1, backoff=0.01, look=0.02)))
    service.start()

    hanging, good = submit(service, TransformRequest("teams")), submit(service)

    assert service.ended(good.job_id).result(SOON).status is JobStatus.SUCCESS
    ended = service.ended(hanging.job_id).result(SOON)
    assert (ended.status, ended.failure.code, ended.attempts) == (JobStatus.FAILED, "LG704", 3)
    assert world.stopped.is_set()
    never.set()


def test_who_cancels_the_last_job_stops_what_runs(service, store, world):
    running = threading.Event()
    world.act = lambda claim: running.set() or (world.stopped.wait(SOON) and DONE)
    service.start()
    job = submit(service)
    running.wait(SOON)

    cancelled = service.cancel(job.job_id)

    assert cancelled.status is JobStatus.CANCELLED
    assert service.ended(job.job_id).result(SOON) == cancelled
    assert world.stopped.wait(SOON)
    world.act = lambda claim: DONE
    assert end(service).status is JobStatus.SUCCESS
    assert store.job(job.job_id) == cancelled


def test_who_cancels_one_of_two_jobs_stops_nothing(service, world):
    running, may_end = threading.Event(), threading.Event()
    world.act = lambda claim: running.set() or (may_end.wait(SOON) and DONE)
    service.start()
    first = submit(service)
    running.wait(SOON)
    second = submit(service)

    service.cancel(first.job_id)
    time.sleep(0.1)
    may_end.set()

    assert service.ended(second.job_id).result(SOON).status is JobStatus.SUCCESS
    assert not world.stopped.is_set()


def test_a_job_that_failed_is_retried_under_its_id(service, world):
    def fail(claim):
        raise DbtFailed

    world.act = fail
    service.start()
    failed = end(service)
    world.act = lambda claim: DONE

    again = service.retry(failed.job_id)

    assert (failed.status, again.status) == (JobStatus.FAILED, JobStatus.QUEUED)
    assert service.ended(failed.job_id).result(SOON).result == DONE


def test_what_came_too_late_is_discarded(service, store, world):
    def overtaken(claim):
        store.finish(store.claim(claim.execution_id, "other", NOON), FELL_BACK, NOON)
        return DONE

    world.act = overtaken
    service.start()

    job = end(service)

    assert (job.result, job.attempts) == (FELL_BACK, 2)


def test_a_worker_that_was_overtaken_before_it_read_anything_performs_nothing(service, store, world):
    real = world.perform
    read = []

    def overtaken(claim, begun):
        store.finish(store.claim(claim.execution_id, "other", NOON), FELL_BACK, NOON)
        result = real(claim, begun)
        read.append(claim)
        return result

    service._turn._perform = overtaken
    service.start()

    assert end(service).result == FELL_BACK
    assert read == []


def test_a_route_that_moved_on_is_a_failure_and_not_an_overtaking(service, world):
    def stale(claim):
        raise StaleToken("the route moved on")

    world.act = stale
    service.start()

    assert end(service).failure.code == "LG402"


@pytest.mark.parametrize("call", ["claim", "begun", "finish"])
@pytest.mark.parametrize("after", [False, True])
def test_a_control_plane_that_comes_back_loses_nothing(store, served, world, call, after):
    real = getattr(store, call)
    service = served(Wrapped(store, **{call: failing(real, 2, after=after)}))
    service.start()

    job = end(service)

    assert (job.status, job.result) == (JobStatus.SUCCESS, DONE)


def test_what_another_process_stored_and_never_handed_over_is_found(service, store):
    service.start()

    (job,) = store.submit([Submission(USERS, "other", SEEN)], NOON)

    assert service.ended(job.job_id).result(SOON).status is JobStatus.SUCCESS


def test_what_ends_elsewhere_is_noticed(service, store):
    job = submit(service)
    future = service.ended(job.job_id)
    assert not wait([future], timeout=0.2).done

    store.finish(store.claim(job.execution_id, "other", NOON), DONE, NOON)

    assert future.result(SOON).result == DONE


def test_waiting_for_a_job_that_is_not_there_is_an_error(service):
    with pytest.raises(UnknownName, match="there is no job nobody"):
        service.ended("nobody").result(SOON)


def test_waiting_for_a_job_of_a_service_that_was_closed_is_cancelled(service):
    job = submit(service)
    service.close(patience_seconds=0)

    assert service.ended(job.job_id).cancelled()


def test_who_waits_no_longer_keeps_nobody_else_from_waiting(service):
    job = submit(service)
    gone, staying = service.ended(job.job_id), service.ended(job.job_id)
    assert gone.cancel()

    service.start()

    assert staying.result(SOON).status is JobStatus.SUCCESS
    with pytest.raises(CancelledError):
        gone.result(0)


def test_an_awaited_job_is_looked_for_again_when_the_control_plane_is_back(store, served):
    service = served(Wrapped(store, statuses=failing(store.statuses, 3)))
    service.start()

    assert end(service).status is JobStatus.SUCCESS


def test_old_jobs_are_forgotten_in_time(store, served):
    (old,) = store.submit([Submission(USERS, "me", SEEN)], NOON)
    store.cancel(old.job_id, NOON)
    service = served(timing=replace(QUICK, forget=0.0))
    service.start()

    deadline = time.monotonic() + SOON
    while store.jobs() and time.monotonic() < deadline:
        time.sleep(0.02)

    assert store.jobs() == ()


def test_closing_ends_what_is_under_way_and_takes_nothing_more(service, store, world):
    running = threading.Event()
    world.act = lambda claim: running.set() or time.sleep(0.3) or DONE
    service.start()
    job = submit(service)
    running.wait(SOON)

    service.close(patience_seconds=10)

    assert store.job(job.job_id).status is JobStatus.SUCCESS
    with pytest.raises(ControlPlaneUnavailable, match="being stopped"):
        service.submit(USERS, caller="me")


def test_closing_leaves_what_does_not_end_to_others(service, store, world):
    running, never = threading.Event(), threading.Event()
    world.act = lambda claim: running.set() or (never.wait(60) and DONE)
    service.start()
    job = submit(service)
    running.wait(SOON)
    waiting = service.ended(job.job_id)

    began = time.monotonic()
    service.close(patience_seconds=0.2)

    assert time.monotonic() - began < 5
    assert store.job(job.job_id).status is JobStatus.RUNNING
    assert store.waiting() == (job.execution_id,)
    assert waiting.cancelled()
    never.set()


def test_jobs_are_listed_and_read(service, store):
    job = submit(service)

    assert service.job(job.job_id) == job
    assert service.jobs(entity="users", status=JobStatus.QUEUED, limit=1) == (job,)
    assert service.jobs(before=job.job_id) == ()
    with pytest.raises(UnknownName):
        service.job("nobody")


def test_a_job_that_succeeded_long_ago_is_joined_and_told_at_once(service, store, world):
    service.start()
    first = end(service)

    again = submit(service)

    assert (again.joined, again.status, again.result) == (True, JobStatus.SUCCESS, DONE)
    assert again.finished_at - first.finished_at < timedelta(seconds=60)
    assert len(world.claims) == 1


def test_whoever_listens_hears_of_an_execution_that_ended_once(store, world):
    heard = []
    service = TransformationJobService(
        store, ThreadQueue(), inputs_of=world.inputs_of, perform=world.perform, clock=lambda: datetime.now(UTC),
        ended=lambda claim, outcome: heard.append((claim.request, outcome)), timing=QUICK,
    )  # fmt: skip
    service.start()
    jobs = [submit(service) for _ in range(2)]
    ended = [service.ended(job.job_id).result(SOON) for job in jobs]
    service.close(patience_seconds=0.1)

    assert [job.status for job in ended] == [JobStatus.SUCCESS] * 2
    assert heard == [(USERS, DONE)]
    assert service.counts()[JobStatus.SUCCESS] == 2


def test_what_becomes_of_a_job_is_logged_by_its_ids(service, world, caplog):
    caplog.set_level("INFO", logger="lockgate")
    world.act = fail_first
    service.start()
    job = end(service)

    told = [(record.message, record.facts) for record in caplog.records if hasattr(record, "facts")]
    who = {"execution_id": job.execution_id, "entity": "users"}
    assert told == [
        ("job submitted", who | {"job_id": job.job_id, "joined": False, "caller": "me"}),
        ("attempt began", who | {"attempt": 1}),
        ("attempt failed", who | {"attempt": 1, "error": "LG602"}),
        ("attempt began", who | {"attempt": 2}),
        ("attempt ended", who | {"attempt": 2, "status": "success", "implementation": "dbt"}),
    ]


def fail_first(claim):
    if claim.attempt == 1:
        raise WarehouseUnavailable
    return DONE


def test_every_line_about_a_job_has_the_id_of_the_request_that_it_came_with(served, world):
    """Also where another process works on it."""
    lines = Lines()
    asking, working = served(), served()
    working.start()
    world.act = lambda claim: (logging.getLogger("lockgate.executing").info("executing"), DONE)[1]

    with lines.heard():
        with correlated("order-51"):
            job = submit(asking)
        assert working.ended(job.job_id).result(SOON).status is JobStatus.SUCCESS

    assert lines.told == [
        ("job submitted", "order-51"), ("attempt began", "order-51"), ("executing", "order-51"),
        ("attempt ended", "order-51"),
    ]  # fmt: skip
    assert correlation_id() is None


class Lines(logging.Handler):
    """Notes each line with the id that is bound where it is written."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.told: list[tuple[str, str | None]] = []

    def emit(self, record) -> None:
        self.told.append((record.getMessage(), correlation_id()))

    @contextmanager
    def heard(self):
        logger = logging.getLogger("lockgate")
        level = logger.level
        logger.setLevel(logging.INFO)
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.setLevel(level)
