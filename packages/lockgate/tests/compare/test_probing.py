"""Which way of bringing the differences costs less, by a few rows looked at."""

from __future__ import annotations

import pytest

from lockgate.compare.probing import Probe


@pytest.mark.parametrize(
    ("differing", "hashing", "bringing", "is_preferred"),
    [
        (0, 2.0, 1.0, True),  # nothing is moved: twice the time is worth it
        (0, 2.1, 1.0, False),
        (1, 0.4, 1.0, True),
        (1, 0.5, 1.0, False),  # rows near a difference are hashed again
        (9, 0.4, 1.0, True),
        (10, 0.0, 1.0, False),  # one row in a hundred: a difference in nearly every bucket
        (1000, 0.0, 9.0, False),
    ],
)
def test_fingerprints_are_preferred_where_they_cost_less(differing, hashing, bringing, is_preferred) -> None:
    assert Probe(1000, differing, hashing, bringing).prefers_fingerprints is is_preferred
