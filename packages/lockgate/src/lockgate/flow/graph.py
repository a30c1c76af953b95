"""Graphs of steps and the embedded runtime that walks them: in order of need, and past what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from time import perf_counter
from typing import Protocol

from lockgate.errors import LockgateError, UnknownName

Facts = Mapping[str, object]


class StepStatus(StrEnum):
    """How a step ended."""

    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of work: what it is called, which steps it needs, and the action, which returns facts to record.

    It comes `after` steps that it does not need, too. `held_by` is asked when its turn has come, and names the steps
    that keep it from running all the same.
    """

    name: str
    action: Callable[[], Facts]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    held_by: Callable[[], tuple[str, ...]] = tuple


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step went; `error` is set where it failed, `because` names the needed steps that kept it from running."""

    step: str
    status: StepStatus
    seconds: float = 0.0
    facts: Facts = field(default_factory=dict)
    error: LockgateError | None = None
    because: tuple[str, ...] = ()


class StepListener(Protocol):
    """Watches a flow: to show progress, or to write it down."""

    def waiting(self, told: str) -> None:
        """The flow cannot begin yet, because of others; `told` says of whom."""

    def started(self, step: Step) -> None:
        """A step is about to run."""

    def finished(self, result: StepResult) -> None:
        """A step has ended or was skipped."""


class Unwatched:
    """A `StepListener` for a flow that nobody watches."""

    def waiting(self, told: str) -> None:
        """Lets it wait."""

    def started(self, step: Step) -> None:
        """Lets it run."""

    def finished(self, result: StepResult) -> None:
        """Leaves it at that."""


def in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps so that each comes after what it needs; otherwise as they were given.

    Raises:
        UnknownName: a step needs one that is not there, or steps need each other in a circle.
    """
    by_name = {step.name: step for step in steps}
    missing = sorted({need for step in steps for need in (*step.needs, *step.after)} - set(by_name))
    if missing:
        raise UnknownName(f"steps need {', '.join(missing)}, which the flow does not have", names=tuple(missing))
    try:
        before = {step.name: (*step.needs, *step.after) for step in steps}
        order = tuple(TopologicalSorter(before).static_order())
    except CycleError as error:
        raise UnknownName(f"steps need each other in a circle: {' → '.join(error.args[1])}") from error
    return tuple(by_name[name] for name in order)


def execute(steps: Sequence[Step], listener: StepListener) -> tuple[StepResult, ...]:
    """Runs every step whose needs succeeded; what needs or is held by a failed step is skipped, the rest goes on.

    Only errors of `LockgateError`'s tree are a step's result; anything else is a defect and is raised.
    """
    results: dict[str, StepResult] = {}
    for step in in_order(steps):
        result = _outcome(step, results, listener)
        results[step.name] = result
        listener.finished(result)
    return tuple(results.values())


def _outcome(step: Step, results: Mapping[str, StepResult], listener: StepListener) -> StepResult:
    """Runs one step, or says why not."""
    in_the_way = tuple(need for need in step.needs if results[need].status is not StepStatus.SUCCESS)
    in_the_way = in_the_way or step.held_by()
    if in_the_way:
        return StepResult(step.name, StepStatus.SKIPPED, because=in_the_way)
    listener.started(step)
    began = perf_counter()
    try:
        facts = step.action()
    except LockgateError as error:
        return StepResult(step.name, StepStatus.FAILED, perf_counter() - began, error=error)
    return StepResult(step.name, StepStatus.SUCCESS, perf_counter() - began, facts)


def failures(results: Sequence[StepResult]) -> Iterator[LockgateError]:
    """The errors of the steps that failed, in order."""
    return (result.error for result in results if result.error is not None)
