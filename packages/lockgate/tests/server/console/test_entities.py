"""An entity's page shows all that is known of it; the dbt switch and a job are one form away."""

from __future__ import annotations

import pytest

from lockgate.core.access import AuditOutcome
from lockgate.core.job import JobStatus

LONG = "people_by_a_name_as_long_as_it_may_be"


def test_shows_the_route_the_sides_and_what_came_of_comparing_them(look):
    page = look("/entities/people")

    assert "one answers 100 % of the keys; two is built and compared in the shadow" in [
        attributes.get("aria-label") for attributes in page.of("svg")
    ]
    assert [each.get("aria-current") for each in page.of("li")].count("step") == 1
    assert "parity no-go" in page.words
    assert "4 unexplained differences on" in page.words
    assert "signed not enough evidence" in page.words
    assert "1 FAIL 4" in page.words.replace("UTC", "").replace("  ", " ") or "/comparisons/1" in page.links
    assert "rules/one_0.yml" in page.words
    assert "3 columns, key person_id" in page.words
    assert "No plan was made for it yet. lockgate cutover plan people --to shadow" in page.words
    assert "Nothing was decided about it yet." in page.words


def test_draws_each_cycle_with_its_numbers_beside(look):
    page = look("/entities/people")

    labels = [attributes.get("aria-label", "") for attributes in page.of("svg")]
    assert any(label.startswith("Seconds that each side took in the last 1 cycles") for label in labels)
    assert "The same in numbers" in page.words
    assert "/runs/1" in page.links


def test_offers_what_can_be_done_from_where_it_stands(look):
    page = look("/entities/people")

    assert {"/entities/people/plan", "/entities/people/roll-back", "/entities/people/dbt"} <= page.links
    assert "/entities/people/retire" not in page.links
    assert [form["action"] for form in page.forms] == ["/entities/people/run"]


def test_an_entity_that_is_not_there_is_not_found_with_the_nearest_one(look):
    page = look("/entities/peopel", 404)

    assert "people" in page.words


@pytest.mark.parametrize("path", ["/entities/a%00b", "/entities/a%00b/plan", "/entities/nobody/gates/parity"])
def test_no_entity_has_such_a_name(look, path):
    look(path, 404)


def test_asks_the_control_plane_as_much_as_it_says(look, statements):
    look("/entities/people")

    with statements() as asked:
        look("/entities/people")

    assert len(asked) == 10, asked


def test_dbt_is_switched_for_one_entity_and_for_all(look, sent, store, service):
    assert "Switch dbt off for people" in look("/entities/people/dbt").words

    one = sent("/entities/people/dbt", enabled="false")
    assert one.headers["location"] == "/entities/people?said=switched-off"
    every = sent("/dbt", enabled="false")
    assert every.headers["location"] == "/?said=switched-off"

    assert [(switch.entity, switch.enabled, switch.changed_by) for switch in store.switches.switches()] == [
        (None, False, "loopback"), ("people", False, "loopback"),
    ]  # fmt: skip
    assert "dbt was switched off, in force at once." in look("/?said=switched-off").words
    assert "Switch dbt on for people" in look("/entities/people/dbt").words
    assert (
        "dbt is switched off for all entities: this switch alone changes nothing." in look("/entities/people/dbt").words
    )
    entries = service.access.audit(action="dbt.switch")
    assert [(entry.subject, entry.outcome, entry.facts["enabled"]) for entry in entries] == [
        ("*", AuditOutcome.DONE, False), ("people", AuditOutcome.DONE, False),
    ]  # fmt: skip


@pytest.mark.parametrize("fields", [{}, {"enabled": "perhaps"}, {"enabled": "true", "more": "1"}])
def test_a_switch_that_is_neither_on_nor_off_is_refused(sent, store, fields):
    sent("/dbt", 422, **fields)

    assert store.switches.switches() == ()


def test_an_entity_is_transformed_now(sent, service):
    answer = sent(f"/entities/{LONG}/run")

    (job,) = service.jobs()
    assert answer.headers["location"] == f"/jobs/{job.job_id}"
    assert (job.request.entity, job.caller, job.status) == (LONG, "loopback", JobStatus.QUEUED)
    (entry,) = service.access.audit(action="job.submit")
    assert (entry.subject, entry.outcome, entry.facts["job"]) == (LONG, AuditOutcome.DONE, job.job_id)


def test_what_is_shown_goes_by_the_roles_of_whoever_looks(browse, seen):
    viewer = seen(browse().as_one("viewer").get("/entities/people").text)
    operator = seen(browse().as_one("operator", name="ben").get("/entities/people").text)

    assert viewer.flaws() == operator.flaws() == []
    actions = {"/entities/people/plan", "/entities/people/roll-back", "/entities/people/dbt"}
    assert (viewer.links & actions, [form["action"] for form in viewer.forms]) == (set(), ["/sign-out"])
    assert actions <= operator.links
    assert [form["action"] for form in operator.forms] == ["/sign-out", "/entities/people/run"]
