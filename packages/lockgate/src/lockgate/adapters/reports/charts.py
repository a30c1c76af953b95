"""The geometry of the reports' charts; the templates turn it into SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BAR_HEIGHT = 14
BAR_GAP = 3
GROUP_GAP = 12
LABEL_WIDTH = 150
PLOT_WIDTH = 420
VALUE_WIDTH = 70
WIDTH = LABEL_WIDTH + PLOT_WIDTH + VALUE_WIDTH


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: series number (its colour), place and length in pixels, and the number it stands for."""

    series: int
    name: str
    y: int
    width: float
    value: int


@dataclass(frozen=True, slots=True)
class Group:
    """The bars of one label, one below the other; `middle` is where the label is written."""

    label: str
    middle: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class BarChart:
    """Horizontal bars, grouped by label; one series a colour."""

    title: str
    series: tuple[str, ...]
    groups: tuple[Group, ...]
    height: int
    width: int = WIDTH
    plot_left: int = LABEL_WIDTH
    bar_height: int = BAR_HEIGHT


def bar_chart(title: str, labels: Sequence[str | None], counts: Mapping[str, Mapping[str | None, int]]) -> BarChart:
    """Lays out `counts` (series → label → number, none negative) for the labels, in their order."""
    largest = max((rows for values in counts.values() for rows in values.values()), default=0) or 1
    step = BAR_HEIGHT + BAR_GAP
    group_height = step * len(counts) + GROUP_GAP
    groups = []
    for place, label in enumerate(labels):
        top = place * group_height
        bars = tuple(
            Bar(number, name, top + number * step, PLOT_WIDTH * values.get(label, 0) / largest, values.get(label, 0))
            for number, (name, values) in enumerate(counts.items())
        )
        groups.append(Group("(empty)" if label is None else label, top + (group_height - GROUP_GAP) / 2, bars))
    return BarChart(title, tuple(counts), tuple(groups), max(group_height * len(labels), 1))
