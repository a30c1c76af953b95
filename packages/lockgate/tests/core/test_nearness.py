"""A wrong name is held against the known ones, however long it is."""

from __future__ import annotations

from lockgate.core.nearness import did_you_mean, nearest


def test_the_most_alike_come_first_and_capitals_make_no_difference():
    assert nearest("ORDRES", ["users", "orders", "Order"]) == ["orders", "Order"]


def test_of_a_name_that_goes_on_for_ever_two_hundred_letters_count():
    known = "n" * 200

    assert nearest(known + "x" * 1800, [known]) == [known]
    assert did_you_mean("x" * 1000 + known, [known]) is None
