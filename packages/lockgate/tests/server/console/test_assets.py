"""Style, script and picture come from our own folder alone, and browsers keep them for as long as they are the same."""

from __future__ import annotations

import pytest

from lockgate.server.console.assets import asset


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lockgate.css", "text/css; charset=utf-8"), ("console.js", "text/javascript; charset=utf-8"),
        ("theme.js", "text/javascript; charset=utf-8"), ("favicon.svg", "image/svg+xml; charset=utf-8"),
    ],
)  # fmt: skip
def test_a_file_is_kept_for_ever_under_the_digest_of_what_is_in_it(client, name, kind):
    address = asset(name)

    kept, other, bare = client.get(address), client.get(f"/static/{name}?v=0"), client.get(f"/static/{name}")

    assert kept.headers["content-type"] == kind
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert other.headers["cache-control"] == bare.headers["cache-control"] == "public, max-age=300"
    assert kept.content == bare.content


@pytest.mark.parametrize(
    "path", ["nothing.css", "..%2Frendering.py", "%2e%2e%2frendering.py", "", "a%00.css", "lockgate.css%2F"]
)
def test_nothing_else_is_given_out(client, path):
    assert client.get(f"/static/{path}").status_code == 404


def test_an_asset_that_is_not_there_is_an_error_of_ours():
    with pytest.raises(LookupError, match=r"nothing\.css"):
        asset("nothing.css")


def test_what_is_given_out_fetches_nothing_from_elsewhere(client):
    for name in ("lockgate.css", "console.js", "theme.js"):
        text = client.get(f"/static/{name}").text
        assert "//" not in text.replace("// ", "") or "http" not in text
        assert "@import" not in text
        assert "url(" not in text
