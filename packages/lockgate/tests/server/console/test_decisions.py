"""Decisions are listed the newest first, and each shows who decided, why, and what the gates said then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.core.cutover import Action, Decision
from lockgate.core.gate import Answer, ConditionAnswer, GateAnswer
from lockgate.core.route import Route, Stage
from lockgate.server.console.listing import ROWS
from lockgate.testing.jobs import NOON

SAID = GateAnswer("parity", "people", (ConditionAnswer("row_budget", Answer.NO_GO, "9 rows differ, 0 allowed", (5,)),))
BEFORE = Route("people", "one", "two", Stage.CANARY, 500, 2)
MADE = Decision(
    0, "people", Action.ROLL_BACK, Answer.NO_GO, BEFORE, replace(BEFORE, stage=Stage.SHADOW, share=0, token=3),
    "zoë", "wrong <figures>", NOON, gates=(SAID,), facts={"candidate_revision": "abc", "unknown_tokens": [4, 5]},
)  # fmt: skip


@pytest.fixture
def decided(store):
    """Stores decisions: the last one."""

    def decided(*made: Decision) -> Decision:
        return [store.cutovers.add_decision(one) for one in made][-1]

    return decided


def test_nothing_was_decided_yet(look):
    assert "Nothing was decided yet. A cutover begins with a plan." in look("/decisions").words


def test_a_decision_shows_both_routes_who_why_and_what_was_seen(look, decided):
    made = decided(MADE)

    page = look(f"/decisions/{made.decision_id}")

    assert "roll back people no-go" in page.words
    assert "By zoë At 2024-02-29 12:00:00 UTC Because wrong <figures>" in page.words
    assert "Before Stage canary 5 % Incumbent one Candidate two Its share 5 % Token 2" in page.words
    assert "After Stage shadow Incumbent one Candidate two Its share 0 % Token 3" in page.words
    assert "row budget no-go 9 rows differ, 0 allowed" in page.words
    assert "candidate revision abc unknown tokens 4, 5" in page.words


def test_decisions_are_listed_and_filtered_by_entity(look, decided):
    decided(MADE, replace(MADE, entity="gone", gates=()))

    page, filtered = look("/decisions"), look("/decisions?entity=gone")

    assert {"/decisions/1", "/decisions/2"} <= page.links
    assert "/decisions/1" not in filtered.links
    assert "wrong <figures>" in filtered.words
    look("/decisions?entity=nobody", 404)


def test_a_long_list_goes_on_behind_its_last_decision(look, decided):
    after = [replace(MADE, after=replace(MADE.after, token=number)) for number in range(3, ROWS + 4)]
    decided(*after)

    (older,) = [link for link in look("/decisions").links if "before=" in link]

    assert older == "/decisions?before=2"
    assert [link for link in look(older).links if link.startswith("/decisions/")] == ["/decisions/1"]


@pytest.mark.parametrize("number", ["7", "0", "x", "1e3", "9" * 30, "٣"])
def test_a_decision_that_is_not_there_is_not_found(look, number):
    look(f"/decisions/{number}", 404)


def test_asks_the_control_plane_once(look, statements, decided):
    decided(MADE)
    look("/decisions")

    with statements() as asked:
        look("/decisions")
        look("/decisions/1")

    assert len(asked) == 2, asked
