"""The discovery service, spoken to over a real socket."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

from inventory.discovery import Fault, FaultKind, create_app
from inventory.discovery.__main__ import main
from inventory.generate import Dataset, generate

MADE = generate(120, 60, seed=5)


@contextmanager
def serving(dataset: Dataset = MADE, **options) -> Iterator[httpx.Client]:
    """A running service, and a client of it."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(dataset, **options), host="127.0.0.1", port=0, log_level="critical")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serving() as client:
        yield client


def read(client: httpx.Client, path: str, **parameters) -> list[dict]:
    """Every item of a listing, page by page."""
    items, cursor = [], None
    while True:
        position = {"cursor": cursor} if cursor else {}
        page = client.get(path, params={**parameters, **position}).raise_for_status().json()
        items += page["items"]
        assert page["total"] >= len(items)
        cursor = page["next"]
        if cursor is None:
            assert len(items) == page["total"]
            return items


def in_order(rows: list[dict]) -> list[dict]:
    return sorted(rows, key=lambda row: row["updated_at"])


@pytest.mark.parametrize("page_size", [1, 7, 10_000])
def test_pages_give_every_row_once_in_the_order_of_stamps_and_delivery(client, page_size):
    assert read(client, "/applications", page_size=page_size) == in_order(MADE.applications.rows.to_pylist())


def test_users_come_as_they_were_delivered(client):
    assert read(client, "/users") == in_order(MADE.users.rows.to_pylist())


def test_a_page_is_no_longer_than_asked_and_says_what_follows(client):
    page = client.get("/users", params={"page_size": 5}).json()

    assert set(page) == {"items", "next", "total"}
    assert len(page["items"]) == 5
    assert page["total"] == MADE.users.rows.num_rows


def test_updated_since_gives_the_rows_stamped_then_or_later(client):
    since = in_order(MADE.users.rows.to_pylist())[100]["updated_at"]

    items = read(client, "/users", updated_since=since, page_size=20)

    assert items == [row for row in in_order(MADE.users.rows.to_pylist()) if row["updated_at"] >= since]


@pytest.mark.parametrize("since", ["2026-01-15T12:00:00Z", "2026-01-15T14:00:00+02:00", "2026-01-15T11:59:59.999999Z"])
def test_updated_since_is_an_instant_in_any_zone(client, since):
    items = read(client, "/users", updated_since=since)

    noon = "2026-01-15T12:00:00.000Z"
    assert items == [row for row in in_order(MADE.users.rows.to_pylist()) if row["updated_at"] >= noon]


def test_since_after_everything_is_an_empty_last_page(client):
    page = client.get("/users", params={"updated_since": "2030-01-01T00:00:00Z"}).json()

    assert page == {"items": [], "next": None, "total": 0}


def test_no_rows_are_an_empty_last_page():
    with serving(generate(0, 0)) as client:
        assert client.get("/users").json() == {"items": [], "next": None, "total": 0}


FORGED = base64.urlsafe_b64encode(json.dumps(["users", 2, 0, 99_999], separators=(",", ":")).encode()).decode()


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/users?page_size=0", "page_size"),
        ("/users?page_size=10001", "page_size"),
        ("/users?page_size=many", "page_size"),
        ("/users?updated_since=yesterday", "updated_since"),
        ("/users?updated_since=2026-01-01T00:00:00", "updated_since"),
        ("/users?cursor=", "cursor"),
        ("/users?cursor=%00%ff", "cursor"),
        ("/users?cursor=WzFd", "cursor"),
        (f"/users?cursor={FORGED}", "cursor"),
        (f"/applications?cursor={FORGED}", "cursor"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_that_names_the_parameter(client, path, names):
    reply = client.get(path)

    problem = reply.json()
    assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json")
    assert (problem["status"], problem["title"]) == (422, "Unprocessable Entity")
    assert names in problem["detail"]


def test_a_cursor_belongs_to_its_filter(client):
    since = {"updated_since": "2025-06-01T00:00:00Z"}
    cursor = client.get("/users", params={"page_size": 1, **since}).json()["next"]

    assert client.get("/users", params={"cursor": cursor, **since}).status_code == 200
    assert client.get("/users", params={"cursor": cursor}).status_code == 200
    assert client.get("/users", params={"cursor": cursor, "updated_since": "2025-06-02T00:00:00Z"}).status_code == 422


def test_an_unknown_path_is_a_problem_too(client):
    reply = client.get("/nobody")

    assert (reply.status_code, reply.headers["content-type"]) == (404, "application/problem+json")


def test_waves_can_be_advanced_only_where_that_is_allowed(client):
    assert client.post("/advance").status_code == 404
    assert client.get("/health").json() == {"status": "ok", "wave": 2, "last_wave": 2}


def test_each_wave_brings_its_rows_and_the_last_is_the_last():
    with serving(wave=0, allow_advance=True) as client:
        for wave in (0, 1, 2):
            assert client.get("/health").json()["wave"] == wave
            assert read(client, "/users") == in_order(MADE.users.as_of(wave).to_pylist())
            after = client.post("/advance")
        assert (after.status_code, after.headers["content-type"]) == (409, "application/problem+json")


def test_a_listing_keeps_to_the_wave_it_began_with():
    with serving(wave=0, allow_advance=True) as client:
        first = client.get("/users", params={"page_size": 100}).json()
        client.post("/advance")

        rest = client.get("/users", params={"page_size": 10_000, "cursor": first["next"]}).json()

    assert first["items"] + rest["items"] == in_order(MADE.users.as_of(0).to_pylist())
    assert rest["total"] == first["total"]


def test_a_reader_that_looks_ten_minutes_back_gets_everything_wave_by_wave():
    with serving(wave=0, allow_advance=True) as client:
        rows = read(client, "/users")
        for since in ("2026-01-28T23:50:00Z", "2026-01-29T23:50:00Z"):
            client.post("/advance")
            rows += read(client, "/users", updated_since=since)

    assert {tuple(row.values()) for row in rows} == {tuple(row.values()) for row in MADE.users.rows.to_pylist()}


def test_status_500_befalls_the_requests_named_and_no_other():
    with serving(faults=[Fault(FaultKind.STATUS_500, amount=2, first=2)]) as client:
        health = [client.get("/health").status_code for _ in range(3)]
        pages = [client.get("/users").status_code for _ in range(4)]

    assert (health, pages) == ([200, 200, 200], [200, 500, 500, 200])


def test_a_truncated_page_is_broken_json_once():
    with serving(faults=[Fault(FaultKind.TRUNCATE_PAGE, amount=1)]) as client:
        broken, whole = client.get("/users"), client.get("/users")

    assert broken.status_code == 200
    assert broken.content == whole.content[: len(whole.content) // 2]
    with pytest.raises(json.JSONDecodeError):
        broken.json()


def test_a_repeated_page_is_the_page_before_byte_for_byte():
    with serving(faults=[Fault(FaultKind.REPEAT_PAGE, amount=1, first=2)]) as client:
        first = client.get("/users", params={"page_size": 5})
        follow = {"page_size": 5, "cursor": first.json()["next"]}
        repeated, second = client.get("/users", params=follow), client.get("/users", params=follow)

    assert repeated.content == first.content
    assert second.json()["items"] == in_order(MADE.users.rows.to_pylist())[5:10]


def test_a_slow_source_takes_its_time():
    with serving(faults=[Fault(FaultKind.SLOW, amount=300)]) as client:
        began = time.monotonic()
        reply = client.get("/users")

    assert reply.status_code == 200
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("status-500:3", Fault(FaultKind.STATUS_500, 3)),
        ("truncate-page:1@4", Fault(FaultKind.TRUNCATE_PAGE, 1, 4)),
        ("slow:250", Fault(FaultKind.SLOW, 250)),
    ],
)
def test_faults_are_written_short(written, fault):
    assert Fault.parse(written) == fault


@pytest.mark.parametrize("written", ["status-500", "status-500:", "status-500:x", "status-500:1@0", "flood:1", ""])
def test_what_is_no_fault_is_refused(written):
    with pytest.raises(ValueError, match=r"fault|Fault"):
        Fault.parse(written)


@pytest.fixture
def discovery() -> Iterator[Callable[..., httpx.Client]]:
    """Starts the command on a free port; answers a client of it."""
    processes = []

    def start(*arguments: str) -> httpx.Client:
        command = [sys.executable, "-m", "inventory.discovery", "--port", "0", *arguments]
        processes.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return httpx.Client(base_url=processes[-1].stderr.readline().strip(), timeout=30)

    yield start
    for process in processes:
        process.terminate()
        process.wait(timeout=30)
        process.stderr.close()


def test_the_command_serves_what_the_options_say(discovery):
    options = ["--users", "120", "--applications", "60", "--seed", "5", "--wave", "1", "--allow-advance"]
    with discovery(*options, "--fault", "status-500:1") as client:
        assert client.base_url.host == "127.0.0.1"
        assert client.get("/users").status_code == 500
        assert read(client, "/users") == in_order(MADE.users.as_of(1).to_pylist())
        assert client.post("/advance").json() == {"wave": 2}


@pytest.mark.parametrize("arguments", [["--fault", "flood:1"], ["--users", "-1"], ["--wave", "3"]])
def test_the_command_refuses_what_it_cannot_do(arguments):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
