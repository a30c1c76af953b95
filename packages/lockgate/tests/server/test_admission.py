"""Who may call, and who may not."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from lockgate.server.admission import admit
from lockgate.server.options import Mode, Options
from lockgate.server.problems import Refusal

TOKEN = "correct-horse-battery"
DEVELOPING = Options()
GUARDED = Options(token=TOKEN)
PRODUCTION = Options(mode=Mode.PRODUCTION, token=TOKEN)
HERE = {"host": "localhost:5003"}
RIGHT = {"authorization": f"Bearer {TOKEN}"}


def status(headers, peer="127.0.0.1", options=DEVELOPING, path="/api/jobs") -> int | str:
    """Who is let in, or with which status not."""
    try:
        return admit(path, Headers(headers), peer, options)
    except Refusal as refusal:
        return refusal.fault.status


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost", "localhost:5003", "127.0.0.1:5003", "[::1]:5003", "api.localhost"])
def test_callers_on_this_machine_need_no_token_while_developing(peer, host):
    assert status({"host": host}, peer) == "loopback"


@pytest.mark.parametrize(
    "peer", ["10.0.0.9", "192.168.1.7", "8.8.8.8", "::ffff:10.0.0.9", "fe80::1", "testclient", None]
)
def test_callers_elsewhere_need_one(peer):
    assert status(HERE, peer) == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:5003", "localhost.evil.example", "127.0.0.1.nip.io", "[::1", "", "0.0.0.0:5003"],
)
def test_a_name_that_was_bound_to_this_machine_is_refused(host):
    assert status({"host": host}) == 403


def test_no_host_is_no_loopback_host():
    assert status({}) == 403


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_whoever_comes_through_a_proxy_is_not_on_this_machine(name):
    assert status({**HERE, name: "127.0.0.1"}) == 401


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://localhost:5004", "file://", "localhost:5003", ""]
)
def test_a_page_of_another_site_is_refused_whatever_it_sends(origin):
    assert status({**HERE, "origin": origin}) == 403
    assert status({**HERE, **RIGHT, "origin": origin}, options=GUARDED) == 403
    assert status({**HERE, "origin": origin}, path="/api/health") == 403


def test_our_own_pages_are_served():
    assert status({**HERE, "origin": "http://localhost:5003"}) == "loopback"


@pytest.mark.parametrize("options", [GUARDED, PRODUCTION])
@pytest.mark.parametrize("headers", [{"host": "lockgate.example"}, HERE, {}])
@pytest.mark.parametrize("peer", ["10.0.0.9", "127.0.0.1", None])
def test_the_right_token_is_taken_from_anywhere(options, headers, peer):
    assert status({**headers, **RIGHT}, peer, options) == "token"


@pytest.mark.parametrize("options", [GUARDED, PRODUCTION, DEVELOPING])
@pytest.mark.parametrize(
    "sent", ["Bearer wrong", "Bearer ", "Bearer", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer ü", ""]
)
def test_a_wrong_token_is_refused_also_from_this_machine(options, sent):
    assert status({**HERE, "authorization": sent}, options=options) == 401


def test_a_token_where_none_is_set_is_wrong():
    assert status({**HERE, **RIGHT}, options=DEVELOPING) == 401


def test_two_tokens_are_none():
    headers = Headers(raw=[(b"authorization", f"Bearer {TOKEN}".encode())] * 2)

    with pytest.raises(Refusal):
        admit("/api/jobs", headers, "127.0.0.1", GUARDED)


@pytest.mark.parametrize("path", ["/api/jobs", "/api/ready", "/metrics", "/docs", "/api/health/", "/nowhere"])
def test_production_serves_nobody_without_a_token(path):
    assert status(HERE, options=PRODUCTION, path=path) == 401


def test_whether_a_server_is_alive_is_told_to_anyone():
    assert status({"host": "probe"}, "10.0.0.9", PRODUCTION, "/api/health") == "anyone"


def test_a_refusal_over_http_challenges_and_leaks_no_token(running):
    _, client = running(token=TOKEN)

    response = client.get("/api/jobs", headers={"Authorization": "Bearer wrong-51"})

    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="lockgate"')
    assert response.json()["code"] == "LG805"
    assert "wrong-51" not in response.text
    assert TOKEN not in response.text


def test_a_foreign_origin_or_host_reaches_no_route_over_http(running, service):
    _, client = running()

    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        response = client.post("/api/jobs", json={"entityType": "users"}, headers=headers)

        assert (response.status_code, response.json()["code"]) == (403, "LG806")
    assert service.calls == []


def test_the_caller_is_part_of_the_job(running, service):
    _, client = running(token=TOKEN)

    client.post("/api/jobs", json={"entityType": "users"}, headers=RIGHT)
    client.post("/api/jobs", json={"entityType": "users"})

    assert [caller for _, caller, _ in service.calls] == ["token", "loopback"]
