"""However a request comes to be sent again, it has one effect and one answer: records and jobs, over real sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Timer
from typing import NamedTuple

import httpx
import pytest

AT_ONCE = 4
SECONDS = 0.02
FORMS: dict[str, Callable[[int], dict]] = {
    "job": lambda _: {"entityType": "users"},
    "records": lambda number: {"entityType": "users", "records": [{"email": f"{number}@ä"}]},
}


class Sender(NamedTuple):
    """A client, the service behind its server, and where the server listens."""

    client: httpx.Client
    service: object
    address: tuple[str, int]

    def post(self, key: str, document: dict) -> httpx.Response:
        return self.client.post("/api/transform", json=document, headers={"Idempotency-Key": key})

    def effects(self) -> int:
        """Jobs that were made, and records that were transformed."""
        return len(self.service._jobs) + sum(1 for call in self.service.calls if isinstance(call[1], list))

    def in_flight(self, key: str, document: dict) -> list[httpx.Response]:
        """Sent several times at once."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(lambda _: self.post(key, document), range(AT_ONCE)))

    def reply_lost(self, key: str, document: dict) -> list[httpx.Response]:
        """Sent by somebody who hangs up before the answer, then again."""
        body = json.dumps(document).encode()
        head = (
            f"POST /api/transform HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(self.address, timeout=20) as connection:
            connection.sendall(head.encode() + body)
        return [self.post(key, document) for _ in range(2)]

    def body_changed(self, key: str, document: dict) -> list[httpx.Response]:
        """Sent, then with another body, which is refused, then as before."""
        first = self.post(key, document)
        other = self.post(key, {**document, "entityType": "applications"})

        assert (other.status_code, other.json()["code"]) == (422, "LG702")
        return [first, self.post(key, document)]


WAYS = (Sender.in_flight, Sender.reply_lost, Sender.body_changed)


@pytest.fixture
def sender(running, service) -> Iterator[Sender]:
    """Every answer takes a moment, so that there is a time in which it is on its way."""
    service.seconds = SECONDS
    transform = service.transform_records

    def slowly(entity, records):
        answer: Future = Future()
        Timer(SECONDS, lambda: answer.set_result(transform(entity, records).result())).start()
        return answer

    service.transform_records = slowly
    server, client = running()
    return Sender(client, service, (server.host, server.port))


def repeat(sender: Sender, form: str, way: Callable, number: int) -> None:
    before = sender.effects()

    answers = way(sender, f"{form}-{number}", FORMS[form](number))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sender.effects() - before == 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_request_that_is_repeated_has_one_effect(sender, form, way):
    repeat(sender, form, way, 0)


@pytest.mark.soak
def test_three_hundred_repeated_requests_have_one_effect_each(sender):
    for number in range(300):
        repeat(sender, list(FORMS)[number % 2], WAYS[number // 2 % len(WAYS)], number)
