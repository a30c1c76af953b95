"""Bodies that are too large, too slow, encoded or cut off."""

from __future__ import annotations

import socket
import time

import pytest

BODY = b'{"entityType":"users","records":[]}'


def exchange(server, *parts: bytes, pause: float = 0.0) -> bytes:
    """Everything that a raw connection gets."""
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        got = b""
        while part := connection.recv(65536):
            got += part
        return got


def head(*headers: bytes) -> bytes:
    lines = [b"POST /api/transform HTTP/1.1", b"Host: localhost", b"Connection: close", *headers]
    return b"\r\n".join([*lines, b"", b""])


def test_a_body_at_the_limit_is_taken(running):
    _, client = running(body_bytes=len(BODY))

    assert client.post("/api/transform", content=BODY).status_code == 200


def test_a_body_above_the_limit_is_refused(running, service):
    _, client = running(body_bytes=len(BODY) - 1)

    response = client.post("/api/transform", content=BODY)

    assert (response.status_code, response.json()["code"]) == (413, "LG802")
    assert response.json()["detail"] == f"the body has more than {len(BODY) - 1} bytes"
    assert service.calls == []


def test_a_body_without_a_length_is_counted_as_it_comes(running):
    _, client = running(body_bytes=100)

    assert client.post("/api/transform", content=iter([b"x" * 60, b"x" * 60])).status_code == 413


def test_a_client_that_asks_first_is_refused_before_it_sends(running):
    server, _ = running(body_bytes=10)

    got = exchange(server, head(b"Content-Length: 1000000", b"Expect: 100-continue"))

    assert got.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_come_is_not_waited_for(running):
    server, _ = running(body_seconds=0.2)

    got = exchange(server, head(b"Content-Length: 50"), b"{")

    assert got.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "LG803"' in got


def test_a_compressed_body_is_refused(client):
    response = client.post("/api/transform", content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    assert (response.status_code, response.json()["code"]) == (415, "LG809")


def test_a_client_that_hangs_up_in_its_body_leaves_nothing_behind(server):
    with socket.create_connection((server.host, server.port)) as connection:
        connection.sendall(head(b"Content-Length: 50") + b"{")
    deadline = time.monotonic() + 10
    while server.desk.in_flight and time.monotonic() < deadline:
        time.sleep(0.01)

    assert (server.desk.in_flight, server.service.calls) == (0, [])


@pytest.mark.parametrize("sent", [b"", b"GET /api/health HT", b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_a_head_that_does_not_come_is_not_waited_for(running, sent):
    server, _ = running(head_seconds=1)
    began = time.monotonic()

    assert exchange(server, sent) == b""
    assert 0.5 < time.monotonic() - began < 8


def test_a_head_that_drips_is_not_waited_for_either(running):
    server, _ = running(head_seconds=1)
    began = time.monotonic()

    with pytest.raises(OSError, match=r"reset|Broken pipe"):
        exchange(server, b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 100, pause=0.1)
    assert time.monotonic() - began < 8


def test_a_head_that_is_too_large_is_a_problem(running):
    server, _ = running(head_bytes=1024)

    got = exchange(server, b"GET /api/health HTTP/1.1\r\nX: " + b"y" * 2048)

    assert got.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in got
    assert b'"code": "LG804"' in got


def test_what_is_no_http_is_a_problem(server):
    got = exchange(server, b"\x16\x03\x01 hello\r\n\r\n")

    assert got.startswith(b"HTTP/1.1 400 ")
    assert b'"code": "LG804"' in got
