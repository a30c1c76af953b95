"""The navigation shows each caller the pages that they may see, and marks where they are."""

from __future__ import annotations

import pytest

from lockgate.core.access import Caller, CallerKind, Role
from lockgate.server.console.sections import sections_for
from lockgate.server.route_table import ROUTES


def links(*roles: Role, path: str = "/") -> dict[str, bool]:
    caller = Caller("ada", CallerKind.PERSON, frozenset(roles))
    return {link.path: link.is_here for section in sections_for(caller, path) for link in section.links}


def test_an_admin_is_shown_all_of_it_and_a_viewer_what_they_may_see():
    everything = links(Role.ADMIN)

    assert set(everything) - set(links(Role.VIEWER)) == {"/audit", "/people", "/tokens"}
    assert set(everything) - set(links(Role.APPROVER)) == {"/people", "/tokens"}
    assert links() == {}


@pytest.mark.parametrize(
    ("path", "here"),
    [
        ("/", "/"), ("/entities/users", "/"), ("/plans/users-1", "/"), ("/gates", "/gates"), ("/jobs/abc", "/jobs"),
        ("/jobsfeed", None), ("/account", None),
    ],
)  # fmt: skip
def test_the_page_that_is_looked_at_is_marked(path, here):
    marked = [to for to, is_here in links(Role.ADMIN, path=path).items() if is_here]

    assert marked == ([here] if here else [])


def test_every_link_leads_to_a_page_that_those_may_see_who_are_shown_it():
    doors = {route.path: route.allowed for route in ROUTES if route.method == "GET"}

    for role in Role:
        caller = Caller("ada", CallerKind.PERSON, frozenset({role}))
        assert all(caller.may(doors[path]) for path in links(role))
