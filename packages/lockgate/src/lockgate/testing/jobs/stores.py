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
    IdempotencyKey,
    Inputs,
    Job,
    JobResult,
    JobStatus,
    Submission,
    TransformRequest,
)
from lockgate.core.ports import JobStore
from lockgate.errors import JobFinal, KeyReused, LockgateError, StaleToken, UnknownName
from lockgate.testing.jobs.given import DONE, FAILED, FELL_BACK, LATER, NEWER, NOON, SEEN, USERS


def _expect(actual: object, expected: object) -> None:
    """Fails where the two differ."""
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


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

    _expect(job, Job(job.job_id, "me", USERS, JobStatus.QUEUED, job.execution_id, joined=False, submitted_at=NOON))
    _expect(store.job(job.job_id), job)
    _expect(store.waiting(), (job.execution_id,))


def what_is_queued_is_joined(store: JobStore) -> None:
    """Whatever was seen: it will read what is newest."""
    first = _submitted(store)

    for job in (_submitted(store, inputs=NEWER), _submitted(store, replace(USERS, again=True))):
        _expect((job.execution_id, job.joined, job.status), (first.execution_id, True, JobStatus.QUEUED))
    _expect(store.waiting(), (first.execution_id,))


def another_program_is_not_joined(store: JobStore) -> None:
    """Of another entity, engine, variables, or kind of refresh."""
    others = [
        replace(USERS, entity="applications"),
        replace(USERS, engine="dbt"),
        replace(USERS, variables={}),
        replace(USERS, full_refresh=True),
    ]

    jobs = [_submitted(store, request) for request in [USERS, *others]]

    _expect(len({job.execution_id for job in jobs}), 5)
    _expect([job.joined for job in jobs], [False] * 5)


def what_is_running_is_joined_on_equal_inputs_alone(store: JobStore) -> None:
    """Else exactly one successor is queued."""
    running = _submitted(store)
    _begun(store, running)

    same = _submitted(store)
    newer = [_submitted(store, inputs=NEWER) for _ in range(3)]

    _expect((same.execution_id, same.joined, same.status), (running.execution_id, True, JobStatus.RUNNING))
    _expect({job.execution_id for job in newer} & {running.execution_id}, set())
    _expect(len({job.execution_id for job in newer}), 1)
    _expect([job.joined for job in newer], [False, True, True])


def who_joins_before_inputs_are_known_is_settled_once_they_are(store: JobStore) -> None:
    """Those who saw the same stay, the others go on to a successor, which is told."""
    first = _submitted(store)
    claim = _claimed(store, first)
    same, newer = _submitted(store), _submitted(store, inputs=NEWER)
    _expect({job.execution_id for job in (first, same, newer)}, {first.execution_id})

    queued = store.begun(claim, SEEN, LATER)

    after = [store.job(job.job_id) for job in (first, same, newer)]
    _expect([job.status for job in after], [JobStatus.RUNNING, JobStatus.RUNNING, JobStatus.QUEUED])
    _expect((after[2].execution_id,), queued)
    store.finish(claim, DONE, LATER)
    _expect(store.job(same.job_id).result, DONE)
    _expect(store.job(newer.job_id).status, JobStatus.QUEUED)


def what_succeeded_is_joined_on_equal_inputs_alone(store: JobStore) -> None:
    """At once final."""
    ended = _ended(store)

    same, newer = _submitted(store), _submitted(store, inputs=NEWER)

    _expect((same.execution_id, same.joined, same.result), (ended.execution_id, True, DONE))
    _expect((same.status, same.finished_at), (JobStatus.SUCCESS, LATER))
    _expect((newer.joined, newer.status), (False, JobStatus.QUEUED))


def a_success_by_the_fallback_is_never_joined(store: JobStore) -> None:
    """The implementation that was chosen has not answered."""
    ended = _ended(store, FELL_BACK)

    _expect(ended.result, FELL_BACK)
    _expect(_submitted(store).joined, False)


def a_success_is_not_joined_behind_a_failure(store: JobStore) -> None:
    """The newest that ended tells."""
    _ended(store)
    _ended(store, FAILED)

    _expect(_submitted(store).joined, False)


def who_wants_it_again_joins_nothing_that_has_begun(store: JobStore) -> None:
    """Nor does a full refresh."""
    for request in (replace(USERS, again=True), replace(USERS, full_refresh=True)):
        first = _submitted(store, request)
        claim = _begun(store, first)
        second = _submitted(store, request)
        store.finish(claim, DONE, LATER)
        store.finish(_begun(store, second), DONE, LATER)

        third = _submitted(store, request)

        _expect([job.joined for job in (first, second, third)], [False] * 3)


def results_and_failures_come_back_as_they_were_stored(store: JobStore) -> None:
    """To the last digit, with the instants."""
    good, bad = _ended(store), _ended(store, FAILED)

    _expect((good.status, good.result, good.failure), (JobStatus.SUCCESS, DONE, None))
    _expect((bad.status, bad.result, bad.failure), (JobStatus.FAILED, None, FAILED))
    _expect((good.attempts, good.started_at, good.finished_at), (1, LATER, LATER))


def a_key_stands_for_one_job(store: JobStore) -> None:
    """Within a transaction and after it; for other callers and keys it is nothing."""
    key = IdempotencyKey("me /jobs", "k-1", "digest")
    asked = [Submission(USERS, "me", SEEN, each) for each in (key, key, replace(key, scope="you"), None)]

    jobs = store.submit(asked, NOON)
    (again,) = store.submit([replace(asked[0], inputs=NEWER)], LATER)

    _expect(jobs[0], jobs[1])
    _expect(again, jobs[0])
    _expect(len({job.job_id for job in jobs if isinstance(job, Job)}), 3)


def a_key_with_another_body_is_refused_alone(store: JobStore) -> None:
    """Nothing is stored for it; what was submitted along with it is."""
    key = IdempotencyKey("me", "k-1", "digest")
    store.submit([Submission(USERS, "me", SEEN, key)], NOON)

    refused, other = store.submit(
        [Submission(USERS, "me", SEEN, replace(key, digest="other")), Submission(USERS, "me", SEEN)], LATER
    )

    _expect(type(refused), KeyReused)
    _expect(isinstance(other, Job), True)
    _expect(len(store.jobs()), 2)


def a_key_is_free_again_after_a_day(store: JobStore) -> None:
    """And not before."""
    key = IdempotencyKey("me", "k-1", "digest")
    (first,) = store.submit([Submission(USERS, "me", SEEN, key)], NOON)
    day = timedelta(hours=24)

    (before,) = store.submit([Submission(USERS, "me", SEEN, key)], NOON + day - timedelta(microseconds=1))
    (after,) = store.submit([Submission(USERS, "me", SEEN, replace(key, digest="other"))], NOON + day)

    _expect(before, first)
    _expect(isinstance(after, Job) and after != first, True)


def a_key_can_be_held_without_a_job(store: JobStore) -> None:
    """It is held for its body, against jobs too; a job's key is held already; both for a day."""
    key, other = IdempotencyKey("me", "k-1", "digest"), IdempotencyKey("me", "k-2", "digest")
    store.submit([Submission(USERS, "me", SEEN, other)], NOON)

    held = store.hold_keys([key, key, replace(key, digest="other"), other, replace(other, digest="other")], NOON)
    (again,) = store.hold_keys([key], LATER)
    (refused,) = store.submit([Submission(USERS, "me", SEEN, replace(key, digest="other"))], LATER)
    (after,) = store.submit([Submission(USERS, "me", SEEN, replace(key, digest="other"))], NOON + timedelta(hours=24))

    _expect([type(each) for each in held], [type(None), type(None), KeyReused, type(None), KeyReused])
    _expect((again, type(refused), type(after)), (None, KeyReused, Job))
    _expect(len(store.jobs()), 2)


def jobs_are_counted_by_status(store: JobStore) -> None:
    """Those that joined an execution each by themselves."""
    _expect(dict(store.counts()), dict.fromkeys(JobStatus, 0))
    first, _, third = _submitted(store), _submitted(store), _submitted(store)
    store.cancel(third.job_id, LATER)
    claim = _begun(store, first)
    running = dict(store.counts())
    store.finish(claim, FAILED, LATER)

    none = dict.fromkeys(JobStatus, 0)
    _expect(running, none | {JobStatus.RUNNING: 2, JobStatus.CANCELLED: 1})
    _expect(dict(store.counts()), none | {JobStatus.FAILED: 2, JobStatus.CANCELLED: 1})


def who_cancels_leaves_the_others_waiting(store: JobStore) -> None:
    """The last one to leave cancels the execution, also one that runs: what comes of it is refused."""
    first, second = _submitted(store), _submitted(store)
    claim = _begun(store, first)

    left = store.cancel(first.job_id, LATER)
    _expect((left.status, left.finished_at, left.result), (JobStatus.CANCELLED, LATER, None))
    _expect((store.job(second.job_id).status, store.wanted(first.execution_id)), (JobStatus.RUNNING, True))

    store.cancel(second.job_id, LATER)
    _expect(store.wanted(first.execution_id), False)
    _expect(store.waiting(), ())
    _expect_refusal(StaleToken, lambda: store.finish(claim, DONE, LATER))
    _expect(_submitted(store).joined, False)


def a_job_that_ended_cannot_be_cancelled(store: JobStore) -> None:
    """Nor one that is not there."""
    for job in (_ended(store), _ended(store, FAILED)):
        _expect_refusal(JobFinal, partial(store.cancel, job.job_id, LATER))
        _expect(store.job(job.job_id), job)
    _expect_refusal(UnknownName, lambda: store.cancel("nobody", LATER))


def a_job_that_failed_or_was_cancelled_can_be_retried(store: JobStore) -> None:
    """For a new execution, under its own id."""
    failed, cancelled = _ended(store, FAILED), _submitted(store)
    store.cancel(cancelled.job_id, LATER)

    again = store.retry(failed.job_id, SEEN, LATER)
    along = store.retry(cancelled.job_id, SEEN, LATER)

    _expect((again.job_id, again.status, again.failure, again.attempts), (failed.job_id, JobStatus.QUEUED, None, 0))
    _expect((along.execution_id, along.joined, along.status), (again.execution_id, True, JobStatus.QUEUED))
    _expect(again.execution_id == failed.execution_id, False)


def a_job_that_waits_or_succeeded_cannot_be_retried(store: JobStore) -> None:
    """Nor one that is not there."""
    for job in (_ended(store), _submitted(store, replace(USERS, again=True))):
        _expect_refusal(JobFinal, partial(store.retry, job.job_id, SEEN, LATER))
    _expect_refusal(UnknownName, lambda: store.retry("nobody", SEEN, LATER))


def whoever_begins_later_fences_whoever_began_before(store: JobStore) -> None:
    """Of two attempts, the newest commits, and once."""
    job = _submitted(store)
    slow, quick = _claimed(store, job), _claimed(store, job)
    _expect((slow.attempt, quick.attempt, quick.request), (1, 2, USERS))

    _expect_refusal(StaleToken, lambda: store.begun(slow, SEEN, LATER))
    _expect_refusal(StaleToken, lambda: store.finish(slow, FAILED, LATER))
    store.finish(quick, DONE, LATER)
    for claim in (slow, quick):
        _expect_refusal(StaleToken, partial(store.finish, claim, FAILED, LATER))

    _expect((store.job(job.job_id).result, store.job(job.job_id).attempts), (DONE, 2))


def what_is_begun_too_often_is_set_aside(store: JobStore) -> None:
    """And fails with what is known of it."""
    job = _submitted(store)
    for _ in range(MAX_ATTEMPTS):
        _claimed(store, job)
    _expect(store.job(job.job_id).status, JobStatus.RUNNING)

    _expect(store.claim(job.execution_id, "worker", LATER), None)

    after = store.job(job.job_id)
    code = None if after.failure is None else after.failure.code
    _expect((after.status, code, after.attempts), (JobStatus.FAILED, "LG704", MAX_ATTEMPTS))
    _expect(store.waiting(), ())


def what_has_ended_is_not_claimed(store: JobStore) -> None:
    """Nor what is not there."""
    job = _ended(store)

    _expect(store.claim(job.execution_id, "worker", LATER), None)
    _expect(store.claim("nobody", "worker", LATER), None)
    _expect(store.job(job.job_id), job)


def the_newest_jobs_come_first(store: JobStore) -> None:
    """Of an entity, of a status, behind a job, and no more than were asked for."""
    jobs = [_submitted(store, replace(USERS, entity=name)) for name in ("users", "applications", "users")]
    _claimed(store, jobs[1])
    ids = [job.job_id for job in jobs]

    def listed(found: Sequence[Job]) -> list[int]:
        return [ids.index(job.job_id) for job in found]

    _expect(listed(store.jobs()), [2, 1, 0])
    _expect(listed(store.jobs(limit=2)), [2, 1])
    _expect(listed(store.jobs(before=ids[2])), [1, 0])
    _expect(listed(store.jobs(entity="users")), [2, 0])
    _expect(listed(store.jobs(status=JobStatus.RUNNING)), [1])
    _expect(listed(store.jobs(entity="users", status=JobStatus.QUEUED, before=ids[2])), [0])


def many_jobs_are_looked_at_at_once(store: JobStore) -> None:
    """Those that are not there are left out."""
    ended, waiting = _ended(store), _submitted(store, replace(USERS, entity="applications"))
    ids = [ended.job_id, "nobody", waiting.job_id]

    _expect(store.statuses(ids), {ended.job_id: JobStatus.SUCCESS, waiting.job_id: JobStatus.QUEUED})
    _expect(store.read(ids), {ended.job_id: ended, waiting.job_id: waiting})
    _expect_refusal(UnknownName, lambda: store.job("nobody"))


def old_jobs_are_forgotten(store: JobStore) -> None:
    """What ended before; never what waits, nor an execution that a newer job has joined."""
    joined, alone = _ended(store), _submitted(store, replace(USERS, entity="applications"))
    store.cancel(alone.job_id, LATER)
    waiting = _submitted(store, replace(USERS, entity="teams"))
    then = LATER + timedelta(days=30)
    (newer,) = store.submit([Submission(USERS, "me", SEEN)], then)

    _expect(store.forget(LATER), 0)
    _expect(store.forget(LATER + timedelta(microseconds=1)), 2)

    kept = {job.job_id: job for job in store.jobs()}
    _expect(isinstance(newer, Job) and set(kept) == {newer.job_id, waiting.job_id}, True)
    _expect(isinstance(newer, Job) and kept[newer.job_id].execution_id, joined.execution_id)
    _expect(store.forget(then + timedelta(days=1)), 1)
    _expect(store.jobs(), (waiting,))


STORE_CHECKS: tuple[Callable[[JobStore], None], ...] = (
    a_job_tells_all_that_was_asked_for,
    what_is_queued_is_joined,
    another_program_is_not_joined,
    what_is_running_is_joined_on_equal_inputs_alone,
    who_joins_before_inputs_are_known_is_settled_once_they_are,
    what_succeeded_is_joined_on_equal_inputs_alone,
    a_success_by_the_fallback_is_never_joined,
    a_success_is_not_joined_behind_a_failure,
    who_wants_it_again_joins_nothing_that_has_begun,
    results_and_failures_come_back_as_they_were_stored,
    a_key_stands_for_one_job,
    a_key_with_another_body_is_refused_alone,
    a_key_is_free_again_after_a_day,
    a_key_can_be_held_without_a_job,
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
