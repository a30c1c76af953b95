"""Every page is framed alike, may do nothing but what is ours, and says only what it was told to say."""

from __future__ import annotations

import pytest

from lockgate.server.console.rendering import SAID, see
from lockgate.server.observed import SECURITY


def test_a_page_may_load_and_send_nothing_but_ours_and_is_not_kept(client):
    answer = client.get("/", headers={"Accept": "text/html"})

    policy = answer.headers["content-security-policy"]
    assert policy == SECURITY["Content-Security-Policy"]
    assert (policy.startswith("default-src 'none';"), "unsafe" in policy) == (True, False)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"


def test_the_frame_names_the_project_and_its_target(look):
    assert "people on main" in look("/").words


@pytest.mark.parametrize("code", sorted(SAID))
def test_a_page_says_what_it_was_told_to_say(look, code):
    assert SAID[code] in look(f"/?said={code}").words


def test_a_page_says_nothing_that_an_address_makes_up(look):
    assert "gotcha" not in look("/?said=gotcha").words


def test_text_of_ours_and_others_is_shown_as_text(look, store):
    page = look("/?text=%3Cscript%3Ealert(1)%3C/script%3E")

    assert [each for each in page.of("script") if not each.get("src")] == []
    assert "<script>alert(1)</script>" in [each.get("value") for each in page.of("input")]


def test_a_browser_is_sent_on_by_get():
    answer = see("/jobs?status=failed", said="retried")

    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs?status=failed&said=retried")
    assert see("/jobs", said="retried").headers["location"] == "/jobs?said=retried"
    assert see("/jobs").headers["location"] == "/jobs"


def test_who_has_signed_in_is_named_and_can_sign_out(browse, seen):
    page = seen(browse().as_one("viewer", name="zoë").get("/").text)

    assert page.flaws() == []
    assert "zoë" in page.words
    assert "/account" in page.links
    assert "/sign-out" in [form["action"] for form in page.forms]
    assert "Nobody has an account." not in page.words


def test_who_has_not_signed_in_sees_nothing_of_the_project(browse, seen, service):
    service.access.add_person("ada", "eleven grey herons at dawn", ["admin"])

    page = seen(browse().get("/sign-in").text)

    assert page.flaws() == []
    assert "people" not in page.words
    assert page.of("nav") == []
