"""Waiting costs no thread, and nothing once the client has gone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from starlette.requests import Request
from starlette.types import Message

from lockgate.errors import EngineOff
from lockgate.server.options import Options
from lockgate.server.problems import Refusal
from lockgate.server.reading import ClientGone
from lockgate.server.waiting import while_heard
from lockgate.testing.waiting import awaited

CLIENTS = 1_000
REQUEST = (
    b"POST /api/transform HTTP/1.1\r\nHost: localhost\r\nContent-Length: 22\r\nPrefer: wait=120\r\n"
    b'Connection: close\r\n\r\n{"entityType":"users"}'
)


def waiters(service) -> int:
    """How many answers hang on jobs, cancelled ones left out."""
    return sum(not future.cancelled() for futures in service.waiters.values() for future in futures)


def test_a_thousand_clients_wait_without_a_thousand_threads(server, service):
    before = threading.active_count()

    async def ask() -> bytes:
        while True:
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(REQUEST)
            answer = await reader.read()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            if not answer.startswith(b"HTTP/1.1 503"):  # a machine that has too much to do says: later
                return answer
            await asyncio.sleep(0.5)

    async def all_ask() -> tuple[list[bytes], int]:
        asking = [asyncio.ensure_future(ask()) for _ in range(CLIENTS)]
        while waiters(service) < 2 * CLIENTS and not any(one.done() for one in asking):  # noqa: ASYNC110  by threads
            await asyncio.sleep(0.05)
        threads = threading.active_count()
        while not all(each.done() for each in asking):
            for job in service.jobs(limit=2 * CLIENTS):
                if not job.status.is_final:
                    service.succeed(job.job_id)
            await asyncio.sleep(0.05)
        return [each.result() for each in asking], threads

    answers, threads = asyncio.run(all_ask())

    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * CLIENTS
    assert threads - before <= 8


def test_a_client_that_hangs_up_waits_no_longer_and_its_job_goes_on(server, service):
    with socket.create_connection((server.host, server.port)) as connection:
        connection.sendall(REQUEST)
        # The request's, and the one that counts the job's end.
        awaited(lambda: waiters(service) == 2, seconds=30, pause=0.01)
    awaited(lambda: server.desk.in_flight == 0, seconds=30, pause=0.01)

    assert waiters(service) == 1
    assert not service.job("job-1").status.is_final


def test_those_that_wait_are_told_where_to_look_when_the_server_stops(running, service):
    server, client = running()
    responses = []
    thread = threading.Thread(
        target=lambda: responses.append(client.post("/api/transform", json={"entityType": "users"}))
    )
    thread.start()
    awaited(lambda: waiters(service) == 2, seconds=30, pause=0.01)

    server.tell_to_stop()
    thread.join(20)

    assert (responses[0].status_code, responses[0].headers["Location"]) == (202, "/api/jobs/job-1")
    assert responses[0].headers["Connection"] == "close"


def heard(answer: Future[str], receive: Callable[[], Awaitable[Message]], *, answer_seconds: float = 60.0) -> str:
    """What somebody is given who waits for an answer on a connection on which `receive` tells what comes."""
    desk = SimpleNamespace(options=Options(answer_seconds=answer_seconds))

    async def wait() -> str:
        return await while_heard(Request({"type": "http"}, receive), desk, answer)

    return asyncio.run(wait())


async def silent() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("it waits for ever")


async def hung_up() -> Message:
    return {"type": "http.disconnect"}


def test_an_answer_that_is_there_is_given_and_one_that_failed_says_why():
    there, failed = Future(), Future()
    there.set_result("right")
    failed.set_exception(EngineOff("off"))

    assert heard(there, silent) == "right"
    with pytest.raises(EngineOff, match="off"):
        heard(failed, silent)


def test_an_answer_that_takes_too_long_is_refused_and_whoever_makes_it_hears_of_it():
    never = Future()

    with pytest.raises(Refusal, match=r"there was no answer after 0\.05 s"):
        heard(never, silent, answer_seconds=0.05)

    assert never.cancelled()


def test_an_answer_that_nobody_waits_for_any_more_is_given_up(monkeypatch):
    monkeypatch.setattr("lockgate.server.waiting.MOMENT_SECONDS", 0.01)
    never = Future()

    with pytest.raises(ClientGone):
        heard(never, hung_up)

    assert never.cancelled()
