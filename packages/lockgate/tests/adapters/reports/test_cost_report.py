"""The HTML report of costs: days where they belong, and whatever SQL names shown as text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from lockgate.adapters.reports.cost import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, day_chart, render_costs
from lockgate.core.cost import (
    Advice,
    AdviceKind,
    Advised,
    Band,
    Confidence,
    DayCost,
    EntityCost,
    Measure,
    Refused,
    Saving,
    Trend,
    Unit,
)

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
DAYS = (
    DayCost(date(2026, 3, 1), 1, 5.0, None, is_changed=False),
    DayCost(date(2026, 3, 8), 2, 10.0, Band(5, 5.0, 4.0, 6.0), is_changed=True),
    DayCost(date(2026, 3, 9), 1, 2.5, Band(6, 5.0, 4.0, 6.0), is_changed=False),
)
COST = EntityCost("users", "dbt", date(2026, 3, 9), 6, (
    Measure(Unit.SECONDS, 2.5, Band(6, 5.0, 4.0, 6.0), Trend.CHEAPER), Measure(Unit.BYTES, None, None, Trend.UNKNOWN),
), DAYS)  # fmt: skip
ADVICE = Advice(
    AdviceKind.UNREAD, ("model.p.<script>",), "it & that", "Leave it.", Saving(3.0, "3 s"), Confidence.MEDIUM, "Ask.",
)  # fmt: skip


def test_days_go_from_left_to_right_and_seconds_upwards():
    chart = day_chart(COST)

    inner, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    assert [(dot.x, dot.y) for dot in chart.dots] == [
        (LEFT, TOP + high / 2), (LEFT + inner * 7 / 8, TOP), (WIDTH - RIGHT, TOP + high * 3 / 4),
    ]  # fmt: skip
    assert chart.highest == 10.0
    assert len(chart.areas) == 1
    assert [dot.is_changed for dot in chart.dots] == [False, True, False]
    assert chart.dots[1].says == "2026-03-08: 10.00 s, 2 runs, usual 4.00 to 6.00 s, its files had changed"


def test_one_day_without_seconds_is_drawn_too():
    only = DayCost(date(2026, 3, 1), 1, 0.0, None, is_changed=False)

    (dot,) = day_chart(replace(COST, days=(only,))).dots

    assert (dot.x, dot.y) == (LEFT, HEIGHT - BOTTOM)


def test_the_page_shows_everything_as_text():
    refused = (Refused(AdviceKind.INCREMENTAL, "model.p.t", "it joins <b>"),)

    page = render_costs("shop", [COST], Advised((ADVICE,), refused, 3, 9.5), NOON)

    assert "<script>" not in page
    assert "model.p.&lt;script&gt;" in page
    assert "it joins &lt;b&gt;" in page
    assert page.count("<circle") == 3
    assert "3 nodes measured, 9.50 s a run" in page
    assert "cheaper" in page
    assert "not enough evidence" not in page  # of bytes nothing is known
