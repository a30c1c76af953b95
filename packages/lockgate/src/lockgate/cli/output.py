"""What commands print: one JSON document or tables on standard output; everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lockgate.core.types import ColumnType
from lockgate.errors import LockgateError

if TYPE_CHECKING:
    from rich.console import Console


PIPED_WIDTH = 140
SHORT_CELL = 28


def to_plain(value: object) -> object:
    """A result as JSON knows it: dataclasses become objects, instants ISO 8601, durations seconds, decimals text."""
    if isinstance(value, LockgateError):
        return problem(value)
    if isinstance(value, ColumnType | Path | Decimal):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value) if field.repr}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    return value


def problem(error: LockgateError) -> dict[str, object]:
    """An error as a program reads it."""
    return {
        "code": error.code,
        "error": type(error).__name__,
        "message": error.message,
        "hint": error.remedy,
        "fields": to_plain(error.fields),
    }


def print_json(value: object) -> None:
    """The one JSON document of a `--json` call."""
    print(json.dumps(to_plain(value), ensure_ascii=False, indent=2))


def print_text(text: str) -> None:
    """Text for standard output, as it is."""
    print(text)


def standard_output() -> Console:
    """Where people read results."""
    from rich.console import Console

    return Console(highlight=False, width=_width(sys.stdout))


def standard_error() -> Console:
    """Where people read progress and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, width=_width(sys.stderr))


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
    """What went wrong and what to do, on standard error."""
    from rich.markup import escape

    console = standard_error()
    console.print(f"[bold red]error[/] [dim]{error.code}[/] {escape(error.message)}", soft_wrap=True)
    if error.remedy:
        console.print(f"[bold]→[/] {escape(error.remedy)}", soft_wrap=True)
