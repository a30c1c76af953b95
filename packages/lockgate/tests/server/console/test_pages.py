"""Every page of the table, empty and full, is whole markup without script, style or form that is not ours to have."""

from __future__ import annotations

import httpx
import pytest

from lockgate.core.access import Role
from lockgate.server.console.page_table import PAGES

PASSWORD = "a horse that is correct"


@pytest.fixture
def signed_in(running, service):
    """A client of somebody who has signed in with these roles."""
    _, client = running()

    def signed_in(*roles: Role) -> httpx.Client:
        service.access.add_person("Zoë", PASSWORD, frozenset(roles))
        fields = {"name": "Zoë", "password": PASSWORD, "next": "/"}
        answer = client.post("/sign-in", data=fields, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 303
        return client

    return signed_in


def looked_at(client: httpx.Client, paths: list[str], seen) -> dict[str, object]:
    """What is wrong with pages, by path; what is not for everybody (an account, signing in) may say so."""
    found = {}
    for path in paths:
        answer = client.get(path, headers={"Accept": "text/html"})
        flaws = [] if answer.is_redirect else seen(answer.text).flaws()
        if answer.status_code not in ({200, 303, 409} if path in {"/sign-in", "/account"} else {200}) or flaws:
            found[path] = (answer.status_code, flaws)
    return found


def test_pages_of_everything_are_without_flaws(client, service, everything, seen):
    paths = everything(service)

    assert len(paths) > 20
    assert looked_at(client, paths, seen) == {}


class TestOfAProjectWhereNothingWasDone:
    """Pages that show what is not there yet."""

    @pytest.fixture
    def folder(self, tmp_path, writing_project):
        writing_project(tmp_path / "people")
        return tmp_path / "people"

    def test_pages_are_without_flaws(self, client, seen):
        paths = [page.path for page in PAGES if page.method == "GET" and "{" not in page.path]

        assert looked_at(client, [path for path in paths if not path.endswith("/live")], seen) == {}


def test_whoever_may_only_look_is_offered_no_change(signed_in, service, everything, seen):
    paths, client = everything(service), signed_in(Role.VIEWER)

    offered = set()
    for path in paths:
        page = seen(client.get(path, headers={"Accept": "text/html"}).text)
        offered |= {form["action"] for form in page.forms if form.get("method") == "post" and form["has_button"]}

    assert offered == {"/sign-out", "/account"}


def test_every_form_of_a_session_carries_its_token(signed_in, service, everything, seen):
    paths, client = everything(service), signed_in(Role.ADMIN)

    tokens = set()
    for path in paths:
        page = seen(client.get(path, headers={"Accept": "text/html"}).text)
        tokens |= {form["fields"]["csrf"] for form in page.forms if form.get("method") == "post"}

    assert looked_at(client, paths, seen) == {}
    assert len(tokens) == 1
    assert len(tokens.pop()) == 43
