"""A consumer counts what is wrong of what it reads, and does not stop at a read that fails."""

from __future__ import annotations

import duckdb

from inventory.consumer import consuming, right_rows


def test_right_rows_are_right():
    with consuming(lambda: list(right_rows())) as seen:
        pass

    assert (seen.wrong, seen.rows, seen.is_right) == (0, 960 * seen.reads, True)


def test_a_row_that_is_wrong_and_one_that_is_missing_count():
    first, _, *others = right_rows()

    with consuming(lambda: [(*first[:3], "Nowhere", *first[4:]), *others]) as seen:
        pass

    assert (seen.wrong, seen.is_right) == (2 * seen.reads, False)


def test_a_read_that_fails_is_told():
    def broken():
        raise duckdb.IOException("it is gone")

    with consuming(broken) as seen:
        pass

    assert seen.failures[0] == "it is gone"
    assert not seen.is_right
