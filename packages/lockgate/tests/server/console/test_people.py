"""Who has an account, and what admins change of it."""

from __future__ import annotations

import pytest

from lockgate.core.access import AuditOutcome, Role

PASSWORD = "eleven grey herons at dawn"
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
    assert entry(access, "person.add") == ("ada", "bea", "done", {"roles": '["approver", "viewer"]'})
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


def test_roles_are_in_force_at_once(admin, access, browse):
    bea = browse().as_one("admin", name="bea")
    assert bea.get("/people").status_code == 200

    answer = admin.send("/people/bea/roles", {"role-viewer": "yes"})

    assert answer.status_code == 303
    assert bea.get("/people").status_code == 403
    assert bea.get("/account").status_code == 200
    assert entry(access, "person.set-roles") == ("ada", "bea", "done", {"roles": '["viewer"]'})


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
