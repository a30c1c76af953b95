"""The suites that every memory of jobs and every queue of executions passes, and what they have been given."""

from __future__ import annotations

from lockgate.testing.jobs.given import DONE, FAILED, FELL_BACK, LATER, NEWER, NOON, SEEN, USERS
from lockgate.testing.jobs.queues import QUEUE_CHECKS, Recorded
from lockgate.testing.jobs.stores import STORE_CHECKS
from lockgate.testing.jobs.threads import ThreadQueue

__all__ = [
    "DONE",
    "FAILED",
    "FELL_BACK",
    "LATER",
    "NEWER",
    "NOON",
    "QUEUE_CHECKS",
    "Recorded",
    "SEEN",
    "STORE_CHECKS",
    "ThreadQueue",
    "USERS",
]
