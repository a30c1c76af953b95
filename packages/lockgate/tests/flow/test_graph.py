"""The embedded runtime: order, what a failure stops, and what it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.errors import SourceUnavailable, UnknownName
from lockgate.flow import Step, StepResult, StepStatus, execute, failures, in_order


class Watcher:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def waiting(self, told: str) -> None:
        self.heard.append(told)

    def started(self, step: Step) -> None:
        self.heard.append(f"start {step.name}")

    def finished(self, result: StepResult) -> None:
        self.heard.append(f"{result.status} {result.step}")


def refuse() -> dict[str, object]:
    raise SourceUnavailable("no answer")


def nothing() -> dict[str, object]:
    return {}


def test_a_step_runs_after_what_it_needs_and_its_facts_are_kept() -> None:
    watcher = Watcher()
    steps = (Step("publish", lambda: {"rows": 3}, needs=("build",)), Step("build", nothing))

    results = execute(steps, watcher)

    assert watcher.heard == ["start build", "success build", "start publish", "success publish"]
    assert results[1].facts == {"rows": 3}


def test_what_needs_a_failed_step_is_skipped_and_the_rest_goes_on() -> None:
    watcher = Watcher()
    steps = (
        Step("load a", refuse),
        Step("load b", nothing),
        Step("build a", nothing, needs=("load a",)),
        Step("publish a", nothing, needs=("build a",)),
        Step("build b", nothing, needs=("load b",)),
    )

    results = {result.step: result for result in execute(steps, watcher)}

    assert {name: result.status for name, result in results.items()} == {
        "load a": StepStatus.FAILED,
        "load b": StepStatus.SUCCESS,
        "build a": StepStatus.SKIPPED,
        "publish a": StepStatus.SKIPPED,
        "build b": StepStatus.SUCCESS,
    }
    assert results["publish a"].because == ("build a",)
    assert [error.code for error in failures(tuple(results.values()))] == ["LG601"]
    assert "start build a" not in watcher.heard


def test_a_defect_is_raised_and_not_taken_for_a_result() -> None:
    with pytest.raises(ZeroDivisionError):
        execute((Step("divide", lambda: {"rows": 1 // 0}),), Watcher())


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((Step("a", nothing, needs=("b",)),), "b"),
        ((Step("a", nothing, needs=("b",)), Step("b", nothing, needs=("a",))), "circle"),
    ],
)
def test_refuses_a_need_that_cannot_be_met(steps: tuple[Step, ...], said: str) -> None:
    with pytest.raises(UnknownName, match=said):
        in_order(steps)


@given(st.lists(st.sets(st.integers(0, 11)), max_size=12))
def test_every_order_keeps_every_need(needs: list[set[int]]) -> None:
    steps = tuple(
        Step(str(number), nothing, tuple(str(need) for need in wanted if need < number))
        for number, wanted in enumerate(needs)
    )

    places = {step.name: place for place, step in enumerate(in_order(steps))}

    assert len(places) == len(steps)
    assert all(places[need] < places[step.name] for step in steps for need in step.needs)


def test_a_step_comes_after_others_that_may_fail_and_is_held_by_what_it_asks_for_in_its_turn() -> None:
    watcher, held = Watcher(), []
    steps = (
        Step("publish b", nothing, after=("pin",), held_by=lambda: tuple(held)),
        Step("publish a", nothing, needs=("pin",)),
        Step("pin", lambda: held.append("load b") or {}, after=("load b",)),
        Step("load b", refuse),
    )

    results = {result.step: result for result in execute(steps, watcher)}

    assert watcher.heard[:4] == ["start load b", "failed load b", "start pin", "success pin"]
    assert results["publish a"].status is StepStatus.SUCCESS
    assert (results["publish b"].status, results["publish b"].because) == (StepStatus.SKIPPED, ("load b",))
    assert "start publish b" not in watcher.heard
