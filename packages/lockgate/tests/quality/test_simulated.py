"""A share of the benchmark: the goals as floors, on seeds that nothing was chosen by."""

from __future__ import annotations

import pytest

from lockgate.quality.judging import judge
from lockgate.testing.series import FAMILIES, simulated
from lockgate.testing.series_drafts import Noise

SEEDS = range(900, 904)
DAILY = [family for family in FAMILIES if family != "hourly rows"]


def test_a_seed_gives_the_same_series_each_time():
    first, again = (simulated("distinct", Noise.HEAVY, 7) for _ in range(2))

    assert first == again
    assert len(first.measurements) == 420


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_is_findable_is_found_and_alarms_are_few():
    planted = found = alarms = 0
    years = 0.0
    for family in DAILY:
        for noise in Noise:
            for seed in SEEDS:
                series = simulated(family, noise, seed, anomalies=3 * (seed % 2))
                judged = judge(series.measurements[0].series, series.measurements, holidays=series.holidays)
                raised = [place for place, point in enumerate(judged.points) if point.is_new]
                findable = [one for one in series.planted if one.is_findable]
                planted += len(findable)
                found += sum(any(one.first <= place <= one.until for place in raised) for one in findable)
                alarms += sum(not any(one.first <= place <= one.settled for one in series.planted) for place in raised)
                years += (len(judged.points) - 28) / series.rhythm.a_year

    assert planted > 150
    assert found >= 0.95 * planted
    assert alarms <= years
