"""What commands print: one JSON document or tables on standard output; everything else on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from lockgate.adapters.secrets.redaction import redacted
from lockgate.core.plain import json_text
from lockgate.errors import LockgateError

if TYPE_CHECKING:
    from rich.console import Console


PIPED_WIDTH = 140
SHORT_CELL = 28


def print_json(value: object) -> None:
    """The one JSON document of a `--json` call."""
    print(json_text(value, redacted, indent=2))


def print_text(text: str) -> None:
    """Text for standard output, as it is."""
    print(text)


def standard_output() -> Console:
    """Where people read results."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, width=_width(sys.stdout))


def standard_error() -> Console:
    """Where people read progress and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False, width=_width(sys.stderr))


def _width(stream: TextIO) -> int | None:
    """How wide lines may be: as a terminal says; wide where a file or a pipe is written."""
    return None if stream.isatty() else PIPED_WIDTH


def print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people; numbers stand right, long cells fold instead of being cut."""
    from rich.table import Table

    listed = [list(row) for row in rows]
    cells = [[_cell(value) for value in row] for row in listed]
    table = Table(title=title or None, title_justify="left", title_style="bold")
    for position, heading in enumerate(headings):
        numeric = bool(listed) and all(isinstance(row[position], int | float | None) for row in listed)
        is_short = all(len(row[position]) <= SHORT_CELL for row in cells)
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold", no_wrap=is_short)
    for row in cells:
        table.add_row(*row)
    standard_output().print(table)


def _cell(value: object) -> str:
    """One value as people read it: thousands apart, seconds to a hundredth, nothing as a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    from rich.markup import escape

    return escape(str(value))


def print_error(error: LockgateError) -> None:
    """What went wrong and what to do, on standard error and without secrets."""
    from rich.markup import escape

    console = standard_error()
    console.print(f"[bold red]error[/] [dim]{error.code}[/] {escape(redacted(error.message))}", soft_wrap=True)
    if error.remedy:
        console.print(f"[bold]→[/] {escape(redacted(error.remedy))}", soft_wrap=True)
