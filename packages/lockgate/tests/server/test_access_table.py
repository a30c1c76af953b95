"""Who may call what, told."""

from __future__ import annotations

from lockgate.core.access import Role
from lockgate.server.access_table import access_table
from lockgate.server.route_table import ROUTES


def test_it_is_the_table_of_routes():
    told = {(row.method, row.path): (row.roles, row.change) for row in access_table()}

    assert len(told) == len(ROUTES)
    assert {place: (roles and frozenset(roles), change) for place, (roles, change) in told.items()} == {
        (route.method, route.path): (route.allowed, route.change) for route in ROUTES
    }


def test_roles_are_told_from_the_one_that_is_trusted_with_least():
    who = {(row.method, row.path): (row.who, row.roles) for row in access_table()}

    assert who["GET", "/api/health"] == ("anybody", None)
    assert who["GET", "/api/jobs"] == ("any role", tuple(Role))
    assert who["POST", "/api/jobs"] == ("operator, admin", (Role.OPERATOR, Role.ADMIN))
    assert who["POST", "/people"] == ("admin", (Role.ADMIN,))
