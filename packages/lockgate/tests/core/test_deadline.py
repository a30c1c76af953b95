"""A deadline bounds every wait that is made on behalf of a call."""

from __future__ import annotations

import pytest

from lockgate.core.deadline import in_time, remaining_seconds, whole_seconds, within


def test_nobody_hurries_where_no_deadline_is():
    assert (remaining_seconds(), whole_seconds(at_most=10)) == (None, 10)


def test_the_sooner_of_two_deadlines_holds():
    with within(5):
        with within(60):
            inner = remaining_seconds()
        with within(0):
            over = remaining_seconds()

    assert 4 < inner <= 5
    assert over == 0
    assert remaining_seconds() is None


def test_a_connection_is_given_two_seconds_at_least():
    with within(0.5):
        assert whole_seconds(at_most=10) == 2
    with within(60):
        assert whole_seconds(at_most=10) == 10
    with within(3.9):
        assert whole_seconds(at_most=10) == 3  # not longer than there is time


def test_a_conversation_ends_where_nothing_is_ready_and_the_deadline_is_over():
    told = []

    def conversation():
        told.append((yield "readable"))
        told.append((yield "writable"))
        return "the answer"

    with within(0):
        late, ready = in_time(conversation()), in_time(conversation())
        assert (next(late), next(ready), ready.send(1)) == ("readable", "readable", "writable")
        with pytest.raises(TimeoutError):
            late.send(0)
        with pytest.raises(StopIteration, match="the answer"):
            ready.send(2)

    assert told == [1, 2]
