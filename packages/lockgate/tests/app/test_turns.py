"""A run whose process is gone is known to be interrupted, and one that goes on is left alone."""

from __future__ import annotations

import pytest

from lockgate.app.turns import interrupt_what_is_gone
from lockgate.app.wiring import RUN_LOCK, open_wiring
from lockgate.core.record import RecordStatus


@pytest.fixture
def wiring(tmp_path):
    (tmp_path / "lockgate.yml").write_text("project: shop\n", encoding="utf-8")
    opened = open_wiring(tmp_path, None)
    yield opened
    opened.close()


def test_a_run_that_nobody_has_the_target_for_is_interrupted(wiring):
    number = wiring.store.runs.start_run("run", wiring.clock())
    wiring.store.runs.step_started(number, "build", wiring.clock())

    interrupt_what_is_gone(wiring)

    found = wiring.store.runs.run(number)
    assert (found.status, found.steps[0].status) == (RecordStatus.INTERRUPTED, RecordStatus.INTERRUPTED)


def test_a_run_that_goes_on_is_left_alone(wiring):
    with wiring.warehouse.lock(RUN_LOCK, wait_seconds=0.0):
        number = wiring.store.runs.start_run("run", wiring.clock())
        interrupt_what_is_gone(wiring)

        assert wiring.store.runs.run(number).status is RecordStatus.RUNNING
