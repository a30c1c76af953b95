"""How a stream grows is told by its loads, and not at all where they are too few or whole."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lockgate.core.cost import Growth
from lockgate.core.load import Load, LoadMode, LoadStatus
from lockgate.core.relation import Relation
from lockgate.core.stream import Stream
from lockgate.operate import growth_of

ORDERS = Stream(name="orders", key=("id",), cursor="at")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def loads(*rows):
    """Loads of so many rows; one that is written as text was whole."""
    modes = [LoadMode.REPLACE if isinstance(one, str) else LoadMode.APPEND for one in rows]
    return [
        Load(number, "shop", "orders", Relation("raw", "orders"), mode, LoadStatus.LANDED, NOON, rows=int(one))
        for number, (one, mode) in enumerate(zip(rows, modes, strict=True), start=1)
    ]


def test_the_median_load_among_all_rows_since_the_last_whole_one():
    found = growth_of(ORDERS, loads("500", 40, "1000", 10, 12, 9, 11, 30))

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
        (ORDERS, (1, 2, 3, 4, 5, "60"), "0 loads have added to it since it was whole, fewer than 5"),
        (ORDERS, (), "0 loads have added to it since it was whole, fewer than 5"),
    ],
    ids=["no cursor", "too few", "whole again", "none"],
)
def test_what_is_not_known_to_grow_says_why(stream, landed, why):
    assert growth_of(stream, loads(*landed)) == Growth(why_not=why)
