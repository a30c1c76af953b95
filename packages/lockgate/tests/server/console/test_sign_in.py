"""Signing in and out in a browser."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from lockgate.core.access import AuditOutcome, CallerKind
from lockgate.errors import ControlPlaneUnavailable
from lockgate.server import Mode

PASSWORD = "eleven grey herons at dawn"
COOKIE = re.compile(r"lockgate=[A-Za-z0-9_-]{43}; HttpOnly; Path=/; SameSite=strict")


@pytest.fixture
def service(in_memory):
    return in_memory


@pytest.fixture
def access(service):
    service.access.add_person("ada", PASSWORD, ["viewer"])
    return service.access


def test_who_has_not_signed_in_is_led_to_the_page_and_back(browse, access):
    browser = browse()

    sent = browser.get("/people?before=4")
    assert (sent.status_code, sent.headers["Location"]) == (303, "/sign-in?next=/people%3Fbefore%3D4")
    page = browser.get(sent.headers["Location"])
    assert page.status_code == 200
    assert 'name="next" value="/people?before=4"' in page.text
    back = browser.sign_in("ada", next="/people?before=4")

    assert (back.status_code, back.headers["Location"]) == (303, "/people?before=4")
    assert COOKIE.fullmatch(back.headers["Set-Cookie"])


def test_the_page_tells_nothing_of_the_project_and_is_kept_nowhere(browse, access):
    page = browse().get("/sign-in")

    assert page.headers["Cache-Control"] == "no-store"
    assert "inventory" not in page.text
    assert 'autocomplete="current-password"' in page.text


def test_in_production_the_cookie_is_for_this_host_over_tls(browse, access):
    answer = browse(mode=Mode.PRODUCTION).sign_in("ada")

    name, _, rest = answer.headers["Set-Cookie"].partition("=")
    assert (name, rest.partition("; ")[2]) == ("__Host-lockgate", "HttpOnly; Path=/; SameSite=strict; Secure")


@pytest.mark.parametrize(
    ("name", "password"),
    [("ada", "not hers 51"), ("nobody", PASSWORD), ("", ""), ("ada", ""), ("ADA", PASSWORD), ("ü", "ß")],
)
def test_whoever_is_refused_is_told_one_thing_and_gets_no_cookie(browse, access, name, password):
    answer = browse().sign_in(name, password)

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "The name or the password is wrong, or the account is locked or disabled." in answer.text
    assert password == "" or password not in answer.text
    assert access.sessions() == ()


def test_a_lock_out_is_told_the_same_way_and_costs_the_same_work(browse, access):
    browser = browse()
    answers, hashings = [], []
    for number in range(7):
        before = access.passwords.hashings
        answers.append(browser.sign_in("ada", PASSWORD if number > 4 else "wrong"))
        hashings.append(access.passwords.hashings - before)
    before = access.passwords.hashings
    unknown = browser.sign_in("nobody", "wrong")

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert unknown.text == answers[0].text.replace('value="ada"', 'value="nobody"')
    assert [*hashings, access.passwords.hashings - before] == [1] * 8


def test_what_the_audit_is_told_names_accounts_and_never_what_was_typed(browse, access):
    browser = browse()
    browser.sign_in("ada", "wrong")
    browser.sign_in("my secret password", "ada")
    for _ in range(4):
        browser.sign_in("ada", "wrong")
    access.unlock("ada")
    browser.sign_in("ada")
    browser.send("/sign-out")

    entries = access.audit()
    told = [(entry.action, entry.actor, entry.subject, entry.outcome.value) for entry in reversed(entries)]
    failed = ("session.begin", "anyone", "ada", "refused")
    assert told == [
        failed,
        ("session.begin", "anyone", "", "refused"),
        *[failed] * 4,
        ("session.begin", "anyone", "ada", "done"),
        ("session.end", "ada", "ada", "done"),
    ]
    assert {entry.kind for entry in entries} == {CallerKind.NOBODY, CallerKind.PERSON}
    assert {entry.address for entry in entries} == {"127.0.0.1"}
    assert [bool(entry.facts.get("locked_until")) for entry in reversed(entries)] == [False] * 5 + [True, False, False]
    assert "my secret" not in str(entries)


def test_a_session_that_somebody_else_brought_is_not_the_one_that_begins(browse, access):
    attacker, victim = browse(), browse()
    access.add_person("eve", PASSWORD, ["viewer"])
    attacker.sign_in("eve")
    planted = attacker.client.cookies["lockgate"]

    victim.client.cookies.set("lockgate", planted, domain="127.0.0.1")
    begun = victim.sign_in("ada").headers["Set-Cookie"]

    assert begun.startswith("lockgate=")
    assert planted not in begun
    assert {session.person for session in access.sessions()} == {"ada"}
    assert attacker.get("/account").status_code == 303


def test_the_session_of_before_is_told_with_the_one_that_begins(browse, access):
    browser = browse()
    browser.sign_in("ada")
    (before,) = access.sessions()

    browser.sign_in("ada")

    (after,) = access.sessions()
    assert access.audit()[0].facts == {"session": after.session_id, "ended": before.session_id}


def test_where_it_cannot_be_ended_the_new_one_begins_all_the_same(browse, access, monkeypatch):
    browser = browse()
    browser.sign_in("ada")
    before = browser.client.cookies["lockgate"]

    def away(_session_id):
        raise ControlPlaneUnavailable

    monkeypatch.setattr(access, "sign_out", away)
    answer = browser.sign_in("ada")

    assert answer.status_code == 303
    assert browser.client.cookies["lockgate"] != before
    assert browser.get("/account").status_code == 200
    assert access.audit()[0].outcome is AuditOutcome.DONE


def test_who_guesses_on_after_the_limit_of_an_address_fills_no_audit(browse, access):
    browser = browse()
    for _ in range(40):
        assert browser.sign_in("nobody", "wrong").status_code == 401

    assert len(access.audit(limit=100)) == 21
    access.late = timedelta(minutes=5)
    for _ in range(25):
        browser.sign_in("nobody", "wrong")
    assert len(access.audit(limit=100)) == 42


def test_what_kept_the_password_from_being_looked_at_is_no_failure_of_the_address(browse, access, monkeypatch):
    browser = browse()

    def away(asked):
        raise ControlPlaneUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(access, "write_changes", away)
        for _ in range(25):
            assert browser.sign_in("ada").status_code == 503

    assert browser.sign_in("ada").status_code == 303


def test_a_cookie_that_nobody_gave_out_is_not_taken_over(browse, access):
    browser = browse()
    browser.client.cookies.set("lockgate", "A" * 43, domain="127.0.0.1")

    answer = browser.sign_in("ada")

    assert answer.headers["Set-Cookie"].startswith("lockgate=")
    assert "A" * 43 not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_elsewhere(browse, access, wanted):
    browser = browse()

    assert "evil" not in browser.client.get("/sign-in", params={"next": wanted}).text
    assert browser.sign_in("ada", next=wanted).headers["Location"] == "/"


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_page_cannot_sign_anybody_in(browse, access, headers):
    browser = browse()

    answer = browser.client.post("/sign-in", data={"name": "ada", "password": PASSWORD}, headers=headers)

    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
    assert access.sessions() == ()


def test_who_comes_by_a_link_from_elsewhere_is_recognised_by_one_step_on_our_own_page(browse, access):
    browser = browse().as_one("viewer", name="bea")

    elsewhere = browser.get("/account", **{"Sec-Fetch-Site": "cross-site"})
    arriving = browser.get(elsewhere.headers["Location"], **{"Sec-Fetch-Site": "cross-site"})
    (onward,) = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', arriving.text)
    there = browser.get(onward)

    assert (elsewhere.status_code, arriving.status_code) == (303, 200)
    assert (there.status_code, there.headers["Location"]) == (303, "/account")


def test_who_has_signed_in_or_needs_not_goes_on(browse, service):
    assert browse().get("/sign-in?next=/jobs").headers["Location"] == "/jobs"

    assert browse().as_one("viewer").get("/sign-in?next=/jobs").headers["Location"] == "/jobs"


def test_signing_out_ends_the_session_at_once(browse, access):
    browser = browse().as_one("viewer", name="bea")
    secret = browser.client.cookies["lockgate"]

    answer = browser.send("/sign-out")
    browser.client.cookies.set("lockgate", secret)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?said=signed-out")
    assert 'lockgate=""' in answer.headers["Set-Cookie"]
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert browser.get("/account").status_code == 303
    assert access.sessions() == ()


@pytest.mark.parametrize("path", ["/sign-out", "/account", "/people", "/tokens", "/people/bea/disable"])
@pytest.mark.parametrize("csrf", ["", "wrong", "of another session"])
def test_no_form_changes_anything_without_the_token_of_its_session(browse, access, path, csrf):
    browser, other = browse().as_one("admin", name="bea"), browse().as_one("admin", name="cyd")
    given = other.token() if csrf == "of another session" else csrf

    answer = browser.send(path, {"csrf": given, "name": "eve", "password": PASSWORD, "role-admin": "yes"})

    assert answer.status_code == 403
    assert "Load the page again" in answer.text
    assert [person.name for person in access.people()] == ["ada", "bea", "cyd"]
    assert len(access.sessions()) == 2
    (told,) = [entry for entry in access.audit() if entry.outcome is not AuditOutcome.DONE]
    assert (told.actor, told.outcome, told.facts["path"]) == ("bea", AuditOutcome.REFUSED, path)
