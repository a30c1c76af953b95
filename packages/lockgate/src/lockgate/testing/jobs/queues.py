"""What every queue of executions does: a check is called with a fresh one, and raises AssertionError where not."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock
from time import monotonic, sleep

from lockgate.core.ports import JobQueue
from lockgate.testing.jobs.given import expect


class Recorded:
    """Work that remembers what it was called for; `act` is called with how often it was before, for that one."""

    def __init__(self, act: Callable[[int], None] = lambda before: None) -> None:  # noqa: ARG005
        """Remember nothing yet."""
        self.calls: list[str] = []
        self._act = act
        self._changed = Lock()

    def __call__(self, execution_id: str) -> None:
        """Works on an execution."""
        with self._changed:
            before = self.calls.count(execution_id)
            self.calls.append(execution_id)
        self._act(before)

    def wait(self, count: int, *, seconds: float = 20.0) -> None:
        """Waits until it was called so often."""
        deadline = monotonic() + seconds
        while len(self.calls) < count and monotonic() < deadline:
            sleep(0.005)


def what_is_handed_over_is_worked_on_once(queue: JobQueue) -> None:
    """In its order, however often it is handed over."""
    work = Recorded()
    queue.launch(work)

    queue.enqueue(["a", "b"])
    queue.enqueue(["b", "a", "c"])
    work.wait(3)
    queue.enqueue(["a", "b", "c", "d"])
    work.wait(4)

    queue.close(patience_seconds=5)
    expect(work.calls, ["a", "b", "c", "d"])


def work_that_failed_is_tried_again(queue: JobQueue) -> None:
    """And others are not lost behind it."""

    def fail_at_first(before: int) -> None:
        if before == 0:
            raise ValueError("the first try")

    work = Recorded(fail_at_first)
    queue.launch(work)

    queue.enqueue(["a", "b"])
    work.wait(4)

    queue.close(patience_seconds=5)
    expect(sorted(work.calls), ["a", "a", "b", "b"])


def closing_waits_for_what_is_under_way(queue: JobQueue) -> None:
    """And leaves what has not begun to whoever comes next."""
    begun, may_end, ended = Event(), Event(), Event()

    def wait(_before: int) -> None:
        begun.set()
        may_end.wait(10)
        sleep(0.3)
        ended.set()

    first, second = Recorded(wait), Recorded()
    queue.launch(first)
    queue.enqueue(["a"])
    begun.wait(20)
    queue.enqueue(["b"])
    may_end.set()

    queue.close(patience_seconds=10)
    expect(ended.is_set(), True)
    queue.launch(second)
    second.wait(1)
    queue.close(patience_seconds=5)

    expect((first.calls, second.calls), (["a"], ["b"]))


def what_was_not_done_in_time_is_left_to_others(queue: JobQueue) -> None:
    """Who closes does not wait for longer than it was told to."""
    begun, may_end = Event(), Event()

    def hang(before: int) -> None:
        if before == 0:
            begun.set()
            may_end.wait(30)
            raise ValueError("the service stops")

    work = Recorded(hang)
    queue.launch(work)
    queue.enqueue(["a"])
    begun.wait(20)

    queue.close(patience_seconds=1)
    may_end.set()
    queue.launch(work)
    work.wait(2)
    queue.close(patience_seconds=5)

    expect(work.calls, ["a", "a"])


def closing_what_was_never_launched_does_nothing(queue: JobQueue) -> None:
    """Nor does closing twice."""
    queue.close(patience_seconds=5)
    queue.launch(Recorded())
    queue.close(patience_seconds=5)
    queue.close(patience_seconds=5)


QUEUE_CHECKS: tuple[Callable[[JobQueue], None], ...] = (
    what_is_handed_over_is_worked_on_once,
    work_that_failed_is_tried_again,
    closing_waits_for_what_is_under_way,
    what_was_not_done_in_time_is_left_to_others,
    closing_what_was_never_launched_does_nothing,
)
