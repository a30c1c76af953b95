"""Which loads a pin shows."""

from __future__ import annotations

import pytest

from lockgate.core.load import Landed, LoadMode, Pin, first_needed, pin_of
from lockgate.core.relation import Relation

USERS, OTHERS = Relation("raw", "users"), Relation("raw", "others")


def landed(load_id, mode=LoadMode.APPEND, relation=USERS):
    return Landed(load_id, relation, mode, 1, 0, None)


def test_nothing_landed_has_no_pin():
    assert pin_of(USERS, ()) is None
    assert pin_of(USERS, (landed(1, relation=OTHERS),)) is None


def test_appended_loads_show_together():
    assert pin_of(USERS, (landed(9), landed(3), landed(5, relation=OTHERS))) == Pin(USERS, 3, 9)


def test_the_newest_replacing_load_hides_those_before_it():
    loads = (landed(1), landed(2, LoadMode.REPLACE), landed(4, LoadMode.REPLACE), landed(6))

    assert pin_of(USERS, loads) == Pin(USERS, 4, 6)


@pytest.mark.parametrize(
    ("modes", "pins", "keep", "until", "first"),
    [
        ("rrrr", (), 0, 99, 4),
        ("rrrr", (), 2, 99, 3),
        ("rrrr", (), 9, 99, 1),
        ("rrrr", (), 0, 2, 2),
        ("rrrr", (Pin(USERS, 2, 3), Pin(Relation("raw", "orders"), 1, 1)), 0, 99, 2),
        ("arrra", (), 0, 99, 4),
        ("aaaa", (), 0, 99, 1),
        ("", (Pin(USERS, 2, 3),), 0, 99, 0),
    ],
)
def test_needed_is_what_is_shown_kept_or_young(modes, pins, keep, until, first) -> None:
    named = {"r": LoadMode.REPLACE, "a": LoadMode.APPEND}
    loads = tuple(landed(number, named[mode]) for number, mode in enumerate(modes, start=1))

    assert first_needed(loads, pins, keep=keep, until=until) == first
