"""Which loads a pin shows."""

from __future__ import annotations

from lockgate.core.load import Landed, LoadMode, Pin, pin_of
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
