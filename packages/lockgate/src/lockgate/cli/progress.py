"""Progress on standard error while a flow runs: a live line on a terminal, a plain line a step elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.adapters.secrets.redaction import redacted
from lockgate.cli.output import standard_error
from lockgate.flow import Step, StepResult, StepStatus

if TYPE_CHECKING:
    from rich.status import Status

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

    def waiting(self, told: str) -> None:
        """Tells whom the flow waits for."""
        self._console.print(redacted(told), markup=False, soft_wrap=True)

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
    told = {name: value for name, value in result.facts.items() if isinstance(value, int) and value is not False}
    said = ", ".join(_said(name, value) for name, value in told.items())
    return f"[dim]{said + ' · ' if said else ''}{result.seconds:.2f} s[/]"


def _said(name: str, value: int) -> str:
    """One fact: what holds by its name alone, a whole number with its thousands apart."""
    return name if value is True else f"{name} {value:,}"
