"""A comparison for people who read terminals: the verdict first, then what differs, where, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from lockgate.cli.output import print_table, standard_output
from lockgate.cli.pictures import bar
from lockgate.core.comparison import HIDDEN, Comparison, Group, RowCounts, Sample, Verdict
from lockgate.core.legible import cut, cut_alike, legible, shown
from lockgate.core.touches import KINDS_TOLD, Touches, told_by, told_unresolved

SHOWN_COLUMNS = 30
SHOWN_GROUPS = 20
SHOWN_TOUCHED = 30
SHOWN_UNRESOLVED = 5
LONGEST_NAME = 60
_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INCONCLUSIVE: "yellow"}
_COUNTS = ("left", "right", "matched", "missing", "extra", "changed")


def print_comparison(found: Comparison, *, most_samples: int) -> None:
    """The whole comparison on standard output, with so many samples of each column at most."""
    console = standard_output()
    console.print(_headline(found), soft_wrap=True)
    for reason in found.reasons:
        console.print(Text(f"  {legible(reason)}"), soft_wrap=True)
    print_table("Rows", _COUNTS, [_counts(found.rows)])
    _print_columns(found)
    _print_samples(found.samples, most_samples)
    _print_lines("What the differences have in common", (cause.sentence for cause in found.causes))
    _print_groups(found.groups)
    if found.touches:
        _print_touches(found.touches)
    _print_lines("", _facts(found))


def _headline(found: Comparison) -> Text:
    left, right = (cut(legible(name), 120) for name in (found.left, found.right))
    return Text.assemble((found.verdict.value, f"bold {_COLOURS[found.verdict]}"), f"  {left} ↔ {right}")


def _counts(rows: RowCounts) -> tuple[int, ...]:
    return rows.left, rows.right, rows.matched, rows.missing, rows.extra, rows.changed


def _print_columns(found: Comparison) -> None:
    """The columns that differ, those with most changed values first."""
    differing = sorted((one for one in found.columns if one.changed), key=lambda one: -one.changed)
    if not differing:
        return
    table = Table(title="Columns with changed values", title_justify="left", title_style="bold")
    table.add_column("column", overflow="fold")
    for heading in ("changed", "largest difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in differing[:SHOWN_COLUMNS]:
        noise = " (differs by itself)" if one.is_noisy else ""
        largest = "–" if one.largest is None else f"{one.largest:g}"
        name = Text(cut(legible(one.name), LONGEST_NAME) + noise)
        table.add_row(name, f"{one.changed:,}", largest, Text(bar(one.changed, differing[0].changed), "yellow"))
    standard_output().print(table)
    _print_rest(len(differing) - SHOWN_COLUMNS, "columns")


def _print_samples(samples: Sequence[Sample], most: int) -> None:
    """The first differences of each column and of missing and extra rows."""
    if not samples or not most:
        return
    rows = [
        (sample.status.value, _key(sample.key), cut(legible(sample.column or ""), LONGEST_NAME), *_values(sample))
        for _, block in groupby(samples, key=lambda sample: (sample.status, sample.column))
        for sample in list(block)[:most]
    ]
    print_table("Samples", ("row", "key", "column", "left", "right"), rows)
    _print_rest(len(samples) - len(rows), "samples; --samples and --json show more")


def _values(sample: Sample) -> tuple[str, str]:
    if sample.column is None:
        return "", ""
    return cut_alike(shown(sample.left, HIDDEN), shown(sample.right, HIDDEN))


def _key(key: Mapping[str, object]) -> str:
    return ", ".join(f"{legible(name)}={cut(shown(value))}" for name, value in key.items())


def _print_groups(groups: Sequence[Group]) -> None:
    """The groups with most rows that differ first."""
    if not groups:
        return
    worst = sorted(groups, key=lambda group: -group.rows.differing)[:SHOWN_GROUPS]
    names = [legible(name) for name in groups[0].values]
    rows = [(*(cut(shown(value)) for value in group.values.values()), *_counts(group.rows)) for group in worst]
    print_table(f"By {', '.join(names)}", (*names, *_COUNTS), rows)
    _print_rest(len(groups) - len(worst), "groups")


def _print_touches(found: Touches) -> None:
    """What the unexplained differences touch, those that people look at first."""
    if found.unknown:
        _print_lines("What the differences touch", [f"not known: {found.unknown}"])
        return
    if not found.reached:
        _print_lines("What the differences touch", ["nothing that is known of reads what differs"])
    else:
        rows = [(KINDS_TOLD[one.kind], legible(one.node), legible(told_by(one))) for one in found.reached]
        print_table("What the differences touch", ("what", "name", "by"), rows[:SHOWN_TOUCHED])
        _print_rest(len(rows) - SHOWN_TOUCHED, "; --report and --json name them")
    lines = [told_unresolved(one) for one in found.unresolved]
    _print_lines("Not known to the end, so that there may be more", lines[:SHOWN_UNRESOLVED])
    _print_rest(len(lines) - SHOWN_UNRESOLVED, "that are not resolved")


def _facts(found: Comparison) -> Iterator[str]:
    """How it was compared, of what, and in how long."""
    for side, editions in zip(("left", "right"), found.editions, strict=True):
        told = ", ".join(f"{each.number} by {each.implementation}" for each in editions)
        if told:
            yield f"{side}: edition {told}"
    moved = f", {found.rows_moved:,} rows moved" if found.rows_moved else ""
    yield f"method {found.method}, because {found.why_method}{moved} · {found.seconds:.2f} s"


def _print_lines(title: str, lines: Iterable[str]) -> None:
    listed = list(lines)
    if listed and title:
        standard_output().print(Text(title, "bold"))
    for line in listed:
        standard_output().print(Text(f"{'  ' if title else ''}{legible(line)}"), soft_wrap=True)


def _print_rest(many: int, what: str) -> None:
    if many > 0:
        standard_output().print(f"… and {many:,} more {what}")
