"""What is taken back is taken back within a second, whichever process answers."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

SCRIPT = Path(__file__).with_name("serve_together.py")
PASSWORD = "eleven grey herons at dawn"
IN_FORCE_SECONDS = 1.0


@pytest.fixture
def access(in_memory, tmp_path):
    """Who may, as another process changes it."""
    folder = tmp_path / "shared"
    folder.mkdir()
    shutil.copy(in_memory.access.folder / "control.db", folder / "control.db")
    opened = type(in_memory.access)(folder)
    yield opened
    opened.close()
    in_memory.access.close()


@pytest.fixture
def url(access, tmp_path):
    """A server of two processes over the same control plane."""
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(access.folder)], stdout=log, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + 120
        while (text := (tmp_path / "log").read_text()).count("started") < 2:
            assert process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.05)
        yield re.search(r"http://[\d.]+:\d+", text)[0]
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.fixture
def at_each(url, access):
    """Connections to each of the two processes, each of which is kept."""
    _, text = access.add_token("finder", ["viewer"], by="somebody")
    found: dict[str, httpx.Client] = {}
    opened = []
    while len(found) < 2:
        client = httpx.Client(base_url=url, timeout=30)
        opened.append(client)
        answer = client.get("/api/entities", headers={"Authorization": f"Bearer {text}"})
        found.setdefault(answer.json()["entities"][0]["entityType"], client)
        assert len(opened) < 200
    yield list(found.values())
    for client in opened:
        client.close()


def latest_admitted(client: httpx.Client, path: str, headers: dict[str, str], since: float, status: int) -> float:
    """How long after a moment the last request began that was still admitted; from then on all are refused."""
    last = 0.0
    while True:
        began = time.monotonic()
        answer = client.get(path, headers=headers)
        if answer.status_code == 200:
            last = began - since
            continue
        assert answer.status_code == status
        if began - since > IN_FORCE_SECONDS:
            return last


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def by_cookie(begun) -> dict[str, str]:
    return {"Cookie": f"__Host-lockgate={begun.secret}"}


@pytest.mark.slow
def test_each_process_hears_within_a_second_of_whatever_is_taken_back(at_each, access):
    made, text = access.add_token("ci", ["admin"], by="somebody")
    people = {}
    for name in ("leaver", "disabled", "removed", "renewed", "demoted"):
        access.add_person(name, PASSWORD, ["admin"])
        people[name] = access.sign_in(name, PASSWORD)
    access.add_person("stays", PASSWORD, ["admin"])
    stays = access.sign_in("stays", PASSWORD)
    ends = (
        (lambda: access.revoke_token(made.token_id), bearer(text), "/api/jobs", 401),
        (
            lambda: access.sign_out(people["leaver"].session.session_id),
            bearer(people["leaver"].token),
            "/api/jobs",
            401,
        ),
        (lambda: access.set_enabled("disabled", is_enabled=False), by_cookie(people["disabled"]), "/api/jobs", 401),
        (lambda: access.remove_person("removed"), by_cookie(people["removed"]), "/api/jobs", 401),
        (lambda: access.set_password("renewed", PASSWORD[::-1]), bearer(people["renewed"].token), "/api/jobs", 401),
        (lambda: access.set_roles("demoted", ["viewer"]), by_cookie(people["demoted"]), "/people", 403),
    )

    for end, headers, path, status in ends:
        assert [client.get(path, headers=headers).status_code for client in at_each] == [200, 200]
        end()
        since = time.monotonic()
        assert max(latest_admitted(client, path, headers, since, status) for client in at_each) <= IN_FORCE_SECONDS
        assert [client.get("/api/jobs", headers=by_cookie(stays)).status_code for client in at_each] == [200, 200]


@pytest.mark.slow
def test_whoever_signs_in_at_one_process_is_known_to_the_other_at_once(at_each, access):
    access.add_person("ada", PASSWORD, ["viewer"])
    one, other = at_each

    for _ in range(5):
        token = one.post("/api/token", json={"name": "ada", "password": PASSWORD}).json()["access_token"]

        assert other.get("/api/jobs", headers=bearer(token)).status_code == 200
