"""Gates are shown with what they ask for, say and saw; people sign them under their own names."""

from __future__ import annotations

from lockgate.core.access import AuditOutcome

LONG = "people_by_a_name_as_long_as_it_may_be"
GATE = f"/entities/{LONG}/gates/signed"


def test_every_gate_is_listed_with_what_it_says_of_each_entity(look):
    page = look("/gates")

    assert "at most 0 rows unexplained, in the last comparison" in page.words
    assert "people no-go 4 unexplained differences on" in page.words
    assert f"{LONG} go at most 0 unexplained differences in the last 1 comparison" in page.words
    assert {"/entities/people/gates/parity", GATE} <= page.links


def test_a_gate_is_shown_with_the_evidence_that_it_saw(look):
    page = look("/entities/people/gates/parity")

    assert "no-go" in page.words
    assert "/comparisons/1" in page.links
    assert "verdict FAIL" in page.words
    assert "agreement" not in page.words


def test_asks_the_control_plane_as_much_as_it_says(look, statements):
    look("/gates")

    with statements() as asked:
        look("/gates")

    assert len(asked) == 2, asked


def test_who_has_none_of_the_roles_is_told_so_and_cannot_sign(look, sent, seen, service):
    page = look(GATE)
    assert "You are loopback , who has none of these roles" in page.words
    assert page.forms == []

    refused = seen(sent(f"{GATE}/sign", 409, role="owner", reason="yes").text)

    assert refused.flaws() == []
    assert "loopback does not sign signed as owner" in refused.words
    assert service.console.gate(LONG, "signed").signed == ()
    (entry,) = service.access.audit(action="cutover.sign")
    assert (entry.outcome, entry.subject, entry.facts["gate"]) == (AuditOutcome.REFUSED, LONG, "signed")


def test_an_approver_with_the_role_signs_once_signed_in(browse, seen, service):
    anna = browse().as_one("approver", name="anna")
    form = next(each for each in seen(anna.get(GATE).text).forms if each["action"] == f"{GATE}/sign")
    assert set(form["fields"]) == {"csrf", "role", "reason", None} - {None}

    answer = anna.send(f"{GATE}/sign", {"role": "owner", "reason": "all figures are right"})

    assert (answer.status_code, answer.headers["location"]) == (303, f"{GATE}?said=signed")
    page = seen(anna.get(f"{GATE}?said=signed").text)
    assert page.flaws() == []
    assert "Your signature is recorded." in page.words
    assert "anna owner" in page.words
    assert "all figures are right" in page.words
    (entry,) = service.access.audit(action="cutover.sign")
    assert (entry.actor, entry.outcome, entry.facts["role"]) == ("anna", AuditOutcome.DONE, "owner")


def test_an_operator_does_not_sign_whatever_roles_the_project_gives(browse, service):
    anna = browse().as_one("operator", name="anna")

    answer = anna.send(f"{GATE}/sign", {"role": "owner", "reason": "all figures are right"})

    assert answer.status_code == 403
    assert service.console.gate(LONG, "signed").signed == ()


def test_a_gate_that_the_entity_does_not_go_through_is_not_found(look):
    look("/entities/people/gates/other", 404)
