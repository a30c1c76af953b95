"""Graphs of steps: walked within one command, or as declared flows that run durably, by schedule and by hand."""

from lockgate.flow.graph import (
    Facts,
    Step,
    StepListener,
    StepResult,
    StepStatus,
    Unwatched,
    execute,
    failures,
    in_order,
)

__all__ = [
    "Facts",
    "Step",
    "StepListener",
    "StepResult",
    "StepStatus",
    "Unwatched",
    "execute",
    "failures",
    "in_order",
]
