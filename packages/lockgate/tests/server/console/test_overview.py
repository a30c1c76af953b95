"""Every entity stands on the first page, with what wants a look; looking costs the same however many there are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.app.service import Service
from lockgate.core.cutover import Action, Decision
from lockgate.core.gate import Answer
from lockgate.core.route import Route, Stage
from lockgate.testing.jobs import NOON

LONG = "people_by_a_name_as_long_as_it_may_be"


def test_shows_where_each_entity_stands(look):
    page = look("/")

    assert {f"/entities/{name}" for name in ("people", LONG)} <= page.links
    assert "people shadow 0 % two one FAIL 4 unexplained" in page.words
    assert f"{LONG} shadow 0 % two one PASS" in page.words
    assert "Entities 2 2 shadow Want a look 0" in page.words
    assert "Records set aside 1" in page.words
    assert "/comparisons/1" in page.links
    assert "/entities/people/gates/parity" in page.links


def test_says_that_nobody_has_an_account_while_it_is_so(look):
    assert "Nobody has an account. Everybody on this machine may do everything here." in look("/").words


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("text=LONG", [LONG]), ("text=nobody", []), ("stage=shadow", ["people", LONG]), ("stage=canary", []),
        ("alarms=yes", []), ("before=people", [LONG]), ("stage=&text=&alarms=", ["people", LONG]),
    ],
)  # fmt: skip
def test_shows_the_entities_that_the_filters_let_through(look, query, shown):
    page = look(f"/?{query}")

    entities = [link for link in page.links if link.startswith("/entities/") and "/gates/" not in link]
    assert sorted(entities) == sorted(f"/entities/{name}" for name in shown)
    assert ("No entity is like that." in page.words) is (not shown)


@pytest.mark.parametrize("query", ["stage=nowhere", "what=7", "text=a&text=b", "text=%00"])
def test_refuses_what_it_cannot_be_asked_for(look, query):
    look(f"/?{query}", 422)


def test_a_roll_back_wants_a_look_and_is_told_among_the_decisions(look, service, store):
    route = service.routes()[0]
    before = replace(route, stage=Stage.CANARY, share=500, token=route.token - 1)
    store.cutovers.add_decision(
        Decision(0, "people", Action.ROLL_BACK, Answer.NO_GO, before, route, "controller", "4 rows <differ>", NOON)
    )

    page = look("/")

    assert "Want a look 1" in page.words
    assert "wants a look rolled back by controller: 4 rows <differ>" in page.words
    assert "2024-02-29 12:00:00 people roll back back canary 5 % shadow controller 4 rows <differ>" in page.words
    assert "/decisions/1" in page.links
    assert [link for link in look("/?alarms=yes").links if link == f"/entities/{LONG}"] == []


def test_a_project_without_entities_says_how_to_begin(tmp_path, running, service, seen):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/lockgate.yml").write_text("project: empty\n", encoding="utf-8")
    with Service.open(tmp_path / "empty") as empty:
        service._wiring, ours = empty._wiring, service._wiring
        vars(service).pop("console", None)
        page = seen(running()[1].get("/").text)
        service._wiring = ours

    assert page.flaws() == []
    assert "The project declares no entity yet. lockgate init" in page.words
    assert "Nothing was decided yet." in page.words


def test_asks_the_control_plane_as_much_as_it_says(look, statements):
    look("/")

    with statements() as asked:
        look("/")

    assert len(asked) == 10, asked


def test_two_hundred_entities_are_shown_a_hundred_at_a_time(look, service, monkeypatch):
    found = service.console.overview()
    one = found.entities[0]
    many = tuple(
        replace(
            one,
            state=replace(one.state, name=f"entity-{number}"),
            route=Route(f"entity-{number}", "a", "b", Stage.CANARY, 500, 2),
        )
        for number in range(200)
    )
    monkeypatch.setattr(service.console, "overview", lambda: replace(found, entities=many))

    first = look("/?stage=canary")
    (older,) = [link for link in first.links if "before=" in link]
    second = look(older)

    assert older == "/?stage=canary&before=entity-99"
    assert "200 of 200" in first.words
    assert "/entities/entity-99" in first.links
    assert "/entities/entity-100" not in first.links
    assert {"/entities/entity-100", "/entities/entity-199"} <= second.links
    assert [link for link in second.links if "before=" in link] == []
