"""Plans applied beside whoever asked: once at a time, watched, told of at their end, and left where they can go on."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace

import pytest

from lockgate.app.plan_runs import PlanRuns
from lockgate.core.cutover import PlanStep, StepKind
from lockgate.core.job import Lease
from lockgate.errors import StaleToken, TargetBusy

STEP = PlanStep(StepKind.CYCLE)
PATIENCE = 20


class Slots:
    """Leases in memory."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self.fails = False

    def hold(self, slot: str, host: str) -> Lease | None:
        if slot in self.held:
            return None
        self.held[slot] = len(self.held) + 1
        return Lease(slot, self.held[slot])

    def is_held(self, slot: str) -> bool:
        return slot in self.held

    def renew(self, lease: Lease) -> bool:
        return self.held.get(lease.slot) == lease.token

    def release(self, lease: Lease) -> None:
        self.held.pop(lease.slot)


class Applies:
    """Applies a plan of two steps, the second once a test says so."""

    def __init__(self) -> None:
        self.reached, self.may_go_on = Event(), Event()
        self.fails_with: Exception | None = None
        self.asked: list[tuple[str, str, str]] = []

    def apply_held(self, plan_id, listener, steps, *, by, reason, wait_seconds):
        self.asked.append((plan_id, by, reason))
        listener(0, STEP)
        self.reached.set()
        assert self.may_go_on.wait(PATIENCE)
        if self.fails_with is not None:
            raise self.fails_with
        listener(1, STEP)
        return SimpleNamespace(answer=SimpleNamespace(value="go"))


@pytest.fixture
def slots() -> Slots:
    return Slots()


@pytest.fixture
def applies() -> Applies:
    return Applies()


@pytest.fixture
def runs(slots, applies):
    runs = PlanRuns(lambda: applies, lambda: slots)
    yield runs
    applies.may_go_on.set()
    runs.close(patience_seconds=PATIENCE)


class Ends:
    """Remembers how plans ended."""

    def __init__(self) -> None:
        self.outcomes: list[object] = []
        self.told = Event()

    def __call__(self, outcome: object) -> None:
        self.outcomes.append(outcome)
        self.told.set()


def begun(runs: PlanRuns, applies: Applies) -> Ends:
    ends = Ends()
    assert runs.begin("users-1", by="ada", reason="it is time", ended=ends)
    assert applies.reached.wait(PATIENCE)
    return ends


def test_applies_a_plan_in_a_thread_and_tells_its_end_once(runs, slots, applies):
    ends = begun(runs, applies)
    assert (runs.is_applied("users-1"), runs.known("users-1").position) == (True, 0)

    applies.may_go_on.set()
    assert ends.told.wait(PATIENCE)
    assert runs.known("users-1").is_over.wait(PATIENCE)

    assert applies.asked == [("users-1", "ada", "it is time")]
    assert [outcome.answer.value for outcome in ends.outcomes] == ["go"]
    assert (runs.is_applied("users-1"), runs.known("users-1").failure, slots.held) == (False, None, {})


def test_a_second_request_joins_the_first(runs, applies):
    ends = begun(runs, applies)
    other = Ends()

    assert runs.begin("users-1", by="ben", reason="me too", ended=other) is False

    applies.may_go_on.set()
    assert runs.known("users-1").is_over.wait(PATIENCE)
    assert (len(applies.asked), len(ends.outcomes), other.outcomes) == (1, 1, [])


def test_a_plan_that_another_process_applies_is_not_begun_here(runs, slots, applies):
    slots.hold("plan/users-1", "plan")

    assert runs.begin("users-1", by="ada", reason="it is time", ended=Ends()) is False

    assert (runs.is_applied("users-1"), runs.known("users-1"), applies.asked) == (True, None, [])


@pytest.mark.parametrize(
    ("error", "code"),
    [(StaleToken("somebody else moved it"), "LG402"), (RuntimeError("row 7"), "LG811")],
)
def test_tells_what_broke_a_plan_off(runs, slots, applies, error, code):
    applies.fails_with = error
    ends = begun(runs, applies)

    applies.may_go_on.set()
    assert runs.known("users-1").is_over.wait(PATIENCE)

    assert ends.outcomes == [runs.known("users-1").failure]
    assert ends.outcomes[0].code == code
    assert "row 7" not in ends.outcomes[0].message
    assert slots.held == {}


def test_a_plan_stops_between_steps_where_the_server_does_and_no_other_is_begun(runs, applies):
    ends = begun(runs, applies)

    runs.close(patience_seconds=0)
    applies.may_go_on.set()
    assert runs.known("users-1").is_over.wait(PATIENCE)

    assert [outcome.error for outcome in ends.outcomes] == ["TargetBusy"]
    assert runs.known("users-1").position == 0
    with pytest.raises(TargetBusy, match="the server is stopping"):
        runs.begin("users-2", by="ada", reason="it is time", ended=Ends())
