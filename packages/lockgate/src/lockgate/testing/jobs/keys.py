"""What every memory of jobs does with idempotency keys; each check is called with an empty one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from lockgate.core.job import IdempotencyKey, Job, Submission
from lockgate.core.ports import JobStore
from lockgate.errors import KeyReused
from lockgate.testing.jobs.given import LATER, NEWER, NOON, SEEN, USERS, expect


def a_key_stands_for_one_job(store: JobStore) -> None:
    """Within a transaction and after it; for other callers and keys it is nothing."""
    key = IdempotencyKey("me /jobs", "k-1", "digest")
    asked = [Submission(USERS, "me", SEEN, each) for each in (key, key, replace(key, scope="you"), None)]

    jobs = store.submit(asked, NOON)
    (again,) = store.submit([replace(asked[0], inputs=NEWER)], LATER)

    expect(jobs[0], jobs[1])
    expect(again, jobs[0])
    expect(len({job.job_id for job in jobs if isinstance(job, Job)}), 3)


def a_key_with_another_body_is_refused_alone(store: JobStore) -> None:
    """Nothing is stored for it; what was submitted along with it is."""
    key = IdempotencyKey("me", "k-1", "digest")
    store.submit([Submission(USERS, "me", SEEN, key)], NOON)

    refused, other = store.submit(
        [Submission(USERS, "me", SEEN, replace(key, digest="other")), Submission(USERS, "me", SEEN)], LATER
    )

    expect(type(refused), KeyReused)
    expect(isinstance(other, Job), True)
    expect(len(store.jobs()), 2)


def a_key_is_free_again_after_a_day(store: JobStore) -> None:
    """And not before."""
    key = IdempotencyKey("me", "k-1", "digest")
    (first,) = store.submit([Submission(USERS, "me", SEEN, key)], NOON)
    day = timedelta(hours=24)

    (before,) = store.submit([Submission(USERS, "me", SEEN, key)], NOON + day - timedelta(microseconds=1))
    (after,) = store.submit([Submission(USERS, "me", SEEN, replace(key, digest="other"))], NOON + day)

    expect(before, first)
    expect(isinstance(after, Job) and after != first, True)


def a_key_can_be_held_without_a_job(store: JobStore) -> None:
    """It is held for its body, against jobs too; a job's key is held already; both for a day."""
    key, other = IdempotencyKey("me", "k-1", "digest"), IdempotencyKey("me", "k-2", "digest")
    store.submit([Submission(USERS, "me", SEEN, other)], NOON)

    held = store.hold_keys([key, key, replace(key, digest="other"), other, replace(other, digest="other")], NOON)
    (again,) = store.hold_keys([key], LATER)
    (refused,) = store.submit([Submission(USERS, "me", SEEN, replace(key, digest="other"))], LATER)
    (after,) = store.submit([Submission(USERS, "me", SEEN, replace(key, digest="other"))], NOON + timedelta(hours=24))

    expect([type(each) for each in held], [type(None), type(None), KeyReused, type(None), KeyReused])
    expect((again, type(refused), type(after)), (None, KeyReused, Job))
    expect(len(store.jobs()), 2)


KEY_CHECKS: tuple[Callable[[JobStore], None], ...] = (
    a_key_stands_for_one_job,
    a_key_with_another_body_is_refused_alone,
    a_key_is_free_again_after_a_day,
    a_key_can_be_held_without_a_job,
)
