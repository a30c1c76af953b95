"""The server as a process: signals, several workers, an address that is taken."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from lockgate.app.service import Service
from lockgate.errors import ControlPlaneUnavailable, SecretMissing, TargetBusy
from lockgate.server import Mode, Options, create_api
from lockgate.server.listening import listen
from lockgate.server.serving import ProjectApi, run_api
from lockgate.testing.credentials import PASSWORD, QuickPasswords

SCRIPT = Path(__file__).with_name("serve_memory.py")
TLS = ssl.create_default_context()  # made once: it takes longer than a request
BODY = b'{"entityType":"users"}'
RECORDS = b'{"entityType":"users","records":[{"email":"a"},{}]}'


@pytest.fixture
def started(tmp_path):
    """Starts a server process: it and its address. Its jobs take so many seconds."""
    processes = []

    def started(workers: int, job_seconds: float):
        log = (tmp_path / f"log-{len(processes)}").open("w+")
        command = [sys.executable, str(SCRIPT), str(workers), str(job_seconds)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        processes.append((process, log))
        text = _text(Path(log.name), process, lambda text: text.count("started") == workers)
        return process, re.search(r"http://[\d.]+:\d+", text).group(), Path(log.name)

    yield started
    for process, log in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        log.close()


def _text(log: Path, process, is_enough) -> str:
    """The log, once it says enough."""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and process.poll() is None:
        if is_enough(text := log.read_text()):
            return text
        time.sleep(0.02)
    raise AssertionError(log.read_text())


def connect_for_ever(address: tuple[str, int]) -> None:
    """Begins one connection after the other, none of which may take long."""
    while True:
        socket.create_connection(address, timeout=4).close()


async def ask(url: str, process, seen: Counter, stopped: asyncio.Event, body: bytes) -> None:
    """Sends one request after the other on connections of its own until the server takes no more."""
    async with httpx.AsyncClient(base_url=url, verify=TLS, timeout=httpx.Timeout(30, connect=2)) as client:
        while True:
            try:
                response = await client.post("/api/transform", content=body)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                assert stopped.is_set()
                return
            except httpx.TransportError as error:
                seen[type(error).__name__] += 1
                return
            seen[response.status_code] += 1
            if stopped.is_set() and process.poll() is not None:
                return


async def stop_under_load(process, url: str, clients: int, *, is_long: bool = False) -> Counter:
    """What the clients got, from before the signal until nothing listens; all of them are at it when it comes.

    Where jobs are long, that is once all of them wait; else once each has had some answers, half of them about records.
    """
    seen, stopped = Counter(), asyncio.Event()
    bodies = [BODY if is_long or number % 2 else RECORDS for number in range(clients)]
    asking = [asyncio.ensure_future(ask(url, process, seen, stopped, body)) for body in bodies]
    async with httpx.AsyncClient(base_url=url, verify=TLS, timeout=30) as client:
        while (await in_flight(client) if is_long else seen[200] / 5) < clients:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)
    stopped.set()
    process.send_signal(signal.SIGTERM)
    await asyncio.gather(*asking)
    return seen


async def in_flight(client) -> int:
    """How many requests are under way, the one that asks left out."""
    (count,) = values((await client.get("/metrics")).text, "lockgate_http_requests_in_flight")
    return int(float(count)) - 1


def values(text: str, sample: str) -> list[str]:
    """What the figures say of a sample."""
    return re.findall(rf"^{sample} (.*)$", text, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "job_seconds"), [(1, 0.01), (1, 600), (2, 600)])
def test_no_request_fails_when_the_server_is_told_to_stop_under_load(started, workers, job_seconds):
    process, url, log = started(workers, job_seconds)

    seen = asyncio.run(stop_under_load(process, url, clients=20, is_long=job_seconds == 600))

    assert set(seen) <= {200, 202}
    assert seen[202 if job_seconds == 600 else 200] >= 20
    assert process.wait(30) == 0
    assert log.read_text().count("closed") == workers


@pytest.mark.soak
def test_no_request_fails_in_fifty_stops_under_load(started):
    seen: Counter = Counter()
    for number in range(50):
        job_seconds = (0.01, 600)[number % 4 // 2]
        process, url, _ = started(1 + number % 2, job_seconds)
        seen += asyncio.run(stop_under_load(process, url, clients=50, is_long=job_seconds == 600))
        assert process.wait(30) == 0

    assert set(seen) <= {200, 202}


@pytest.mark.slow
def test_a_request_that_is_being_answered_is_answered_before_the_end(started):
    process, url, _ = started(1, 600)

    with httpx.Client(base_url=url, timeout=30) as client:
        client.get("/api/health")
        process.send_signal(signal.SIGINT)
        response = client.post("/api/transform", content=BODY)

    assert (response.status_code, response.headers["Connection"]) == (202, "close")
    assert process.wait(30) == 0


@pytest.mark.slow
def test_a_connection_that_is_kept_gets_one_more_answer(started):
    process, url, _ = started(1, 0)

    with httpx.Client(base_url=url, timeout=30) as client:
        client.get("/api/health")
        process.send_signal(signal.SIGTERM)
        time.sleep(1)
        response = client.get("/api/health")

    assert (response.status_code, response.headers["Connection"]) == (200, "close")
    assert process.wait(3) == 0


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_who_connects_while_the_server_stops_is_refused_and_does_not_hang(started, workers):
    process, url, _ = started(workers, 0)
    address = httpx.URL(url).host, httpx.URL(url).port

    with socket.create_connection(address):  # kept, so that the server waits for it
        process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionRefusedError):
            connect_for_ever(address)
        assert process.poll() is None

    assert process.wait(20) == 0


@pytest.mark.slow
def test_the_figures_of_several_processes_are_added_up(started):
    _, url, _ = started(2, 0)

    for _ in range(40):
        assert httpx.post(f"{url}/api/transform", content=BODY).status_code == 200
    texts = [httpx.get(f"{url}/metrics").text for _ in range(6)]

    requests = r'lockgate_http_requests_total\{.*"/api/transform".*\}'
    assert [values(text, requests) for text in texts] == [["40.0"]] * 6
    assert values(texts[-1], r"lockgate_jobs_ended_total\{.*\}") == ["40.0"]
    assert values(texts[-1], "lockgate_http_requests_in_flight") == ["1.0"]


def test_an_address_that_is_taken_is_said_to_be():
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(TargetBusy, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
            run_api(lambda _: None, host="127.0.0.1", port=port, workers=1, options=Options())


def test_what_keeps_the_service_from_starting_is_raised(service):
    service.fails_with = ControlPlaneUnavailable("the control plane is away")

    with pytest.raises(ControlPlaneUnavailable, match="the control plane is away"):
        run_api(lambda _: create_api(service), host="127.0.0.1", port=0, workers=1, options=Options())

    assert service.is_open is False


def test_the_service_warms_up_once_the_port_answers(running, service):
    _, early = running(warm_seconds=600)
    assert early.get("/api/health").status_code == 200
    assert not service.is_warm

    _, late = running(warm_seconds=0)
    assert late.get("/api/health").status_code == 200
    deadline = time.monotonic() + 20
    while not service.is_warm:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "lockgate.yml").write_text("project: shop\n", encoding="utf-8")
    monkeypatch.setenv("LOCKGATE_LOG_LEVEL", "error")
    return tmp_path


def test_production_without_anybody_who_could_call_does_not_begin(project):
    with pytest.raises(SecretMissing, match="nobody has either"):
        ProjectApi(project, None, Options(mode=Mode.PRODUCTION)).open_service()


@pytest.mark.parametrize("let_in", ["a person", "a machine", "the shared token"])
def test_one_who_could_is_enough(project, let_in):
    with Service.open(project) as service:
        service.access._passwords = QuickPasswords()
        if let_in == "a person":
            service.access.add_person("ada", PASSWORD, ["admin"])
        if let_in == "a machine":
            service.access.add_token("ci", ["operator"], by="ada")
    token = "correct-horse-battery" if let_in == "the shared token" else None

    ProjectApi(project, None, Options(mode=Mode.PRODUCTION, token=token)).open_service().close()


def test_a_token_that_was_revoked_is_nobody(project):
    with Service.open(project) as service:
        made, _ = service.access.add_token("ci", ["operator"], by="ada")
        service.access.revoke_token(made.token_id)

    with pytest.raises(SecretMissing):
        ProjectApi(project, None, Options(mode=Mode.PRODUCTION)).open_service()
