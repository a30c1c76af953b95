"""The geometry of the console's pictures: a route, and the cycles of an entity; the templates turn it into SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockgate.core.bucket import BUCKETS
from lockgate.core.comparison import Verdict
from lockgate.core.legible import cut, legible, percent
from lockgate.core.record import ComparisonHead, ExecutionHead, RecordStatus
from lockgate.core.route import Route, Stage

LONGEST_NAME = 14
MOST_CYCLES = 20
CYCLE_WIDTH = 34
PLOT_HEIGHT = 96
LEFT = 46
BAR_WIDTH = 11
LEAST_HEIGHT = 2.0
_THICKEST = 7


@dataclass(frozen=True, slots=True)
class RoutePicture:
    """Both sides of a route, and how much of what consumers read each answers; widths of lines in pixels.

    `is_built` tells that the candidate is built and compared though consumers read none of it.
    """

    incumbent: str
    candidate: str
    told: str
    incumbent_share: str
    candidate_share: str
    incumbent_line: float
    candidate_line: float
    is_built: bool


def route_picture(route: Route) -> RoutePicture:
    """The picture of a route, and what it says in a sentence."""
    ours = BUCKETS - route.share
    candidate = route.candidate or ""
    told = f"{route.incumbent} answers {percent(ours)} of the keys"
    if candidate and route.share:
        told += f", {candidate} {percent(route.share)}"
    is_built = bool(candidate) and not route.share and route.stage is Stage.SHADOW
    told += f"; {candidate} is built and compared in the shadow" if is_built else ""
    return RoutePicture(
        incumbent=cut(legible(route.incumbent), LONGEST_NAME),
        candidate=cut(legible(candidate), LONGEST_NAME),
        told=told,
        incumbent_share=percent(ours),
        candidate_share=percent(route.share),
        incumbent_line=_line(ours),
        candidate_line=_line(route.share),
        is_built=is_built,
    )


def _line(share: int) -> float:
    return max(1.5, _THICKEST * share / BUCKETS) if share else 0.0


@dataclass(frozen=True, slots=True)
class CycleBar:
    """One side of a cycle: which one, where its bar stands, how high it is, and what it stands for."""

    side: int
    name: str
    x: float
    y: float
    height: float
    told: str
    is_failed: bool


@dataclass(frozen=True, slots=True)
class Cycle:
    """One turn of an entity's sides, the oldest on the left; `comparison` is what came of holding them together."""

    number: int
    run_id: int
    x: float
    sides: tuple[ExecutionHead, ...]
    bars: tuple[CycleBar, ...]
    comparison: ComparisonHead | None

    @property
    def mark(self) -> str:
        """The verdict as one sign."""
        if self.comparison is None:
            return "·"
        return {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.INCONCLUSIVE: "?"}[self.comparison.verdict]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The cycles of an entity, side by side. `ticks` are heights with the seconds that they stand for."""

    names: tuple[str, ...]
    cycles: tuple[Cycle, ...]
    ticks: tuple[tuple[float, float], ...]
    width: int
    height: int
    bottom: int = PLOT_HEIGHT + 10
    left: int = LEFT
    bar_width: int = BAR_WIDTH


def timeline(executions: Sequence[ExecutionHead], comparisons: Sequence[ComparisonHead], route: Route) -> Timeline:
    """The newest cycles of an entity; both sequences have the newest first."""
    by_cycle: dict[int, list[ExecutionHead]] = {}
    for one in executions:
        by_cycle.setdefault(one.cycle_id, []).append(one)
    turned = list(by_cycle.values())[:MOST_CYCLES][::-1]
    names = _names(turned, route)
    longest = max((one.seconds for several in turned for one in several), default=0.0) or 1.0
    verdicts = _verdicts(turned, comparisons)
    cycles = tuple(_cycle(place, several, names, longest, verdicts) for place, several in enumerate(turned))
    ticks = tuple((_top(longest * part, longest), longest * part) for part in (0.0, 0.5, 1.0))
    return Timeline(tuple(names), cycles, ticks, LEFT + CYCLE_WIDTH * max(len(cycles), 1) + 8, PLOT_HEIGHT + 48)


def _names(turned: Sequence[Sequence[ExecutionHead]], route: Route) -> Mapping[str, int]:
    """A colour for each implementation: the sides of the route first."""
    built = {one.implementation for several in turned for one in several}
    first = [name for name in (route.incumbent, route.candidate) if name in built]
    return {str(name): place for place, name in enumerate(dict.fromkeys([*first, *sorted(built)]))}


def _verdicts(
    turned: Sequence[Sequence[ExecutionHead]], comparisons: Sequence[ComparisonHead]
) -> Mapping[int, ComparisonHead]:
    """The first comparison after each cycle began, and before the next one did: one cycle turns at a time."""
    began = sorted({(several[0].began_at, several[0].cycle_id) for several in turned}, reverse=True)
    found: dict[int, ComparisonHead] = {}
    for one in comparisons:
        cycle = next((number for at, number in began if at <= one.compared_at), None)
        if cycle is not None:
            found[cycle] = one
    return found


def _cycle(
    place: int,
    several: Sequence[ExecutionHead],
    names: Mapping[str, int],
    longest: float,
    verdicts: Mapping[int, ComparisonHead],
) -> Cycle:
    x = LEFT + place * CYCLE_WIDTH
    sides = sorted(several, key=lambda one: names[one.implementation])
    bars = tuple(_bar(x + 5 + number * (BAR_WIDTH + 2), one, names, longest) for number, one in enumerate(sides))
    first = several[0]
    return Cycle(first.cycle_id, first.run_id, x, tuple(sides), bars, verdicts.get(first.cycle_id))


def _bar(x: float, one: ExecutionHead, names: Mapping[str, int], longest: float) -> CycleBar:
    top = min(_top(one.seconds, longest), PLOT_HEIGHT + 10 - LEAST_HEIGHT)
    is_failed = one.status is not RecordStatus.SUCCESS
    came = "failed" if is_failed else f"{one.rows:,} rows"
    told = f"cycle {one.cycle_id}, {one.implementation}: {one.seconds:.2f} s, {came}"
    return CycleBar(names[one.implementation], one.implementation, x, top, PLOT_HEIGHT + 10 - top, told, is_failed)


def _top(seconds: float, longest: float) -> float:
    """Where a bar of so many seconds ends, from above."""
    return 10 + PLOT_HEIGHT * (1 - seconds / longest)
