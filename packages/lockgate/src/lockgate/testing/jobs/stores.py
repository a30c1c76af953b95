"""What every memory of jobs does: a check is called with an empty one, and raises AssertionError where it does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from lockgate.core.job import (
    MAX_ATTEMPTS,
    Claim,
    Failure,
    Inputs,
    Job,
    JobResult,
    JobStatus,
    Submission,
    TransformRequest,
)
from lockgate.core.ports import JobStore
from lockgate.errors import JobFinal, LockgateError, StaleToken, UnknownName
from lockgate.testing.jobs.given import DONE, FAILED, FELL_BACK, LATER, NEWER, NOON, SEEN, USERS, expect
from lockgate.testing.jobs.keys import KEY_CHECKS


def _expect_refusal(kind: type[LockgateError], action: Callable[[], object]) -> None:
    """Fails where the action is let through."""
    try:
        action()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")


def _submitted(store: JobStore, request: TransformRequest = USERS, inputs: Inputs = SEEN) -> Job:
    (job,) = store.submit([Submission(request, "me", inputs)], NOON)
    assert isinstance(job, Job)
    return job


def _claimed(store: JobStore, job: Job) -> Claim:
    claim = store.claim(job.execution_id, "worker", LATER)
    if claim is None:
        raise AssertionError("nobody waits for the execution")
    return claim


def _begun(store: JobStore, job: Job, inputs: Inputs = SEEN) -> Claim:
    claim = _claimed(store, job)
    store.begun(claim, inputs, LATER)
    return claim


def _ended(store: JobStore, outcome: JobResult | Failure = DONE) -> Job:
    """A job that waited for an execution of its own, which ended."""
    job = _submitted(store, replace(USERS, again=True))
    store.finish(_begun(store, job), outcome, LATER)
    return store.job(job.job_id)


def a_job_tells_all_that_was_asked_for(store: JobStore) -> None:
    """And waits for an execution of its own where there is none."""
    job = _submitted(store)

    expect(job, Job(job.job_id, "me", USERS, JobStatus.QUEUED, job.execution_id, joined=False, submitted_at=NOON))
    expect(store.job(job.job_id), job)
    expect(store.waiting(), (job.execution_id,))


def a_job_keeps_the_id_that_it_came_with_and_a_worker_is_told_that_of_the_first_that_waits(store: JobStore) -> None:
    """Whoever has left does not count."""
    asked = [Submission(USERS, "me", SEEN, correlation_id=each) for each in ("order-51", "order-52", None)]
    jobs = [job for job in store.submit(asked, NOON) if isinstance(job, Job)]

    expect([store.job(job.job_id).correlation_id for job in jobs], ["order-51", "order-52", None])
    expect(_claimed(store, jobs[0]).correlation_id, "order-51")
    store.cancel(jobs[0].job_id, LATER)
    expect(_claimed(store, jobs[1]).correlation_id, "order-52")


def what_is_queued_is_joined(store: JobStore) -> None:
    """Whatever was seen: it will read what is newest."""
    first = _submitted(store)

    for job in (_submitted(store, inputs=NEWER), _submitted(store, replace(USERS, again=True))):
        expect((job.execution_id, job.joined, job.status), (first.execution_id, True, JobStatus.QUEUED))
    expect(store.waiting(), (first.execution_id,))


def another_program_is_not_joined(store: JobStore) -> None:
    """Of another entity, engine, variables, or kind of refresh."""
    others = [
        replace(USERS, entity="applications"),
        replace(USERS, engine="dbt"),
        replace(USERS, variables={}),
        replace(USERS, full_refresh=True),
    ]

    jobs = [_submitted(store, request) for request in [USERS, *others]]

    expect(len({job.execution_id for job in jobs}), 5)
    expect([job.joined for job in jobs], [False] * 5)


def what_is_running_is_joined_on_equal_inputs_alone(store: JobStore) -> None:
    """Else exactly one successor is queued."""
    running = _submitted(store)
    _begun(store, running)

    same = _submitted(store)
    newer = [_submitted(store, inputs=NEWER) for _ in range(3)]

    expect((same.execution_id, same.joined, same.status), (running.execution_id, True, JobStatus.RUNNING))
    expect({job.execution_id for job in newer} & {running.execution_id}, set())
    expect(len({job.execution_id for job in newer}), 1)
    expect([job.joined for job in newer], [False, True, True])


def who_joins_before_inputs_are_known_is_settled_once_they_are(store: JobStore) -> None:
    """Those who saw the same stay, the others go on to a successor, which is told."""
    first = _submitted(store)
    claim = _claimed(store, first)
    same, newer = _submitted(store), _submitted(store, inputs=NEWER)
    expect({job.execution_id for job in (first, same, newer)}, {first.execution_id})

    queued = store.begun(claim, SEEN, LATER)

    after = [store.job(job.job_id) for job in (first, same, newer)]
    expect([job.status for job in after], [JobStatus.RUNNING, JobStatus.RUNNING, JobStatus.QUEUED])
    expect((after[2].execution_id,), queued)
    store.finish(claim, DONE, LATER)
    expect(store.job(same.job_id).result, DONE)
    expect(store.job(newer.job_id).status, JobStatus.QUEUED)


def what_succeeded_is_joined_on_equal_inputs_alone(store: JobStore) -> None:
    """At once final."""
    ended = _ended(store)

    same, newer = _submitted(store), _submitted(store, inputs=NEWER)

    expect((same.execution_id, same.joined, same.result), (ended.execution_id, True, DONE))
    expect((same.status, same.finished_at), (JobStatus.SUCCESS, LATER))
    expect((newer.joined, newer.status), (False, JobStatus.QUEUED))


def a_success_by_the_fallback_is_never_joined(store: JobStore) -> None:
    """The implementation that was chosen has not answered."""
    ended = _ended(store, FELL_BACK)

    expect(ended.result, FELL_BACK)
    expect(_submitted(store).joined, False)


def a_success_is_not_joined_behind_a_failure(store: JobStore) -> None:
    """The newest that ended tells."""
    _ended(store)
    _ended(store, FAILED)

    expect(_submitted(store).joined, False)


def who_wants_it_again_joins_nothing_that_has_begun(store: JobStore) -> None:
    """Nor does a full refresh."""
    for request in (replace(USERS, again=True), replace(USERS, full_refresh=True)):
        first = _submitted(store, request)
        claim = _begun(store, first)
        second = _submitted(store, request)
        store.finish(claim, DONE, LATER)
        store.finish(_begun(store, second), DONE, LATER)

        third = _submitted(store, request)

        expect([job.joined for job in (first, second, third)], [False] * 3)


def results_and_failures_come_back_as_they_were_stored(store: JobStore) -> None:
    """To the last digit, with the instants."""
    good, bad = _ended(store), _ended(store, FAILED)

    expect((good.status, good.result, good.failure), (JobStatus.SUCCESS, DONE, None))
    expect((bad.status, bad.result, bad.failure), (JobStatus.FAILED, None, FAILED))
    expect((good.attempts, good.started_at, good.finished_at), (1, LATER, LATER))


def jobs_are_counted_by_status(store: JobStore) -> None:
    """Those that joined an execution each by themselves."""
    expect(dict(store.counts()), dict.fromkeys(JobStatus, 0))
    first, _, third = _submitted(store), _submitted(store), _submitted(store)
    store.cancel(third.job_id, LATER)
    claim = _begun(store, first)
    running = dict(store.counts())
    store.finish(claim, FAILED, LATER)

    none = dict.fromkeys(JobStatus, 0)
    expect(running, none | {JobStatus.RUNNING: 2, JobStatus.CANCELLED: 1})
    expect(dict(store.counts()), none | {JobStatus.FAILED: 2, JobStatus.CANCELLED: 1})


def who_cancels_leaves_the_others_waiting(store: JobStore) -> None:
    """The last one to leave cancels the execution, also one that runs: what comes of it is refused."""
    first, second = _submitted(store), _submitted(store)
    claim = _begun(store, first)

    left = store.cancel(first.job_id, LATER)
    expect((left.status, left.finished_at, left.result), (JobStatus.CANCELLED, LATER, None))
    expect((store.job(second.job_id).status, store.wanted(first.execution_id)), (JobStatus.RUNNING, True))

    store.cancel(second.job_id, LATER)
    expect(store.wanted(first.execution_id), False)
    expect(store.waiting(), ())
    _expect_refusal(StaleToken, lambda: store.finish(claim, DONE, LATER))
    expect(_submitted(store).joined, False)


def a_job_that_ended_cannot_be_cancelled(store: JobStore) -> None:
    """Nor one that is not there."""
    for job in (_ended(store), _ended(store, FAILED)):
        _expect_refusal(JobFinal, partial(store.cancel, job.job_id, LATER))
        expect(store.job(job.job_id), job)
    _expect_refusal(UnknownName, lambda: store.cancel("nobody", LATER))


def a_job_that_failed_or_was_cancelled_can_be_retried(store: JobStore) -> None:
    """For a new execution, under its own id."""
    failed, cancelled = _ended(store, FAILED), _submitted(store)
    store.cancel(cancelled.job_id, LATER)

    again = store.retry(failed.job_id, SEEN, LATER)
    along = store.retry(cancelled.job_id, SEEN, LATER)

    expect((again.job_id, again.status, again.failure, again.attempts), (failed.job_id, JobStatus.QUEUED, None, 0))
    expect((along.execution_id, along.joined, along.status), (again.execution_id, True, JobStatus.QUEUED))
    expect(again.execution_id == failed.execution_id, False)


def a_job_that_waits_or_succeeded_cannot_be_retried(store: JobStore) -> None:
    """Nor one that is not there."""
    for job in (_ended(store), _submitted(store, replace(USERS, again=True))):
        _expect_refusal(JobFinal, partial(store.retry, job.job_id, SEEN, LATER))
    _expect_refusal(UnknownName, lambda: store.retry("nobody", SEEN, LATER))


def whoever_begins_later_fences_whoever_began_before(store: JobStore) -> None:
    """Of two attempts, the newest commits, and once."""
    job = _submitted(store)
    slow, quick = _claimed(store, job), _claimed(store, job)
    expect((slow.attempt, quick.attempt, quick.request), (1, 2, USERS))

    _expect_refusal(StaleToken, lambda: store.begun(slow, SEEN, LATER))
    _expect_refusal(StaleToken, lambda: store.finish(slow, FAILED, LATER))
    store.finish(quick, DONE, LATER)
    for claim in (slow, quick):
        _expect_refusal(StaleToken, partial(store.finish, claim, FAILED, LATER))

    expect((store.job(job.job_id).result, store.job(job.job_id).attempts), (DONE, 2))


def what_is_begun_too_often_is_set_aside(store: JobStore) -> None:
    """And fails with what is known of it."""
    job = _submitted(store)
    for _ in range(MAX_ATTEMPTS):
        _claimed(store, job)
    expect(store.job(job.job_id).status, JobStatus.RUNNING)

    expect(store.claim(job.execution_id, "worker", LATER), None)

    after = store.job(job.job_id)
    code = None if after.failure is None else after.failure.code
    expect((after.status, code, after.attempts), (JobStatus.FAILED, "LG704", MAX_ATTEMPTS))
    expect(store.waiting(), ())


def what_has_ended_is_not_claimed(store: JobStore) -> None:
    """Nor what is not there."""
    job = _ended(store)

    expect(store.claim(job.execution_id, "worker", LATER), None)
    expect(store.claim("nobody", "worker", LATER), None)
    expect(store.job(job.job_id), job)


def the_newest_jobs_come_first(store: JobStore) -> None:
    """Of an entity, of a status, behind a job, and no more than were asked for."""
    jobs = [_submitted(store, replace(USERS, entity=name)) for name in ("users", "applications", "users")]
    _claimed(store, jobs[1])
    ids = [job.job_id for job in jobs]

    def listed(found: Sequence[Job]) -> list[int]:
        return [ids.index(job.job_id) for job in found]

    expect(listed(store.jobs()), [2, 1, 0])
    expect(listed(store.jobs(limit=2)), [2, 1])
    expect(listed(store.jobs(before=ids[2])), [1, 0])
    expect(listed(store.jobs(entity="users")), [2, 0])
    expect(listed(store.jobs(status=JobStatus.RUNNING)), [1])
    expect(listed(store.jobs(entity="users", status=JobStatus.QUEUED, before=ids[2])), [0])
    expect(store.jobs(before=ids[0]), ())
    _expect_refusal(UnknownName, lambda: store.jobs(before="nobody"))


def many_jobs_are_looked_at_at_once(store: JobStore) -> None:
    """Those that are not there are left out."""
    ended, waiting = _ended(store), _submitted(store, replace(USERS, entity="applications"))
    ids = [ended.job_id, "nobody", waiting.job_id]

    expect(store.statuses(ids), {ended.job_id: JobStatus.SUCCESS, waiting.job_id: JobStatus.QUEUED})
    expect(store.read(ids), {ended.job_id: ended, waiting.job_id: waiting})
    _expect_refusal(UnknownName, lambda: store.job("nobody"))


def old_jobs_are_forgotten(store: JobStore) -> None:
    """What ended before; never what waits, nor an execution that a newer job has joined."""
    joined, alone = _ended(store), _submitted(store, replace(USERS, entity="applications"))
    store.cancel(alone.job_id, LATER)
    waiting = _submitted(store, replace(USERS, entity="teams"))
    then = LATER + timedelta(days=30)
    (newer,) = store.submit([Submission(USERS, "me", SEEN)], then)

    expect(store.forget(LATER), 0)
    expect(store.forget(LATER + timedelta(microseconds=1)), 2)

    kept = {job.job_id: job for job in store.jobs()}
    expect(isinstance(newer, Job) and set(kept) == {newer.job_id, waiting.job_id}, True)
    expect(isinstance(newer, Job) and kept[newer.job_id].execution_id, joined.execution_id)
    expect(store.forget(then + timedelta(days=1)), 1)
    expect(store.jobs(), (waiting,))


STORE_CHECKS: tuple[Callable[[JobStore], None], ...] = (
    a_job_tells_all_that_was_asked_for,
    a_job_keeps_the_id_that_it_came_with_and_a_worker_is_told_that_of_the_first_that_waits,
    *KEY_CHECKS,
    what_is_queued_is_joined,
    another_program_is_not_joined,
    what_is_running_is_joined_on_equal_inputs_alone,
    who_joins_before_inputs_are_known_is_settled_once_they_are,
    what_succeeded_is_joined_on_equal_inputs_alone,
    a_success_by_the_fallback_is_never_joined,
    a_success_is_not_joined_behind_a_failure,
    who_wants_it_again_joins_nothing_that_has_begun,
    results_and_failures_come_back_as_they_were_stored,
    jobs_are_counted_by_status,
    who_cancels_leaves_the_others_waiting,
    a_job_that_ended_cannot_be_cancelled,
    a_job_that_failed_or_was_cancelled_can_be_retried,
    a_job_that_waits_or_succeeded_cannot_be_retried,
    whoever_begins_later_fences_whoever_began_before,
    what_is_begun_too_often_is_set_aside,
    what_has_ended_is_not_claimed,
    the_newest_jobs_come_first,
    many_jobs_are_looked_at_at_once,
    old_jobs_are_forgotten,
)
