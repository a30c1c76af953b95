"""Sequential tests: Wald's bounds by hand, and how often they err on simulated series."""

from __future__ import annotations

import math
import random

import pytest

from lockgate.cutover.sequential import Lean, RatioTest, mean_bounds

# With bad 1 %, good 0.1 %, both errors 1 %: a hit weighs ln 10 = 2.302585, a miss ln(0.99/0.999) = -0.009050; the
# bounds are plus and minus ln 99 = 4.595120.
TEST = RatioTest(0.01)


@pytest.mark.parametrize(
    ("hits", "of", "lean"),
    [
        (0, 0, Lean.OPEN),
        (1, 1, Lean.OPEN),
        (2, 2, Lean.BAD),
        (2, 3, Lean.BAD),
        (2, 4, Lean.OPEN),
        (0, 507, Lean.OPEN),
        (0, 508, Lean.GOOD),
        (3, 258, Lean.BAD),  # 3 * 2.302585 - 255 * 0.009050 = 4.600
        (3, 259, Lean.OPEN),  # 4.591
    ],
)
def test_walds_bounds_by_hand(hits, of, lean) -> None:
    assert TEST.lean(hits, of) is lean


# What a guard asks by default: half a percent is bad, and of one percent of false alarms this test has its third.
GUARD = RatioTest(0.005, 0.01 / 3)


def requests_until_bad(share: float, most: int, seed: int) -> int | None:
    draw, hits = random.Random(seed), 0
    for of in range(1, most + 1):
        hits += draw.random() < share
        if GUARD.lean(hits, of) is Lean.BAD:
            return of
    return None


def test_one_percent_is_found_within_two_thousand_and_a_good_one_is_left_alone() -> None:
    found = [requests_until_bad(0.01, 2000, seed) for seed in range(200)]
    wronged = [requests_until_bad(0.0005, 2000, seed) for seed in range(300)]

    assert sum(one is None for one in found) == 0
    assert sum(one is not None for one in wronged) <= 3  # a third of 1 % of 300, and two standard deviations


def bounds(values: list[float], alarms: float = 0.01) -> tuple[float, float]:
    return mean_bounds(len(values), sum(values), sum(value * value for value in values), alarms)


def test_a_few_values_bound_nothing() -> None:
    assert bounds([0.4] * 29) == (-math.inf, math.inf)


def test_values_that_are_all_alike_are_their_mean() -> None:
    assert bounds([0.25] * 64) == (0.25, 0.25)


def test_a_mean_is_outside_its_bounds_at_any_moment_as_rarely_as_was_asked() -> None:
    outside = 0
    for seed in range(100):
        draw, strayed = random.Random(seed), False
        values = [draw.gauss(0.1, 0.5) for _ in range(600)]
        count, total, squares = 0, 0.0, 0.0
        for value in values:
            count, total, squares = count + 1, total + value, squares + value * value
            low, high = mean_bounds(count, total, squares, 0.05)
            strayed |= not low <= 0.1 <= high
        outside += strayed
    assert outside <= 9  # 5 % of 100, and two standard deviations


def test_half_again_as_long_is_told_from_a_quarter_more() -> None:
    draw = random.Random(7)
    values = [math.log(1.5) + draw.gauss(0, 0.5) for _ in range(1000)]

    assert bounds(values, 0.01 / 3)[0] > math.log(1.25)
