"""`Prefer`, as RFC 7240 writes it."""

from __future__ import annotations

import pytest

from lockgate.server.options import Options
from lockgate.server.preference import Preference, preference_of

DEFAULT = Preference(30)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], DEFAULT),
        (["wait=5"], Preference(5, "wait=5")),
        (["Wait = 5"], Preference(5, "wait=5")),
        (['wait="5"; a=b'], Preference(5, "wait=5")),
        (["handling=lenient, wait=5"], Preference(5, "wait=5")),
        (["handling=lenient", "wait=5"], Preference(5, "wait=5")),
        (["wait=5, wait=9"], Preference(5, "wait=5")),
        (["wait=0"], Preference(0, "wait=0")),
        (["wait=301"], Preference(300, "wait=300")),
        (["respond-async"], Preference(0, "respond-async")),
        (["respond-async, wait=5"], Preference(5, "wait=5")),
        (["wait=-1"], DEFAULT),
        (["wait=1.5"], DEFAULT),
        (["wait=٣"], DEFAULT),
        (["wait=" + "9" * 5000], DEFAULT),
        (["wait"], DEFAULT),
        ([";;=,,"], DEFAULT),
    ],
)
def test_a_preference_that_can_be_read_is_kept_within_bounds(values, expected):
    assert preference_of(values, Options()) == expected
