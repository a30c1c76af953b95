"""How a stream grows is told by its loads, and not at all where they are too few or whole."""

from __future__ import annotations

import pytest

from lockgate.core.cost import Growth, Landed
from lockgate.core.stream import Stream
from lockgate.operate import growth_of

ORDERS = Stream(name="orders", key=("id",), cursor="at")


def test_the_median_load_among_all_rows_since_the_last_whole_one():
    found = growth_of(ORDERS, Landed(1072, (10, 12, 9, 11, 30)))

    assert found == Growth(loads=5, rows_a_load=11, rows=1072, key=("id",), cursor="at")


@pytest.mark.parametrize(
    ("stream", "landed", "why"),
    [
        (
            Stream(name="orders", key=("id",), cursor=None),
            (1, 2, 3, 4, 5),
            "it has no cursor, so that every load is whole",
        ),
        (ORDERS, (1, 2, 3, 4), "4 loads have added to it since it was whole, fewer than 5"),
        (ORDERS, (), "0 loads have added to it since it was whole, fewer than 5"),
    ],
    ids=["no cursor", "too few", "none"],
)
def test_what_is_not_known_to_grow_says_why(stream, landed, why):
    assert growth_of(stream, Landed(1000, landed)) == Growth(why_not=why)
