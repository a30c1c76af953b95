"""The caller's address is the peer's, unless that is a proxy which is trusted to say by whom it was called."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from lockgate.server.forwarded import with_callers_address

PASSWORD = "eleven grey herons at dawn"
TRUSTED = tuple(map(ip_network, ("10.0.0.0/8", "2001:db8::/32", "127.0.0.1/32")))


def caller(peer: str, *lines: str, trusted=TRUSTED) -> str:
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]
    return with_callers_address({"client": (peer, 51234), "headers": headers}, trusted)["client"][0]


def test_a_peer_who_is_no_trusted_proxy_is_the_caller_whatever_it_sends():
    assert caller("192.0.2.7", "198.51.100.1") == "192.0.2.7"
    assert caller("10.0.0.1", "198.51.100.1", trusted=()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        (["192.0.2.7"], "192.0.2.7"),
        (["192.0.2.7:4711"], "192.0.2.7"),
        (["[2001:db9::1]:4711"], "2001:db9::1"),
        (["2001:db9::1"], "2001:db9::1"),
        (["::ffff:192.0.2.7"], "192.0.2.7"),
        (["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        (["198.51.100.1, 192.0.2.7, 10.1.2.3"], "192.0.2.7"),
        (["198.51.100.1", "192.0.2.7,2001:db8::9"], "192.0.2.7"),
        (["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
        (["198.51.100.1, nonsense, 10.1.2.3"], "10.1.2.3"),
        (["198.51.100.1, nonsense"], "10.0.0.1"),
        (["192.0.2.7, "], "10.0.0.1"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_a_trusted_one_says_by_whom_it_was_called_and_what_came_before_is_not_believed(lines, address):
    assert caller("10.0.0.1", *lines) == address
    assert caller("::ffff:10.0.0.1", *lines) == address


def test_where_nobody_knows_the_peer_nobody_is_believed():
    scope = {"client": None, "headers": [(b"x-forwarded-for", b"192.0.2.7")]}

    assert with_callers_address(scope, TRUSTED)["client"] is None


def guess(client, address: str):
    return client.post("/api/token", json={"name": "eve", "password": "wrong"}, headers={"X-Forwarded-For": address})


def test_guesses_from_one_address_do_not_stop_others_behind_the_same_proxy(running, service):
    _, client = running(trusted_proxies=TRUSTED)
    service.access.add_person("ada", PASSWORD, ["admin"])
    for _ in range(21):
        guess(client, "203.0.113.9, 192.0.2.7")

    stopped, let_in = (
        client.post("/api/token", json={"name": "ada", "password": PASSWORD}, headers={"X-Forwarded-For": address})
        for address in ("192.0.2.7", "192.0.2.8")
    )

    assert (stopped.status_code, let_in.status_code) == (401, 200)
    assert {entry.address for entry in service.access.audit()} == {"192.0.2.7", "192.0.2.8"}


def test_nobody_is_on_this_machine_because_a_header_says_so(running):
    _, client = running(trusted_proxies=TRUSTED)

    assert client.get("/api/jobs", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
