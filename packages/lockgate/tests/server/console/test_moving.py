"""Routes are moved by plans that are made, looked at, applied with a reason, and followed; and back, and to the end."""

from __future__ import annotations

import pytest

from lockgate.core.access import AuditOutcome
from lockgate.core.cutover import Action
from lockgate.core.route import Stage

LONG = "people_by_a_name_as_long_as_it_may_be"
PATIENCE = 60


@pytest.fixture
def signed(service):
    """The gates of the entity that is level say go."""
    service.console.sign(LONG, "signed", "owner", by="anna", reason="seen")


@pytest.fixture
def applied(sent, service):
    """Makes a plan of the entity that is level and applies it, to the end: the plan's name."""

    def applied(to: str, **fields: str) -> str:
        plan = sent(f"/entities/{LONG}/plan", to=to, candidate="two", **fields).headers["location"]
        sent(f"{plan}/{'promote' if to == 'promoted' else 'apply'}", reason="it is time")
        name = plan.removeprefix("/plans/")
        assert service.console._runs.known(name).is_over.wait(PATIENCE)
        return name

    return applied


def test_asks_where_to_and_proposes_what_lies_ahead(look):
    page = look("/entities/people/plan")

    (form,) = page.forms
    assert (form["action"], form["method"]) == ("/entities/people/plan", "post")
    goals = [each["value"] for each in page.of("input") if each.get("name") == "to"]
    assert goals == ["canary", "promoted"]
    checked = [each["value"] for each in look("/entities/people/plan?to=promoted").of("input") if "checked" in each]
    assert checked == ["promoted"]


def test_a_plan_is_made_and_shown_step_by_step_before_anything_is_moved(look, sent, service):
    where = sent("/entities/people/plan", to="canary", share="2.5", candidate="two").headers["location"]

    page = look(where)

    assert where == "/plans/people-1"
    assert "Nothing of it was done yet." in page.words
    assert "one → two , from shadow to canary 2.5 %" in page.words
    assert "people canary: two answers for 2.5 % of the keys (buckets below 250)" in page.words
    assert [form["action"] for form in page.forms] == ["/plans/people-1/apply"]
    assert "required" in next(each for each in page.of("input") if each.get("name") == "reason")
    assert service.routes()[0].stage is Stage.SHADOW
    (entry,) = service.access.audit(action="cutover.plan")
    assert (entry.subject, entry.outcome, entry.facts["plan"]) == ("people", AuditOutcome.DONE, "people-1")


def test_the_audit_is_told_of_what_is_refused_before_it_is_begun(sent, service):
    plan = sent("/entities/people/plan", to="promoted", candidate="two").headers["location"]

    sent(f"{plan}/apply", 409, reason="by the wrong door")
    sent("/plans/nothing-there/apply", 404, reason="of nothing")

    entries = service.access.audit(action="cutover.apply")
    assert [(one.outcome, one.facts) for one in entries] == [
        (AuditOutcome.REFUSED, {"path": "/plans/nothing-there/apply", "code": "LG102"}),
        (AuditOutcome.REFUSED, {"path": f"{plan}/apply", "code": "LG951"}),
    ]


@pytest.mark.parametrize(
    "fields",
    [{"to": "retired"}, {"to": "off"}, {}, {"to": "canary", "share": "0.005"}, {"to": "canary", "share": "many"}],
)
def test_no_plan_is_made_of_a_goal_or_share_that_there_is_not(sent, store, fields):
    sent("/entities/people/plan", 422, **fields)

    assert store.cutovers.plans() == ()


def test_a_goal_that_cannot_be_reached_is_refused_on_the_form(sent, store, seen):
    page = seen(sent("/entities/people/plan", 409, to="shadow", candidate="two").text)

    assert page.flaws() == []
    assert "people is shadow already" in page.words
    assert store.cutovers.plans() == ()


def test_a_plan_is_applied_for_a_reason_and_told_of(applied, signed, look, service):
    name = applied("canary", share="10")

    page = look(f"/plans/{name}")
    assert "Every step is done." in page.words
    assert "data-live" not in str(page.tags)
    route = next(route for route in service.routes() if route.entity == LONG)
    assert (route.stage, route.share) == (Stage.CANARY, 1000)
    (decision,) = service.console.decisions(LONG, before=None, limit=5)
    assert (decision.by, decision.reason) == ("loopback", f"plan {name}: it is time")
    (entry,) = service.access.audit(action="cutover.apply")
    assert (entry.subject, entry.outcome, entry.facts["reason"]) == (name, AuditOutcome.DONE, "it is time")
    assert entry.facts["answer"] == "go"


def test_a_plan_that_a_gate_refuses_moves_nothing_and_says_how_to_go_on(applied, look, service):
    name = applied("promoted")

    page = look(f"/plans/{name}")
    assert "It was refused at a step; nothing was moved beyond it." in page.words
    assert "0 of 1 signature of owner" in page.words
    assert [form["action"] for form in page.forms] == [f"/plans/{name}/promote"]
    assert "Go on with it" in page.words
    assert {route.stage for route in service.routes()} == {Stage.SHADOW}
    (entry,) = service.access.audit(action="cutover.promote")
    assert (entry.outcome, entry.facts["answer"]) == (AuditOutcome.REFUSED, "not enough evidence")


def test_who_may_move_to_a_canary_may_not_promote_by_it(sent, seen, service):
    canary = sent("/entities/people/plan", to="canary", candidate="two").headers["location"]
    promoted = sent("/entities/people/plan", to="promoted", candidate="two").headers["location"]

    sent(f"{promoted}/apply", 409, reason="by the other door")
    sent(f"{canary}/promote", 409, reason="by the other door")

    assert {route.stage for route in service.routes()} == {Stage.SHADOW}
    (entry,) = service.access.audit(action="cutover.apply")
    assert (entry.outcome, entry.facts["code"]) == (AuditOutcome.REFUSED, "LG951")


@pytest.mark.parametrize("reason", ["", None, "x" * 1001])
def test_nothing_is_applied_or_rolled_back_without_a_reason(sent, service, reason):
    plan = sent("/entities/people/plan", to="canary", candidate="two").headers["location"]
    fields = {} if reason is None else {"reason": reason}

    sent(f"{plan}/apply", 422, **fields)
    sent("/entities/people/roll-back", 422, **fields)
    sent("/entities/people/retire", 422, **fields)

    assert service.console.decisions(None, before=None, limit=5) == ()


def test_a_plan_that_somebody_applies_elsewhere_is_watched_not_begun(sent, look, service, store):
    plan = sent("/entities/people/plan", to="canary", candidate="two").headers["location"]
    lease = store.workers.hold("plan/people-1", "plan")

    page = look(plan)
    assert sent(f"{plan}/apply", reason="too").headers["location"] == plan
    store.workers.release(lease)

    assert "It is being applied." in page.words
    assert [form["action"] for form in page.forms] == []
    assert "/plans/people-1/live" in [each.get("data-live") for each in page.of("div")]
    assert "5" in [each.get("content") for each in page.of("meta") if each.get("http-equiv") == "refresh"]
    (entry,) = service.access.audit(action="cutover.apply")
    assert (entry.outcome, entry.facts["joined"]) == (AuditOutcome.DONE, True)


def test_a_plan_that_is_over_is_streamed_once(client, sent):
    plan = sent("/entities/people/plan", to="canary", candidate="two").headers["location"]

    stream = client.get(f"{plan}/live")

    assert stream.headers["content-type"].startswith("text/event-stream")
    assert [line for line in stream.text.splitlines() if line.startswith("event:")] == ["event: part", "event: end"]
    assert "Nothing of it was done yet." in stream.text


@pytest.mark.parametrize("path", ["/plans/nobody-1", "/plans/a%00b", "/plans/nobody-1/live"])
def test_a_plan_that_is_not_there_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_a_canary_is_rolled_back_for_a_reason_and_the_age_of_the_data_is_told(
    applied, signed, look, sent, seen, service
):
    applied("canary")
    assert "Roll back" in look(f"/entities/{LONG}/roll-back").words

    page = seen(sent(f"/entities/{LONG}/roll-back", 200, reason="odd figures").text)

    assert page.flaws() == []
    assert f"{LONG} was rolled back" in page.words
    assert "one shadow 1" in page.words
    assert "ago" in page.words
    (decision, *_) = service.console.decisions(LONG, before=None, limit=5)
    assert (decision.action, decision.reason, decision.after.stage) == (Action.ROLL_BACK, "odd figures", Stage.SHADOW)
    (entry,) = service.access.audit(action="cutover.roll-back")
    assert (entry.subject, entry.outcome) == (LONG, AuditOutcome.DONE)


def test_a_shadow_is_stopped(look, sent, service):
    assert "Stop the shadow of people" in look("/entities/people/roll-back").words

    sent("/entities/people/roll-back", 200, reason="enough", off="true")

    assert service.routes()[0].stage is Stage.OFF
    assert "there is nothing to roll back" in look("/entities/people/roll-back").words


def test_what_answers_for_nothing_is_not_rolled_back(sent, seen, service):
    page = seen(sent("/entities/people/roll-back", 409, reason="why not").text)

    assert page.flaws() == []
    assert "people is shadow: there is nothing to roll back" in page.words
    (entry,) = service.access.audit(action="cutover.roll-back")
    assert (entry.outcome, entry.facts["code"]) == (AuditOutcome.REFUSED, "LG951")


def test_a_promoted_candidate_is_retired_for_a_reason(applied, signed, look, sent, service):
    assert "Nothing is promoted, so there is nothing to retire." in look(f"/entities/{LONG}/retire").words
    sent(f"/entities/{LONG}/retire", 409, reason="too soon")
    applied("promoted")
    assert "Retire one" in look(f"/entities/{LONG}/retire").words

    answer = sent(f"/entities/{LONG}/retire", reason="a month went well")

    assert answer.headers["location"] == f"/entities/{LONG}?said=retired"
    route = next(route for route in service.routes() if route.entity == LONG)
    assert (route.incumbent, route.candidate, route.stage) == ("two", None, Stage.RETIRED)
    page = look(f"/entities/{LONG}?said=retired")
    assert "The cutover has ended: the candidate is the incumbent now." in page.words
    assert "It has no candidate that its gates could be asked about." in page.words


def test_forms_from_elsewhere_move_nothing(client, service):
    for path in ("/entities/people/roll-back", "/entities/people/plan", "/dbt"):
        answer = client.post(path, data={"reason": "x"}, headers={"Origin": "http://evil.example"})
        assert answer.status_code == 403

    assert {route.stage for route in service.routes()} == {Stage.SHADOW}


@pytest.mark.parametrize("reason", ["", " ", "\t \n"])
def test_blanks_are_no_reason(sent, service, reason):
    for path in ("/entities/people/roll-back", "/entities/people/retire"):
        sent(path, 422, reason=reason)

    assert service.access.audit() == ()
