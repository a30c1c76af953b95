"""The live switch is read as it was last set, by every process, apart for each project and target."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from lockgate.core.job import Switch
from lockgate.store.switch_log import SwitchLog
from lockgate.testing.jobs import NOON

ALL_OFF = Switch(None, enabled=False, changed_at=NOON, changed_by="ann")
USERS_OFF = Switch("users", enabled=False, changed_at=NOON, changed_by="bob")


def test_nothing_is_switched_at_first(store):
    assert store.switches.switches() == ()


def test_each_switch_is_kept_for_itself_that_on_all_first(store):
    store.switches.set_switch(USERS_OFF)
    store.switches.set_switch(ALL_OFF)

    assert store.switches.switches() == (ALL_OFF, USERS_OFF)


def test_the_newest_word_counts_in_every_process_at_once(opened):
    ours, other = opened().switches, opened().switches
    ours.set_switch(USERS_OFF)
    on = replace(USERS_OFF, enabled=True, changed_at=NOON + timedelta(hours=1), changed_by="ann")

    other.set_switch(on)

    assert ours.switches() == (on,)


def test_scopes_do_not_see_each_other(opened):
    opened().switches.set_switch(ALL_OFF)

    assert opened(project="sales").switches.switches() == ()
    assert opened(target="postgres").switches.switches() == ()


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_what_another_process_switched_is_in_the_recent_look_after_its_bound(opened):
    store, hand = opened(), Hand()
    ours = SwitchLog(store.switches._database, store.switches._scope, clock=hand)
    before = ours.recent(seconds=0.1)
    opened().switches.set_switch(USERS_OFF)

    hand.seconds += 0.09
    within = ours.recent(seconds=0.1)
    hand.seconds += 0.01
    after = ours.recent(seconds=0.1)

    assert (before, within, after) == ((), (), (USERS_OFF,))


def test_what_this_process_switched_is_in_the_recent_look_at_once(store):
    before = store.switches.recent(seconds=3600)

    store.switches.set_switch(USERS_OFF)

    assert (before, store.switches.recent(seconds=3600)) == ((), (USERS_OFF,))


def test_a_look_that_began_before_a_switch_does_not_hide_it(store, monkeypatch):
    log, read = store.switches, SwitchLog.switches

    def switched_meanwhile(self):
        found = read(self)
        monkeypatch.setattr(SwitchLog, "switches", read)
        self.set_switch(USERS_OFF)
        return found

    monkeypatch.setattr(SwitchLog, "switches", switched_meanwhile)

    assert (log.recent(seconds=3600), log.recent(seconds=3600)) == ((), (USERS_OFF,))
