"""One's own account."""

from __future__ import annotations

import pytest

from lockgate.core.access import AuditOutcome
from lockgate.errors import SignInBusy

PASSWORD = "eleven grey herons at dawn"
OTHER = "twelve brown otters at dusk"
RIGHT = {"old": PASSWORD, "new": OTHER, "again": OTHER}


@pytest.fixture
def service(in_memory):
    return in_memory


def test_it_shows_who_one_is_and_where_one_is_signed_in(browse, service):
    browser = browse().as_one("approver")
    service.access.sign_in("ada", PASSWORD, address="10.0.0.9")

    page = browser.get("/account")

    assert page.status_code == 200
    assert [text in page.text for text in ("ada", "approver", "10.0.0.9", "127.0.0.1")] == [True] * 4
    assert page.text.count("/account/sessions/") == 1
    assert page.headers["Cache-Control"] == "no-store"


def test_another_password_ends_every_session_but_this_one_which_gets_another_secret(browse, service):
    browser, elsewhere = browse().as_one("viewer"), browse()
    elsewhere.sign_in("ada")
    before = browser.client.cookies["lockgate"]

    answer = browser.send("/account", RIGHT)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/account?said=password-changed")
    assert browser.client.cookies["lockgate"] != before
    assert browser.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303
    (session,) = service.access.sessions()
    told = [(one.action, one.outcome, one.facts) for one in service.access.audit(subject="ada", limit=2)]
    assert told == [
        ("session.begin", AuditOutcome.DONE, {"session": session.session_id}),
        ("person.change-password", AuditOutcome.DONE, {"session": session.session_id}),
    ]
    assert browse().sign_in("ada", OTHER).status_code == 303
    assert browse().sign_in("ada", PASSWORD).status_code == 401


def test_a_password_that_was_changed_is_told_as_changed_though_nobody_can_sign_in_just_then(browse, service):
    browser = browse().as_one("viewer")

    def busy(*given, **named):
        raise SignInBusy

    service.access.sign_in = busy

    answer = browser.send("/account", RIGHT)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/account?said=password-changed")
    assert browser.get("/account").status_code == 200
    assert service.access.audit(action="person.change-password")[0].outcome is AuditOutcome.DONE


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"old": "wrong"}, "the password is wrong"),
        ({"again": PASSWORD}, "the two new passwords are not the same"),
        ({"new": "short", "again": "short"}, "at least 12"),
        ({"new": "", "again": ""}, "at least 12"),
    ],
)
def test_a_change_that_is_refused_says_why_and_changes_nothing(browse, service, changes, why):
    browser = browse().as_one("viewer")

    answer = browser.send("/account", RIGHT | changes)

    assert answer.status_code == 422
    assert why in answer.text
    assert not any(given and f'value="{given}"' in answer.text for given in (RIGHT | changes).values())
    assert service.access.audit(action="person.change-password")[0].outcome is AuditOutcome.REFUSED
    assert browse().sign_in("ada").status_code == 303


def test_one_signs_out_elsewhere(browse, service):
    browser, elsewhere = browse().as_one("viewer"), browse()
    elsewhere.sign_in("ada")
    there = service.access.sessions("ada")[0].session_id

    answer = browser.send(f"/account/sessions/{there}/end")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/account?said=removed")
    assert elsewhere.get("/account").status_code == 303
    assert browser.get("/account").status_code == 200


def test_but_not_somebody_else(browse, service):
    browser, other = browse().as_one("viewer"), browse().as_one("viewer", name="bea")
    theirs = service.access.sessions("bea")[0].session_id

    answer = browser.send(f"/account/sessions/{theirs}/end")

    assert answer.status_code == 404
    assert other.get("/account").status_code == 200
    assert service.access.audit(subject=theirs)[0].outcome is AuditOutcome.REFUSED


def test_whoever_is_here_without_an_account_is_told_so(browse):
    answer = browse().get("/account")

    assert (answer.status_code, "loopback has no account here" in answer.text) == (409, True)
