"""The tail of a series's own scores says how large one may become by chance."""

from __future__ import annotations

from math import log
from statistics import NormalDist

import pytest

from lockgate.quality.tails import PRIOR, Tail, exceeded


def test_an_exponential_tail_is_drawn_on():
    scores = [-log(1 - (place - 0.5) / 5000) for place in range(1, 5001)]  # quantiles of the exponential distribution

    assert exceeded(scores, 1e-4) == pytest.approx(-log(1e-4), rel=0.02)


def test_a_normal_tail_is_not_undercut():
    scores = [NormalDist().inv_cdf(0.5 + (place - 0.5) / 10_000) for place in range(1, 5001)]

    assert 3.29 <= exceeded(scores, 1e-3) <= 3.6  # a normal score exceeds 3.29 in one of a thousand


def test_a_tail_without_scores_is_wide_and_narrows_with_scores_and_never_below_the_least():
    tail = Tail(1e-3, least=4.0)
    wide = tail.bound
    for place in range(300):
        tail.add(NormalDist().inv_cdf(0.5 + (place % 100 + 0.5) / 200))

    assert wide > 8
    assert 4.0 <= tail.bound < 4.2


def test_the_scores_that_stand_in_are_of_a_student_distribution_with_eight_degrees():
    assert len(PRIOR) == 20
    assert (PRIOR[0], PRIOR[9], PRIOR[19]) == (0.0324, 0.6646, 2.7516)
