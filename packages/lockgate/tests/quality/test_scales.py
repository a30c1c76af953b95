"""Each metric has a scale that is left as it was entered."""

from __future__ import annotations

import pytest

from lockgate.core.measurement import Metric
from lockgate.quality.scales import scale_of


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("value", [0.0, 0.01, 0.5, 1.0])
def test_there_and_back_is_the_same(metric, value):
    scale = scale_of(metric, [])

    assert scale.back(scale.onto(value)) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("value", [-1e9, -3.5, 0.0, 2.0, 1e12])
def test_a_key_metric_may_be_below_zero(value):
    scale = scale_of("net_amount", [10.0, -20.0, 30.0])

    assert scale.back(scale.onto(value)) == pytest.approx(value, rel=1e-9)


def test_large_counts_are_told_apart_by_their_ratio_and_small_ones_by_their_root():
    scale = scale_of(Metric.ROWS, [])

    assert scale.onto(2e6) - scale.onto(1e6) == pytest.approx(0.6931, abs=1e-3)
    assert scale.onto(9) - scale.onto(4) == pytest.approx(0.2 * (3 - 2), abs=0.02)


def test_shares_and_counts_end_where_they_end():
    assert scale_of(Metric.NULL_RATE, []).back(99.0) == 1.0
    assert scale_of(Metric.NULL_RATE, []).back(-1.0) == 0.0
    assert scale_of(Metric.ROWS, []).back(-1.0) == 0.0
