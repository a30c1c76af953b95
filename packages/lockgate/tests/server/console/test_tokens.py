"""Tokens of machines."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.access import AuditOutcome, MachineToken, Role

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RIGHT = {"name": "ci", "days": "30", "role-operator": "yes"}
TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]{43}")


@pytest.fixture
def service(in_memory):
    return in_memory


@pytest.fixture
def admin(browse):
    return browse().as_one("admin")


@pytest.fixture
def access(service):
    return service.access


def test_a_token_is_shown_once_and_works(admin, access):
    answer = admin.send("/tokens", RIGHT)

    (text,) = TOKEN.findall(answer.text)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert TOKEN.findall(admin.get("/tokens").text) == []
    (made,) = access.tokens()
    assert (made.name, made.roles, made.created_by) == ("ci", frozenset({Role.OPERATOR}), "ada")
    assert made.expires_at - made.created_at == timedelta(days=30)
    assert admin.client.get("/api/jobs", headers={"Authorization": f"Bearer {text}"}).status_code == 200
    (entry,) = access.audit(action="token.add")
    assert (entry.subject, entry.outcome, entry.facts["token"]) == ("ci", AuditOutcome.DONE, made.token_id)
    assert text not in str(entry)


def key_on(answer) -> str:
    return answer.text.partition('name="key" value="')[2].partition('"')[0]


def test_a_form_that_is_sent_again_makes_no_other_token(admin, access):
    form = RIGHT | {"key": key_on(admin.get("/tokens"))}
    first = admin.send("/tokens", form)

    again = admin.send("/tokens", form)

    assert (first.status_code, again.status_code) == (200, 409)
    assert "that token was made already" in again.text
    assert TOKEN.findall(again.text) == []
    (made,) = access.tokens()
    assert form["key"] not in made.token_id
    assert [entry.outcome for entry in access.audit(action="token.add")] == [AuditOutcome.REFUSED, AuditOutcome.DONE]


def test_each_form_makes_a_token_of_its_own(admin, access, browse):
    keys = [key_on(admin.get("/tokens")), key_on(admin.send("/tokens", RIGHT | {"days": "0"}))]
    bea = browse().as_one("admin", name="bea")

    answers = [admin.send("/tokens", RIGHT | {"key": key}) for key in keys]
    answers.append(bea.send("/tokens", RIGHT | {"key": keys[0]}))

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert sorted(token.created_by for token in access.tokens()) == ["ada", "ada", "bea"]


def test_one_that_is_revoked_is_refused_at_once(admin, access):
    made, text = access.add_token("ci", ["viewer"], by="ada")
    headers = {"Authorization": f"Bearer {text}"}
    assert admin.client.get("/api/jobs", headers=headers).status_code == 200

    answer = admin.send(f"/tokens/{made.token_id}/revoke")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/tokens?said=revoked")
    assert admin.client.get("/api/jobs", headers=headers).status_code == 401
    assert access.audit(action="token.revoke")[0].subject == made.token_id


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"days": "0"}, 409),
        ({"days": "366"}, 409),
        ({"days": "-1"}, 409),
        ({"days": "1.5"}, 409),
        ({"days": "99999999999"}, 409),
        ({"days": "٣"}, 409),
        ({"name": "a b"}, 409),
        ({"role-operator": ""}, 409),
    ],
)
def test_what_is_refused_makes_none(admin, access, changes, status):
    answer = admin.send("/tokens", RIGHT | changes)

    assert answer.status_code == status
    assert access.tokens() == ()
    assert access.audit(action="token.add")[0].outcome is AuditOutcome.REFUSED


def test_what_was_typed_stays_and_the_way_out_is_told(admin, seen):
    given = {"name": "nightly", "days": "400", "role-viewer": "yes", "role-approver": "yes"}

    page = seen(admin.send("/tokens", given).text)

    (form,) = [form for form in page.forms if form["action"] == "/tokens"]
    assert (form["fields"]["name"], form["fields"]["days"]) == ("nightly", "400")
    assert [box["name"] for box in page.of("input") if "checked" in box] == ["role-viewer", "role-approver"]
    assert "at most 365 days (LG755) `lockgate govern user list`" in page.words


def test_tokens_are_listed_a_page_at_a_time_the_newest_first(admin, access, seen):
    for number in range(60):
        made = MachineToken(f"t{number:02}", f"ci{number:02}", frozenset({Role.VIEWER}), NOON, "ada", NOON + DAY)
        access.wiring.store.tokens.add(replace(made, created_at=NOON + timedelta(minutes=number)))

    first = seen(admin.get("/tokens").text)
    (older,) = [link for link in first.links if "before=" in link]
    last = seen(admin.get(older).text)

    assert older == "/tokens?before=t10"
    assert [page.flaws() for page in (first, last)] == [[], []]
    assert re.findall(r"\bci\d+", first.words) == [f"ci{number:02}" for number in range(59, 9, -1)]
    assert re.findall(r"\bci\d+", last.words) == [f"ci{number:02}" for number in range(9, -1, -1)]
    assert admin.get("/tokens?before=nothing-there").status_code == 404


def test_none_of_that_id_is_told(admin, access):
    assert admin.send("/tokens/nothing-there/revoke").status_code == 404
