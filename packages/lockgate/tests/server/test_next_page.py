"""Where a browser is sent to after signing in."""

from __future__ import annotations

import pytest

from lockgate.server.next_page import next_page, sign_in_path


@pytest.mark.parametrize(
    "wanted", ["/", "/entities/users", "/jobs?status=failed&limit=5", "/a%20b", "/entities/%C3%BC"]
)
def test_a_page_of_ours_is_gone_on_to(wanted):
    assert next_page(wanted) == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        "", "entities", "http://evil.example/", "https:/evil.example", "//evil.example", "///evil.example",
        "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/\n/evil.example", "\t//evil.example",
        " //evil.example", "/ü", "/a b", "javascript:alert(1)", "data:text/html,x", "/\x00/evil.example",
        "/sign-in?next=/", "/sign-out", "/api/jobs", "//[::1", "http:///evil.example", "/" + "a" * 3_000,
        "/\u2215evil.example",
    ],
)  # fmt: skip
def test_anything_else_is_not(wanted):
    assert next_page(wanted) == "/"


def test_what_somebody_wanted_to_see_is_kept_on_the_way_to_signing_in():
    assert sign_in_path("/", "") == "/sign-in"
    assert sign_in_path("/entities/ü", "") == "/sign-in?next=/entities/%25C3%25BC"
    assert sign_in_path("/jobs", "status=failed&limit=5") == "/sign-in?next=/jobs%3Fstatus%3Dfailed%26limit%3D5"
    assert sign_in_path("//evil.example", "") == "/sign-in"
