"""The geometry of pictures: how a share is drawn, where a cycle's bars stand, and which verdict belongs to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.comparison import Verdict
from lockgate.core.record import ComparisonHead, ExecutionHead, RecordStatus
from lockgate.core.route import Route, Stage
from lockgate.server.console.charts import CYCLE_WIDTH, LEFT, MOST_CYCLES, PLOT_HEIGHT, route_picture, timeline

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ROUTE = Route("users", "rules", "dbt", Stage.SHADOW, 0, 3)


def built(cycle: int, implementation: str, seconds: float, **more) -> ExecutionHead:
    at = NOON + timedelta(minutes=cycle)
    return replace(ExecutionHead(cycle, cycle + 100, at, implementation, 960, seconds, RecordStatus.SUCCESS), **more)


def compared(number: int, minutes: float, verdict: Verdict) -> ComparisonHead:
    return ComparisonHead(number, "users", verdict, 0, NOON + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("stage", "share", "told", "lines"),
    [
        (Stage.SHADOW, 0, "rules answers 100 % of the keys; dbt is built and compared in the shadow", (7, 0)),
        (Stage.OFF, 0, "rules answers 100 % of the keys", (7, 0)),
        (Stage.CANARY, 5000, "rules answers 50 % of the keys, dbt 50 %", (3.5, 3.5)),
        (Stage.CANARY, 25, "rules answers 99.75 % of the keys, dbt 0.25 %", (6.9825, 1.5)),
        (Stage.PROMOTED, 10_000, "rules answers 0 % of the keys, dbt 100 %", (0, 7)),
    ],
)
def test_a_share_is_a_line_as_thick_and_never_too_thin_to_see(stage, share, told, lines):
    picture = route_picture(replace(ROUTE, stage=stage, share=share))

    assert picture.told == told
    assert (picture.incumbent_line, picture.candidate_line) == pytest.approx(lines)
    assert picture.is_built is (stage is Stage.SHADOW)


def test_long_and_odd_names_are_cut_and_made_legible():
    picture = route_picture(Route("users", "x" * 40, "d\u202ebt", Stage.SHADOW, 0, 3))

    assert picture.incumbent == "x" * 13 + "…"
    assert picture.candidate == "d\\u202ebt"


def test_a_route_without_a_candidate_has_one_side():
    assert route_picture(replace(ROUTE, candidate=None, stage=Stage.RETIRED)).candidate == ""


def test_cycles_stand_from_the_oldest_to_the_newest_each_side_as_high_as_it_took_long():
    executions = (built(2, "dbt", 4.0), built(2, "rules", 1.0), built(1, "rules", 2.0))

    chart = timeline(executions, (), ROUTE)

    assert chart.names == ("rules", "dbt")
    assert [(one.number, one.run_id, one.x) for one in chart.cycles] == [(1, 101, LEFT), (2, 102, LEFT + CYCLE_WIDTH)]
    bars = [(bar.name, bar.side, bar.height) for one in chart.cycles for bar in one.bars]
    assert bars == [("rules", 0, PLOT_HEIGHT / 2), ("rules", 0, PLOT_HEIGHT / 4), ("dbt", 1, PLOT_HEIGHT)]
    assert [seconds for _, seconds in chart.ticks] == [0.0, 2.0, 4.0]


def test_a_bar_says_what_it_stands_for_and_is_never_too_low_to_see():
    executions = (built(1, "dbt", 400.0, status=RecordStatus.FAILED, rows=0), built(1, "rules", 0.001))

    (cycle,) = timeline(executions, (), ROUTE).cycles

    assert [bar.told for bar in cycle.bars] == ["cycle 1, rules: 0.00 s, 960 rows", "cycle 1, dbt: 400.00 s, failed"]
    assert [bar.is_failed for bar in cycle.bars] == [False, True]
    assert cycle.bars[0].height == 2.0


def test_a_cycle_has_the_first_comparison_that_was_made_in_it():
    executions = tuple(built(cycle, "rules", 1.0) for cycle in (4, 3, 2, 1))
    comparisons = (
        compared(9, 4.5, Verdict.INCONCLUSIVE), compared(8, 2.9, Verdict.PASS), compared(7, 2.5, Verdict.FAIL),
        compared(6, 1.5, Verdict.PASS), compared(5, 0.5, Verdict.FAIL),
    )  # fmt: skip

    chart = timeline(executions, comparisons, ROUTE)

    told = [(one.number, one.mark, one.comparison.comparison_id if one.comparison else None) for one in chart.cycles]
    assert told == [(1, "✓", 6), (2, "✗", 7), (3, "·", None), (4, "?", 9)]


def test_the_newest_cycles_alone_are_drawn():
    executions = tuple(built(cycle, "rules", 1.0) for cycle in range(MOST_CYCLES + 5, 0, -1))

    cycles = timeline(executions, (), ROUTE).cycles

    assert [one.number for one in cycles] == list(range(6, MOST_CYCLES + 6))


def test_nothing_built_is_an_empty_picture():
    chart = timeline((), (), ROUTE)

    assert (chart.cycles, chart.names) == ((), ())
