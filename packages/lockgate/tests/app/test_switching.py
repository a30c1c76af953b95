"""The dbt switch and cutovers: it moves what consumers read, and nobody takes that for a step of a cutover."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lockgate.app import controller, deciding
from lockgate.app.cutting_over import roll_back
from lockgate.app.deciding import note_move
from lockgate.app.pairs import Approval
from lockgate.app.switching import set_dbt_enabled, stale_view
from lockgate.core.cutover import Action
from lockgate.core.load import Pin
from lockgate.core.relation import Relation
from lockgate.core.route import Edition, Route, Stage
from lockgate.transform.cycle import ensure_route


@pytest.fixture
def wiring(project, opened):
    return opened(Folder(project))


class Folder:
    """A project that has been written."""

    def __init__(self, folder) -> None:
        self.folder = folder


def stands(wiring, **changes):
    """Puts the route where it is wanted, as if nobody had told of it but the project file."""
    route = replace(ensure_route(wiring.project.entities["people"], wiring.warehouse), **changes)
    moved = wiring.warehouse.set_route(route)
    note_move(wiring, wiring.project.entities["people"], moved)
    return moved


def turned(wiring, *, enabled: bool):
    set_dbt_enabled(wiring, "people", enabled=enabled, by="ada")
    return wiring.warehouse.route("people")


def decisions(wiring):
    return wiring.store.cutovers.decisions("people")


def test_the_switch_tells_of_its_moves_and_nobody_is_told_of_a_promotion(wiring, monkeypatch):
    told = []
    monkeypatch.setattr(deciding, "notice_of", lambda decision, **_: told.append(decision))
    ensure_route(wiring.project.entities["people"], wiring.warehouse)

    routes = [turned(wiring, enabled=False), turned(wiring, enabled=True)]
    found = note_move(wiring, wiring.project.entities["people"], routes[-1])

    assert [(one.stage, one.share) for one in routes] == [(Stage.PROMOTED, 0), (Stage.PROMOTED, 10_000)]
    assert (found, told) == (None, [])
    assert [(one.action, one.by, one.reason) for one in decisions(wiring)] == [
        (Action.SWITCH, "ada", "dbt switched on"),
        (Action.SWITCH, "ada", "dbt switched off"),
    ]
    assert [one.after for one in decisions(wiring)] == routes[::-1]


def test_a_canary_of_dbt_that_is_switched_off_answers_for_no_key(wiring):
    stands(wiring, incumbent="rules", candidate="dbt", stage=Stage.CANARY, share=2500)

    routes = [turned(wiring, enabled=False), turned(wiring, enabled=True)]

    assert [(one.stage, one.share) for one in routes] == [(Stage.CANARY, 0)] * 2
    assert wiring.router.builds(wiring.project.entities["people"]) == ("rules", "dbt")


@pytest.mark.parametrize(("share", "newest_load", "is_told"), [(10_000, 7, True), (10_000, 6, False), (0, 7, False)])
def test_a_view_that_shows_again_what_dbt_made_before_newer_loads_is_warned_of(share, newest_load, is_told):
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    editions = (
        Edition("people", 1, "dbt", 2, at, (Pin(Relation("raw", "people"), 1, 6),)),
        Edition("people", 2, "rules", 2, at, (Pin(Relation("raw", "people"), 1, newest_load),)),
    )
    route = Route("people", "rules", "dbt", Stage.PROMOTED, share, 3)

    told = stale_view(route, editions)

    assert told == (
        "the served view of people shows edition 1 of dbt, published 2026-03-01 12:00:00 UTC; rules has one of newer "
        "loads. Build both: lockgate run --select people"
        if is_told
        else ""
    )


def test_a_switch_that_died_before_it_told_is_found_as_one(wiring):
    route = ensure_route(wiring.project.entities["people"], wiring.warehouse)
    moved = wiring.warehouse.set_route(replace(route, share=0))

    found = note_move(wiring, wiring.project.entities["people"], moved)

    assert (found.action, found.is_found) == (Action.SWITCH, True)


def test_a_shadow_that_answers_instead_of_dbt_can_be_rolled_back(wiring):
    stands(wiring, incumbent="dbt", candidate="rules", stage=Stage.SHADOW, share=0)

    answering = turned(wiring, enabled=False)
    [done] = roll_back(wiring, "people", by="ada", reason="wrong names")

    assert (answering.stage, answering.share, answering.is_answering) == (Stage.SHADOW, 10_000, True)
    assert (done.decision.action, wiring.warehouse.route("people").share) == (Action.ROLL_BACK, 0)


def test_what_a_person_rolled_back_stays_refused_after_the_switch_was_turned(wiring, monkeypatch):
    ensure_route(wiring.project.entities["people"], wiring.warehouse)
    roll_back(wiring, "people", by="ada", reason="not today")
    seen, hold = [], controller.Judgement(Action.HOLD, "")
    monkeypatch.setattr(controller, "judged", lambda situation: seen.append(situation) or hold)

    for enabled in (False, True):
        turned(wiring, enabled=enabled)
    controller.judge(wiring, [wiring.project.entities["people"]])

    assert [one.may_advance for one in seen] == [False]


@pytest.mark.parametrize(("others", "expected"), [(Stage.OFF, None), (Stage.SHADOW, Action.CANARY)])
def test_a_group_goes_on_only_where_all_of_it_is_under_way(cutover_project, opened, monkeypatch, others, expected):
    wiring = opened(cutover_project(names=("people", "voters")))
    group = [wiring.project.entities[name] for name in ("people", "voters")]
    for entity in group:
        ensure_route(entity, wiring.warehouse)
    route = wiring.warehouse.route("voters")
    wiring.warehouse.set_route(replace(route, stage=others))
    going = controller.Judgement(Action.CANARY, "its gates say go", 1000)
    monkeypatch.setattr(controller, "judged", lambda _: going)
    monkeypatch.setattr(controller, "approval_of", lambda _, entity, __: Approval(entity.name, frozenset()))

    decided = controller.judge(wiring, group)

    assert [one.action for one in decided] == ([expected] * 2 if expected else [])
    assert wiring.warehouse.route("people").stage is (Stage.CANARY if expected else Stage.SHADOW)
