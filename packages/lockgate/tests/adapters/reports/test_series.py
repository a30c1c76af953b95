"""The picture of a series: its line, the band that it was expected in, and its anomalies."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from lockgate.adapters.reports.series import render_series, series_chart
from lockgate.core.anomaly import AnomalyKind, Judged, SeriesJudgement
from lockgate.core.measurement import SeriesName

AT = datetime(2026, 3, 1, 5, tzinfo=UTC)
NAME = SeriesName("users", "dbt", "rows")
POINTS = (
    Judged(AT, 100.0),
    Judged(AT + timedelta(days=1), 100.0, 100.0, 50.0, 150.0),
    Judged(AT + timedelta(days=2), 200.0, 100.0, 50.0, 150.0, AnomalyKind.VALUE, is_new=True, said="200, outside of …"),
)


def test_instants_go_from_left_to_right_and_values_upwards():
    chart = series_chart(SeriesJudgement(NAME, POINTS))

    assert chart.line == "M84.0,88.0 L358.0,88.0 L632.0,8.0"
    assert chart.bands == ("M358.0,48.0 L632.0,48.0 L632.0,128.0 L358.0,128.0 Z",)
    assert [(mark.x, mark.y, mark.is_new) for mark in chart.marks] == [(632.0, 8.0, True)]
    assert chart.labels == ((8.0, "200"), (128.0, "50"))


def test_series_with_anomalies_come_first_and_names_are_text():
    calm = SeriesJudgement(SeriesName("<b>", "dbt", "rows"), POINTS[:1], "too few")
    page = render_series("people", [calm, SeriesJudgement(NAME, POINTS)])

    assert page.index("users@dbt rows") < page.index("&lt;b&gt;@dbt rows")
    assert "<b>" not in page
    assert "Not enough evidence: too few." in page


def test_the_largest_numbers_have_places_too():
    far = 1.7e308
    points = (
        Judged(AT, -far, 0.0, -math.inf, math.inf),
        Judged(AT + timedelta(days=1), 0.0, 0.0, math.nan, far),
        Judged(AT + timedelta(days=2), far),
    )

    chart = series_chart(SeriesJudgement(NAME, points))

    assert chart.line == "M84.0,128.0 L358.0,68.0 L632.0,8.0"
    assert chart.bands == ("M84.0,8.0 L358.0,8.0 L358.0,128.0 L84.0,128.0 Z",)


def test_a_single_measurement_can_be_drawn():
    assert series_chart(SeriesJudgement(NAME, POINTS[:1])).line.startswith("M84.0,")


def test_without_measurements_the_page_says_how_to_get_some():
    assert "Nothing was measured yet" in render_series("people", [])
