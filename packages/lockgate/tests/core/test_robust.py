"""The spread is that of a normal sample, however wild a few values are."""

from __future__ import annotations

import pytest

from lockgate.core.robust import spread_of


# Rousseeuw and Croux (1993), formula 1.2: 1.4826 × the median of distances from the median.
@pytest.mark.parametrize(
    ("values", "spread"),
    [([1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0], 1.4826), ([3.0, 5.0, 7.0, 1e9], 2.9652), ([5.0, 5.0, 5.0, 900.0], 0.0)],
)
def test_half_of_the_values_may_be_wild(values, spread):
    assert spread_of(values) == pytest.approx(spread, rel=1e-12)
