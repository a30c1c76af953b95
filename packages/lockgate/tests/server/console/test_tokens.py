"""Tokens of machines."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from lockgate.core.access import AuditOutcome, Role

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


def test_none_of_that_id_is_told(admin, access):
    assert admin.send("/tokens/nothing-there/revoke").status_code == 404
