"""Names that people and machines may have, and the roles there are."""

from __future__ import annotations

import pytest

from lockgate.core.access import Role
from lockgate.errors import AccountRefused, UnknownName
from lockgate.govern.accounts import checked_name, checked_roles, written_name


@pytest.mark.parametrize(
    "name", ["ada", "Ada", "łukasz", "ada.lovelace@example.org", "a", "0", "etl-2", "a" * 64, "李"]
)
def test_names_as_systems_have_them_are_taken(name):
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "a b", ".a", "-a", "_a", "a/b", "machine:etl", "a\n", "a\x00", "a" * 65, "a<b"]
)
def test_others_are_not(name):
    assert written_name(name) is None
    with pytest.raises(AccountRefused, match="nobody can be called so"):
        checked_name(name)


@pytest.mark.parametrize("name", ["controller", "Controller", "loopback", "lockgate", "token", "system"])
def test_nobody_passes_for_lockgate_itself(name):
    with pytest.raises(AccountRefused, match="stands for Lockgate itself"):
        checked_name(name)


def test_a_name_is_kept_in_one_form():
    assert checked_name("z\u0307aneta") == "\u017caneta"


def test_roles_are_found_by_their_names():
    assert checked_roles(["viewer", "admin", "viewer"]) == {Role.VIEWER, Role.ADMIN}


def test_a_wrong_role_is_told_the_nearest():
    with pytest.raises(UnknownName, match="there is no role 'approvr'") as caught:
        checked_roles(["viewer", "approvr"])

    assert caught.value.remedy == "Did you mean 'approver'?"


def test_no_role_at_all_is_refused():
    with pytest.raises(AccountRefused, match="without a role"):
        checked_roles([])
