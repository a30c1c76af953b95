"""The live switch is read as it was last set, by every process, apart for each project and target."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from lockgate.core.job import Switch
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
