"""Every page says who may call it, and what it changes."""

from __future__ import annotations

from lockgate.server.access import ANYONE
from lockgate.server.console.page_table import PAGES


def test_what_changes_something_is_sent_by_a_form_and_has_a_name_in_the_audit():
    assert [page.path for page in PAGES if (page.method == "POST") is not bool(page.change)] == []
    assert {page.method for page in PAGES} == {"GET", "POST"}


def test_every_path_and_method_stands_there_once():
    named = [(page.method, page.path) for page in PAGES]

    assert len(named) == len(set(named))


def test_only_what_is_needed_to_sign_in_is_open_to_anyone():
    assert {(page.method, page.path) for page in PAGES if page.allowed is ANYONE} == {
        ("GET", "/static/{name}"), ("GET", "/sign-in"), ("POST", "/sign-in"),
    }  # fmt: skip
