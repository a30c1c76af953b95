"""Messages arrive whole, one by one, or not at all."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.adapters.dbt.wire import (
    MAX_MESSAGE_BYTES,
    ConnectionEnded,
    MessageTooLong,
    pair,
    receive,
    receive_with_descriptors,
    send,
)

texts = st.text(st.characters(codec=None), max_size=50)


@given(st.lists(st.dictionaries(texts, st.one_of(texts, st.integers(), st.none())), max_size=5))
def test_messages_arrive_as_they_were_sent(messages):
    ours, theirs = pair()
    with ours, theirs:
        for message in messages:
            send(ours, message)

        assert [receive(theirs) for _ in messages] == messages


def test_a_descriptor_comes_with_its_message():
    ours, theirs = pair()
    read, write = os.pipe()
    with ours, theirs:
        send(ours, {"a": 1}, write)
        os.close(write)

        message, (given,) = receive_with_descriptors(theirs)

        os.write(given, b"through")
        os.close(given)
        assert (message, os.read(read, 10)) == ({"a": 1}, b"through")
    os.close(read)


def test_a_message_that_is_too_long_is_not_sent():
    ours, theirs = pair()
    with ours, theirs:
        with pytest.raises(MessageTooLong):
            send(ours, {"text": "x" * MAX_MESSAGE_BYTES})
        send(ours, {"text": "x" * (MAX_MESSAGE_BYTES - 20)})

        assert len(receive(theirs)["text"]) == MAX_MESSAGE_BYTES - 20


@pytest.mark.parametrize("packet", [b"no json", b"[1]", b"3", b"\xff"])
def test_what_is_no_message_ends_the_conversation(packet):
    ours, theirs = pair()
    with ours, theirs:
        ours.send(packet)

        with pytest.raises(ConnectionEnded):
            receive(theirs)


def test_the_other_side_going_is_an_end():
    ours, theirs = pair()
    with theirs:
        ours.close()

        with pytest.raises(ConnectionEnded):
            receive(theirs)


def test_waiting_ends_at_the_deadline():
    ours, theirs = pair()
    with ours, theirs, pytest.raises(TimeoutError):
        receive(theirs, time.monotonic() + 0.05)
