"""Progress on standard error while rows are read: the step, and how many rows of how many."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lockgate.adapters.secrets.redaction import redacted
from lockgate.cli.output import standard_error
from lockgate.core.legible import legible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

SECONDS_BETWEEN = 0.2


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
    return legible(redacted(step))


def _rows(done: int, total: int | None) -> str:
    if not done:
        return ""
    return f" · {done:,} of {total:,} rows" if total else f" · {done:,} rows"
