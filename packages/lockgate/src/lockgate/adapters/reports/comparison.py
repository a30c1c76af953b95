"""The report of one comparison: what was compared, what the verdict is, and what differs, for people who decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from lockgate.adapters.reports.charts import BarChart, bar_chart
from lockgate.adapters.reports.page import rendered
from lockgate.core.comparison import HIDDEN, ColumnDifference, Comparison, Group, RowCounts, Sample, Status, Verdict
from lockgate.core.legible import cut, cut_alike, legible, shown
from lockgate.core.touches import KINDS_TOLD, Touches, told_by, told_unresolved

LONGEST_NAME = 80
LONGEST_VALUE = 120
MOST_COLUMNS = 40
MOST_GROUPS = 100
MOST_TOUCHED = 200
MOST_UNRESOLVED = 50
BAR_WIDTH = 640
THINNEST = 4.0
WORDS = {
    Verdict.PASS: "The two sides are equal.",
    Verdict.FAIL: "The two sides differ.",
    Verdict.INCONCLUSIVE: "Nothing is proven.",
}
EXPLAINED = "Every difference between the two sides was agreed on."


@dataclass(frozen=True, slots=True)
class Part:
    """A part of all rows in the picture of them: where it begins and how wide it is, in pixels."""

    name: str
    rows: int
    x: float
    width: float


def render_comparison(found: Comparison, made_at: datetime) -> str:
    """The comparison as one HTML page. It holds keys, names, counts and causes; values only where they are shown."""
    differing = differing_columns(found)
    worst = sorted(found.groups, key=lambda group: -group.rows.differing)
    return rendered(
        "comparison.html.jinja",
        found=found,
        made_at=made_at,
        headline=headline(found),
        parts=parts_of(found.rows),
        columns=differing[:MOST_COLUMNS],
        columns_left_out=max(0, len(differing) - MOST_COLUMNS),
        chart=column_chart(differing[:MOST_COLUMNS]),
        groups=[(_names(group), group.rows) for group in worst[:MOST_GROUPS]],
        groups_left_out=max(0, len(worst) - MOST_GROUPS),
        touched=touched_of(found.touches),
        samples=sample_blocks(found),
        are_hidden=any(HIDDEN in (sample.left, sample.right) for sample in found.samples if sample.column),
        editions=[(side, each) for side, kept in zip(("left", "right"), found.editions, strict=True) for each in kept],
    )


def headline(found: Comparison) -> str:
    """The verdict in words."""
    if found.verdict is Verdict.PASS and found.rows.differing:
        return EXPLAINED
    return WORDS[found.verdict]


def parts_of(rows: RowCounts) -> tuple[Part, ...]:
    """All rows of both sides, a matched or changed pair once, as parts of one bar; none is too thin to be seen."""
    counts = {name: getattr(rows, name) for name in ("matched", *(status.value for status in Status))}
    there = {name: many for name, many in counts.items() if many}
    every = sum(there.values())
    widths = {name: max(THINNEST, BAR_WIDTH * many / every) for name, many in there.items()}
    scale = BAR_WIDTH / (sum(widths.values()) or 1)
    parts, x = [], 0.0
    for name in ("matched", "changed", "missing", "extra"):
        width = widths.get(name, 0.0) * scale
        parts.append(Part(name, counts[name], x, width))
        x += width
    return tuple(parts)


def differing_columns(found: Comparison) -> list[ColumnDifference]:
    """The columns with changed values, those with most of them first."""
    return sorted((one for one in found.columns if one.changed), key=lambda one: -one.changed)


def column_chart(columns: Sequence[ColumnDifference]) -> BarChart:
    """A bar for each column, as long as it has changed values."""
    values: dict[str | None, int] = {legible(one.name): one.changed for one in columns}
    return bar_chart("Changed values by column", list(values), {"changed values": values})


def sample_blocks(found: Comparison) -> list[tuple[str, list[tuple[str, ...]]]]:
    """The samples under titles: of each column, and of rows of one side alone; a row is its key and two values."""
    return [(_title(block[0]), [_row(each) for each in block]) for block in _blocks(found.samples)]


@dataclass(frozen=True, slots=True)
class TouchedRows:
    """What a comparison touches, laid out: `rows` of kind, name, entity and by what; and what is not known of it."""

    rows: tuple[tuple[str, str, str, str], ...] = ()
    left_out: int = 0
    unresolved: tuple[str, ...] = ()
    unresolved_left_out: int = 0
    unknown: str = ""


def touched_of(found: Touches | None) -> TouchedRows | None:
    """What a comparison touches, as pages show it; None where there is nothing to be told."""
    if found is None:
        return None
    shown, told = found.reached[:MOST_TOUCHED], [told_unresolved(one) for one in found.unresolved]
    return TouchedRows(
        rows=tuple((KINDS_TOLD[one.kind], one.node, one.entity, told_by(one)) for one in shown),
        left_out=len(found.reached) - len(shown),
        unresolved=tuple(told[:MOST_UNRESOLVED]),
        unresolved_left_out=max(0, len(told) - MOST_UNRESOLVED),
        unknown=found.unknown,
    )


def _names(group: Group) -> list[str]:
    return [cut(shown(value), LONGEST_VALUE) for value in group.values.values()]


def _blocks(samples: Sequence[Sample]) -> list[list[Sample]]:
    """The samples of one column, or of missing or extra rows, together."""
    return [list(block) for _, block in groupby(samples, key=lambda sample: (sample.status, sample.column))]


def _title(sample: Sample) -> str:
    if sample.column is None:
        return "Rows only on the left" if sample.status is Status.MISSING else "Rows only on the right"
    return f"Changed values of {cut(legible(sample.column), LONGEST_NAME)}"


def _row(sample: Sample) -> tuple[str, ...]:
    """The key, and the two values of a changed row."""
    key = ", ".join(f"{legible(name)} = {cut(shown(value), LONGEST_VALUE)}" for name, value in sample.key.items())
    if sample.column is None:
        return (key,)
    return (key, *cut_alike(shown(sample.left, HIDDEN), shown(sample.right, HIDDEN), LONGEST_VALUE))
