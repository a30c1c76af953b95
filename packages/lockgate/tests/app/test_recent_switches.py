"""Switches as requests about records see them: read once for many turns, and never older than a tenth of a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.job import Switch
from lockgate.store.switch_log import SwitchLog
from lockgate.testing.waiting import awaited

SECONDS = 60
RULES = "entity: orders\nfrom: raw.orders\noutput: [id]\n"
DBT_OFF = Switch("orders", enabled=False, changed_at=datetime(2026, 1, 1, tzinfo=UTC), changed_by="ann")


@pytest.fixture
def wiring(shop: Path) -> Iterator[Wiring]:
    (shop / "orders.yml").write_text(RULES, encoding="utf-8")
    with closing(open_wiring(shop, None)) as opened:
        yield opened


def test_what_another_process_switches_is_heeded_by_the_first_look_after_the_bound(wiring):
    with closing(open_wiring(wiring.project.folder, None)) as other:
        assert wiring.recent_switches().is_enabled("orders")

        other.store.switches.set_switch(DBT_OFF)

        awaited(lambda: not wiring.recent_switches().is_enabled("orders"), seconds=SECONDS)


def test_looks_that_follow_each_other_read_once_and_what_is_switched_here_is_seen_at_once(wiring, monkeypatch):
    monkeypatch.setattr("lockgate.app.wiring.SWITCH_SECONDS", 3600.0)
    looks, read = [], SwitchLog.switches
    monkeypatch.setattr(SwitchLog, "switches", lambda self: looks.append(1) or read(self))

    found = [wiring.recent_switches() for _ in range(20)]
    read_before = len(looks)
    wiring.store.switches.set_switch(DBT_OFF)

    assert (read_before, {id(one) for one in found}) == (1, {id(found[0])})
    assert not wiring.recent_switches().is_enabled("orders")
    assert len(looks) == 2
