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


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_a_head_above_the_limit_is_a_problem_whether_it_has_ended_or_not(running, end):
    server, _ = running(head_bytes=1024)

    got = exchange(server, b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 2048 + end)

    assert got.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"application/problem+json" in got
    assert b'"detail": "the request\'s line and headers have more than 1024 bytes"' in got


def test_a_head_is_taken_up_to_the_limit_and_not_a_byte_longer(running):
    server, _ = running(head_bytes=100)
    lines = b"GET /api/health?a=b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: %s\r\n\r\n"

    got = [exchange(server, lines % (b"y" * (size - len(lines) + 2))) for size in (100, 101)]

    assert [answer[:13] for answer in got] == [b"HTTP/1.1 200 ", b"HTTP/1.1 431 "]


def test_a_target_may_be_a_whole_address_whose_host_is_who_is_asked(server):
    asked = b"GET http://%s/api/jobs?limit=1 HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"

    own = exchange(server, asked % (b"localhost:5003", b"a.example"))
    foreign = exchange(server, asked % (b"a.example", b"localhost"))

    assert own.startswith(b"HTTP/1.1 200 ")
    assert foreign.startswith(b"HTTP/1.1 403 ")


def test_who_asks_to_speak_something_else_is_answered_in_http(server, caplog):
    asked = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"

    assert exchange(server, asked).startswith(b"HTTP/1.1 200 ")
    assert caplog.messages == []


def test_a_body_that_is_announced_as_too_large_is_refused_at_once(running):
    server, _ = running(body_bytes=10)

    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(head(b"Content-Length: 30"))
        told = connection.recv(65536)
        connection.sendall(b"x" * 30)
        rest = b"".join(iter(lambda: connection.recv(65536), b""))

    assert told.startswith(b"HTTP/1.1 413 ")
    assert (told + rest).endswith(b"}")


def test_what_is_no_http_is_a_problem(server):
    got = exchange(server, b"\x16\x03\x01 hello\r\n\r\n")

    assert got.startswith(b"HTTP/1.1 400 ")
    assert b'"code": "LG804"' in got
