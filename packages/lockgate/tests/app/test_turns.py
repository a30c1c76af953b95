"""Whoever waits for a target says for whom."""

from __future__ import annotations

import pytest

from lockgate.app.recorder import recorded
from lockgate.app.turns import run_lock
from lockgate.app.wiring import open_wiring
from lockgate.errors import TargetBusy
from lockgate.flow import Unwatched


class Hearing(Unwatched):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def waiting(self, told: str) -> None:
        self.heard.append(told)


def test_the_run_that_holds_the_target_is_named(project) -> None:
    first, second, hearing = open_wiring(project, None), open_wiring(project, None), Hearing()

    with (
        run_lock(first, hearing, 0.0),
        recorded(first.store, first.clock, hearing, "load") as recorder,
        pytest.raises(TargetBusy),
        run_lock(second, hearing, 0.1),
    ):
        pytest.fail("two held one target")
    with run_lock(second, hearing, 0.1):
        pass

    (told,) = hearing.heard
    assert told.startswith(f"waiting up to 0.1 s for run {recorder.run_id} (load), which began at 20")


def test_who_does_not_wait_says_nothing(project) -> None:
    first, second, hearing = open_wiring(project, None), open_wiring(project, None), Hearing()

    with run_lock(first, hearing, 0.0), pytest.raises(TargetBusy), run_lock(second, hearing, 0.0):
        pytest.fail("two held one target")

    assert hearing.heard == []
