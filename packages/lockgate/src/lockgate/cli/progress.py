"""Progress on standard error while a flow runs: a live line on a terminal, a plain line a step elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lockgate.adapters.secrets.redaction import redacted
from lockgate.cli.output import standard_error
from lockgate.flow import Step, StepResult, StepStatus

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

SECONDS_BETWEEN = 0.2

_MARKS = {
    StepStatus.SUCCESS: "[green]✓[/]",
    StepStatus.FAILED: "[red]✗[/]",
    StepStatus.SKIPPED: "[yellow]–[/]",
}


class Progress:
    """A `StepListener` that tells people what is being done and what was done."""

    def __init__(self) -> None:
        """Write to standard error."""
        self._console = standard_error()
        self._status: Status | None = None

    def started(self, step: Step) -> None:
        """Shows the step that runs now; where nobody watches live, only its end is told."""
        if self._console.is_terminal:
            self._status = self._console.status(step.name)
            self._status.start()

    def finished(self, result: StepResult) -> None:
        """Tells how the step went and what it did."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        self._console.print(f"{_MARKS[result.status]} {result.step} {_story(result)}", soft_wrap=True)


def _story(result: StepResult) -> str:
    """The rest of a step's line: what was done in how long, why it failed, or what kept it from running."""
    from rich.markup import escape

    if result.error is not None:
        return f"[red]{escape(redacted(result.error.message))}[/] [dim]{result.error.code}[/]"
    if result.because:
        return f"[dim]skipped, because of {escape(', '.join(result.because))}[/]"
    said = ", ".join(f"{name} {_number(value)}" for name, value in result.facts.items() if isinstance(value, int))
    return f"[dim]{said + ' · ' if said else ''}{result.seconds:.2f} s[/]"


def _number(value: int) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,}"


@contextmanager
def reading() -> Iterator[Reading]:
    """Progress of reading rows; the live line is gone at the end."""
    progress = Reading()
    try:
        yield progress
    finally:
        progress.close()


class Reading:
    """See `lockgate.core.ports.Progress`: the step and the rows read, in place on a terminal, else a line a step."""

    def __init__(self) -> None:
        """Write to standard error."""
        self._console: Console = standard_error()
        self._status: Status | None = None
        self._step = ""
        self._shown_at = 0.0

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Shows how far a step has come; on a terminal some five times a second."""
        now, is_new = time.monotonic(), step != self._step
        self._step = step
        if not self._console.is_terminal:
            if is_new:
                self._console.print(_safe(step), soft_wrap=True, markup=False)
        elif is_new or now - self._shown_at >= SECONDS_BETWEEN:
            self._shown_at = now
            self._show(f"{_safe(step)}{_rows(done, total)}")

    def _show(self, line: str) -> None:
        from rich.markup import escape

        if self._status is None:
            self._status = self._console.status(escape(line))
            self._status.start()
        self._status.update(escape(line))

    def close(self) -> None:
        """Takes the live line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None


def _safe(step: str) -> str:
    from lockgate.core.legible import legible

    return legible(redacted(step))


def _rows(done: int, total: int | None) -> str:
    if not done:
        return ""
    return f" · {_number(done)} of {_number(total)} rows" if total else f" · {_number(done)} rows"
