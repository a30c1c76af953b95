"""Jobs are kept as their conformance suite says, apart for each project and target, whoever submits at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from lockgate.core.job import Failure, IdempotencyKey, Submission
from lockgate.errors import JobSetAside, StaleToken, TargetBusy, UnknownName
from lockgate.store.tables import job_execution
from lockgate.testing.jobs import DONE, NOON, SEEN, STORE_CHECKS, USERS


@pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)
def test_conforms(store, check):
    check(store.jobs)


def test_scopes_do_not_see_each_other(opened):
    ours = opened().jobs
    key = IdempotencyKey("me", "k", "digest")
    (job,) = ours.submit([Submission(USERS, "me", SEEN, key)], NOON)

    for other in (opened(project="sales").jobs, opened(target="postgres").jobs):
        assert other.jobs() == ()
        assert other.waiting() == ()
        assert other.claim(job.execution_id, "worker", NOON) is None
        assert other.wanted(job.execution_id) is False
        with pytest.raises(UnknownName, match=f"there is no job {job.job_id}"):
            other.cancel(job.job_id, NOON)
        (theirs,) = other.submit([Submission(USERS, "me", SEEN, key)], NOON)
        assert (theirs.joined, theirs.execution_id == job.execution_id) == (False, False)

    assert ours.job(job.job_id) == job


def test_the_database_itself_keeps_a_program_from_waiting_twice(store):
    store.jobs.submit([Submission(USERS, "me", SEEN)], NOON)
    with store.database.reading() as connection:
        row = dict(connection.execute(select(job_execution)).mappings().one())

    twin = {name: value for name, value in row.items() if name != "number"} | {"execution_id": "twin"}
    with pytest.raises(TargetBusy) as caught, store.database.writing() as connection:
        connection.execute(insert(job_execution).values(twin))

    assert isinstance(caught.value.__cause__, IntegrityError)


def test_a_job_that_is_answered_by_what_had_ended_began_when_it_came(store):
    (first,) = store.jobs.submit([Submission(USERS, "me", SEEN)], NOON)
    claim = store.jobs.claim(first.execution_id, "worker", NOON)
    store.jobs.begun(claim, SEEN, NOON)
    store.jobs.finish(claim, DONE, NOON + timedelta(seconds=1))
    later = NOON + timedelta(hours=1)

    (second,) = store.jobs.submit([Submission(USERS, "me", SEEN)], later)

    assert (second.joined, second.started_at, second.finished_at) == (True, later, later)


def test_a_stale_attempt_is_told_in_its_own_words(store):
    (job,) = store.jobs.submit([Submission(USERS, "me", SEEN)], NOON)
    claim = store.jobs.claim(job.execution_id, "worker", NOON)
    store.jobs.finish(claim, DONE, NOON)

    with pytest.raises(StaleToken, match=f"attempt 1 at execution {job.execution_id} was overtaken") as caught:
        store.jobs.finish(claim, DONE, NOON)

    assert caught.value.fields == {"execution_id": job.execution_id, "attempt": 1}


def test_what_was_set_aside_tells_how_often_it_was_begun(store):
    (job,) = store.jobs.submit([Submission(USERS, "me", SEEN)], NOON)
    for _ in range(4):
        store.jobs.claim(job.execution_id, "worker", NOON)

    assert store.jobs.job(job.job_id).failure == Failure(
        "LG704",
        "JobSetAside",
        "3 workers began the execution and none of them finished it",
        JobSetAside.hint,
        {"execution_id": job.execution_id, "attempts": 3},
    )


def test_a_thousand_are_stored_in_one_transaction_and_come_back_in_order(store):
    keys = [IdempotencyKey("me", f"k{number}", "digest") for number in range(1000)]
    asked = [
        Submission(replace(USERS, entity=f"e{number % 7}"), f"c{number}", SEEN, key) for number, key in enumerate(keys)
    ]

    jobs = store.jobs.submit(asked, NOON)

    assert [(job.caller, job.request.entity) for job in jobs] == [(f"c{n}", f"e{n % 7}") for n in range(1000)]
    assert len({job.execution_id for job in jobs}) == 7
    assert store.jobs.submit(asked, NOON) == jobs
    assert [job.job_id for job in store.jobs.jobs(limit=1000)] == [job.job_id for job in reversed(jobs)]


SUBMIT_MANY = """
import sys
from datetime import UTC, datetime, timedelta
from lockgate.core.job import IdempotencyKey, Submission
from lockgate.store import open_store
from lockgate.testing.jobs import SEEN, USERS

jobs = open_store(sys.argv[1], project="inventory", target="main").jobs
for number in range(25):
    key = IdempotencyKey("me", f"k{number}", "digest")
    (job,) = jobs.submit([Submission(USERS, "me", SEEN, key)], datetime.now(UTC))
    print(job.job_id, job.execution_id)
"""


@pytest.mark.slow
def test_processes_that_submit_at_once_agree_on_jobs_and_executions(at_once, opened):
    opened()

    printed = at_once(SUBMIT_MANY, processes=4)

    assert len(set(printed)) == 1
    assert len({line.split()[1] for line in printed[0].splitlines()}) == 1
    assert len(opened().jobs.jobs()) == 25


CLAIM = """
import sys
from datetime import UTC, datetime, timedelta
from lockgate.errors import StaleToken
from lockgate.store import open_store
from lockgate.testing.jobs import DONE

jobs = open_store(sys.argv[1], project="inventory", target="main").jobs
for execution_id in jobs.waiting():
    claim = jobs.claim(execution_id, "w", datetime.now(UTC))
    try:
        if claim is not None:
            jobs.finish(claim, DONE, datetime.now(UTC))
            print(execution_id)
    except StaleToken:
        pass
"""


@pytest.mark.slow
def test_processes_that_claim_at_once_finish_each_execution_once(at_once, opened):
    requests = [replace(USERS, entity=f"e{number}") for number in range(20)]
    store = opened()
    jobs = store.jobs.submit([Submission(request, "me", SEEN) for request in requests], datetime.now(UTC))

    printed = at_once(CLAIM, processes=3)

    assert sorted(line for lines in printed for line in lines.split()) == sorted(job.execution_id for job in jobs)
    assert {job.result for job in store.jobs.jobs()} == {DONE}
