"""Who has an account, and what admins change of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from lockgate.core.access import AuditOutcome, Role

PASSWORD = "eleven grey herons at dawn"
NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
OTHER = "twelve brown otters at dusk"


@pytest.fixture
def service(in_memory):
    return in_memory


@pytest.fixture
def admin(browse):
    return browse().as_one("admin")


@pytest.fixture
def access(service):
    return service.access


def roles_of(access) -> dict[str, set[str]]:
    return {person.name: set(person.roles) for person in access.people()}


def entry(access, action):
    """The one entry of an action: who, about whom, how it went, and with which facts."""
    (found,) = access.audit(action=action)
    return found.actor, found.subject, found.outcome.value, dict(found.facts)


def test_an_admin_lets_somebody_in(admin, access, browse):
    fields = {"name": "bea", "password": OTHER, "role-viewer": "yes", "role-approver": "yes", "role-king": "yes"}

    answer = admin.send("/people", fields)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/people?said=added")
    assert roles_of(access) == {"ada": {Role.ADMIN}, "bea": {Role.VIEWER, Role.APPROVER}}
    assert entry(access, "person.add") == ("ada", "bea", "done", {"roles": "approver, viewer"})
    assert browse().sign_in("bea", OTHER).status_code == 303
    assert "bea" in admin.get("/people").text


@pytest.mark.parametrize(
    ("fields", "status", "why"),
    [
        ({"password": "short"}, 422, "at least 12"),
        ({"name": "ada"}, 409, "ada"),
        ({"name": "loopback"}, 409, "stands for Lockgate itself"),
        ({"name": "<script>alert(1)</script>"}, 409, "nobody can be called so"),
        ({"name": ""}, 409, "nobody can be called so"),
        ({"role-viewer": ""}, 409, "without a role"),
    ],
)
def test_what_is_refused_is_told_on_the_page_without_the_password(admin, access, fields, status, why):
    given = {"name": "bea", "password": OTHER, "role-viewer": "yes", **fields}

    answer = admin.send("/people", given)

    assert answer.status_code == status
    assert why in answer.text
    assert given["password"] not in answer.text
    assert "<script>alert" not in answer.text
    assert roles_of(access) == {"ada": {Role.ADMIN}}
    assert entry(access, "person.add")[2] == "refused"


def test_what_was_typed_stays_but_for_the_password_and_the_way_out_is_told(admin, seen):
    given = {"name": 'be"a b', "password": OTHER, "role-viewer": "", "role-approver": "yes", "role-admin": "yes"}

    page = seen(admin.send("/people", given).text)

    (form,) = [form for form in page.forms if form["action"] == "/people" and form["method"] == "post"]
    assert (form["fields"]["name"], form["fields"]["password"]) == ('be"a b', "")
    ticked = [box["name"] for box in page.of("input") if "checked" in box]
    assert ticked == ["role-admin", "role-approver", "role-admin"]  # the first is ada's own
    assert "nobody can be called so (LG755) Take letters, digits" in page.words


def test_a_fresh_form_is_as_ever_after_another_was_refused(admin, seen):
    page = seen(admin.send("/people/ada/remove").text)

    assert "ada is the only admin, and stays (LG755) Make another admin first" in page.words
    (form,) = [form for form in page.forms if form["action"] == "/people" and form["method"] == "post"]
    assert form["fields"]["name"] == ""
    assert [box["name"] for box in page.of("input") if "checked" in box] == ["role-admin", "role-viewer"]


def put_down(access, names) -> None:
    for name in names:
        access.wiring.store.people.add(name, "kept", frozenset({Role.VIEWER}), NOON)


def names_on(page) -> list[str]:
    return re.findall(r'action="/people/([^/"]+)/roles"', page.text)


def test_accounts_are_listed_a_page_at_a_time(admin, access, seen):
    everybody = ["ada", *(f"bo{number:03}" for number in range(120))]
    put_down(access, everybody[1:])

    pages = [admin.get("/people")]
    while older := [link for link in seen(pages[-1].text).links if "before=" in link]:
        pages.append(admin.get(older[0]))

    assert [names_on(page) for page in pages] == [everybody[:50], everybody[50:100], everybody[100:]]
    assert [seen(page.text).flaws() for page in pages] == [[]] * 3


def test_accounts_are_found_by_a_part_of_their_name(admin, access, seen):
    put_down(access, [f"bo{number:03}" for number in range(70)] + ["zoë", "O'Bo"])

    found = admin.get("/people?name=BO0")
    (older,) = [link for link in seen(found.text).links if "before=" in link]

    assert older == "/people?name=BO0&before=bo049"
    assert names_on(admin.get(older)) == [f"bo{number:03}" for number in range(50, 70)]
    assert names_on(admin.get("/people?name=zoe%CC%88")) == ["zo%C3%AB"]
    assert "Nobody is called like that." in admin.get("/people?name=b%25o").text
    assert admin.get("/people?page=2").status_code == 422


def test_after_a_refused_change_the_page_is_the_first_one_again(admin, access):
    put_down(access, [f"bo{number:03}" for number in range(60)])

    answer = admin.send("/people/zed/roles", {"role-viewer": "yes"})

    assert answer.status_code == 404
    assert names_on(answer)[:2] == ["ada", "bo000"]
    assert 'href="/people?before=bo048"' in answer.text


def test_roles_are_in_force_at_once(admin, access, browse):
    bea = browse().as_one("admin", name="bea")
    assert bea.get("/people").status_code == 200

    answer = admin.send("/people/bea/roles", {"role-viewer": "yes"})

    assert answer.status_code == 303
    assert bea.get("/people").status_code == 403
    assert bea.get("/account").status_code == 200
    assert entry(access, "person.set-roles") == ("ada", "bea", "done", {"roles": "viewer"})


@pytest.mark.parametrize(
    ("verb", "action"),
    [("disable", "person.disable"), ("remove", "person.remove"), ("password", "person.set-password")],
)
def test_who_is_shut_out_is_out_at_once(admin, access, browse, verb, action):
    bea = browse().as_one("viewer", name="bea")

    answer = admin.send(f"/people/bea/{verb}", {"password": OTHER} if verb == "password" else {})

    assert answer.status_code == 303
    assert bea.get("/account").status_code == 303
    assert bea.sign_in("bea").status_code == 401
    assert entry(access, action)[:3] == ("ada", "bea", "done")


def test_who_was_disabled_is_let_in_again(admin, access, browse):
    bea = browse().as_one("viewer", name="bea")
    admin.send("/people/bea/disable")

    admin.send("/people/bea/enable")

    assert bea.sign_in("bea").status_code == 303
    assert entry(access, "person.enable")[:3] == ("ada", "bea", "done")


def test_a_lock_out_is_ended(admin, access, browse):
    access.add_person("bea", PASSWORD, ["viewer"])
    for _ in range(5):
        browse().sign_in("bea", "wrong")
    assert browse().sign_in("bea").status_code == 401

    admin.send("/people/bea/unlock")

    assert browse().sign_in("bea").status_code == 303
    assert entry(access, "person.unlock")[:3] == ("ada", "bea", "done")


def test_who_is_held_up_at_one_place_alone_is_shown_and_unlocked(admin, access, seen):
    access.add_person("bea", PASSWORD, ["viewer"])
    store = access.wiring.store.people
    for source in ("192.0.2.7", "192.0.2.8"):
        for _ in range(5):
            store.count_failure("bea", source, datetime.now(UTC))
    access.sign_in("bea", PASSWORD, address="192.0.2.9")
    unlock = "/people/bea/unlock"

    before = seen(admin.get("/people").text)
    admin.send(unlock)
    after = seen(admin.get("/people").text)

    assert next(one for one in access.people() if one.name == "bea").failures == 0
    assert "bea active held up from 2 places" in before.words
    assert [unlock in [form["action"] for form in page.forms] for page in (before, after)] == [True, False]
    assert "held up" not in after.words
    assert access.sign_in("bea", PASSWORD, address="192.0.2.7").session.person == "bea"


def test_one_wrong_password_is_enough_to_offer_unlocking(admin, access, seen):
    access.add_person("bea", PASSWORD, ["viewer"])
    access.wiring.store.people.count_failure("bea", "192.0.2.7", datetime.now(UTC))
    access.sign_in("bea", PASSWORD, address="192.0.2.9")

    page = seen(admin.get("/people").text)

    assert "/people/bea/unlock" in [form["action"] for form in page.forms]
    assert "/people/ada/unlock" not in [form["action"] for form in page.forms]
    assert "held up" not in page.words


@pytest.mark.parametrize(("verb", "fields"), [("disable", {}), ("remove", {}), ("roles", {"role-viewer": "yes"})])
def test_the_only_admin_stays(admin, access, verb, fields):
    answer = admin.send(f"/people/ada/{verb}", fields)

    assert answer.status_code == 409
    assert roles_of(access) == {"ada": {Role.ADMIN}}
    assert admin.get("/people").status_code == 200
    assert access.audit()[0].outcome is AuditOutcome.REFUSED


@pytest.mark.parametrize("verb", ["roles", "disable", "enable", "unlock", "remove", "password"])
def test_nobody_of_that_name_is_told(admin, access, verb):
    answer = admin.send(f"/people/nobody/{verb}", {"password": OTHER, "role-viewer": "yes"})

    assert answer.status_code == 404
    assert access.audit()[0].outcome is AuditOutcome.REFUSED


@pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
def test_the_pages_are_for_admins(browse, access, role):
    browser = browse().as_one(role)

    for path in ("/people", "/tokens"):
        assert browser.get(path).status_code == 403
    answer = browser.send("/people/ada/roles", {"role-admin": "yes"})

    assert answer.status_code == 403
    assert "LG754" in answer.text
    assert roles_of(access) == {"ada": {Role(role)}}
    assert entry(access, "person.set-roles")[:3] == ("ada", "", "refused")


@pytest.mark.parametrize(
    "path",
    ["/people/a%00b/disable", "/people/a%00b/roles", "/tokens/a%00b/revoke", "/account/sessions/a%00b/end"],
)
def test_what_no_name_can_be_is_not_there(browse, path):
    answer = browse().as_one("admin").send(path, {"role-viewer": "yes"})

    assert answer.status_code == 404
