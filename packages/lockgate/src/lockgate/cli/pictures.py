"""Small charts for the terminal, where people would rather look than read."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from lockgate.cli.output import standard_output
from lockgate.core.run import Breakdown

BAR_CELLS = 32
COLOURS = ("cyan", "yellow", "magenta", "green")
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def bar(value: int, largest: int) -> str:
    """A bar of at most 32 cells, to an eighth of a cell."""
    eighths = round(BAR_CELLS * 8 * value / largest) if largest else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8]


def print_breakdown(breakdown: Breakdown) -> None:
    """A breakdown as a table: numbers and one bar an implementation, in its colour."""
    names = tuple(breakdown.counts)
    largest = max((rows for counts in breakdown.counts.values() for rows in counts.values()), default=0)
    table = Table(title=f"{breakdown.entity} by {breakdown.column}", title_justify="left", title_style="bold")
    table.add_column(breakdown.column)
    for name, colour in zip(names, _cycle(names), strict=True):
        table.add_column(name, justify="right", header_style=f"bold {colour}")
    table.add_column("", no_wrap=True)
    for value in breakdown.values:
        rows = [breakdown.counts[name].get(value, 0) for name in names]
        bars = Text("\n").join(
            Text(bar(count, largest), colour) for count, colour in zip(rows, _cycle(names), strict=True)
        )
        table.add_row("–" if value is None else Text(value), *(f"{count:,}" for count in rows), bars)
    standard_output().print(table)


def _cycle(names: tuple[str, ...]) -> tuple[str, ...]:
    """A colour a name, again from the start where there are more names than colours."""
    return tuple(COLOURS[place % len(COLOURS)] for place in range(len(names)))
