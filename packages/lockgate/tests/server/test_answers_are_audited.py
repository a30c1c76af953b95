"""Whatever a server answered about records is in the audit, though its process was killed a moment later."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from lockgate.app.access import Access
from lockgate.app.application import App
from lockgate.app.wiring import open_wiring
from lockgate.core.access import AuditEntry
from lockgate.core.run import Bounds
from lockgate.flow import Unwatched
from lockgate.transform.cycle import move_pins

FILES = {
    "lockgate.yml": """
project: shop
sources:
  files:
    kind: csv
    streams:
      orders: {path: orders.csv, columns: {id: bigint, item: text}}
entities:
  orders:
    key: [id]
    contract: {id: bigint, item: text}
    implementations: {rules: {rules: rules.yml}}
    route: {incumbent: rules}
""",
    "rules.yml": """
entity: orders
from: raw.orders
rules:
  - validate: {that: id is not null, reason: no id}
output: [id, item]
""",
    "orders.csv": "id,item\n1,y\n",
}
CLIENTS = 8
ENOUGH = 120


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    wiring = open_wiring(tmp_path, None)
    App(wiring).load((), Bounds(), Unwatched())
    move_pins(wiring.warehouse, wiring.project.relations())
    wiring.close()
    return tmp_path


@pytest.fixture
def process(project: Path) -> Iterator[subprocess.Popen]:
    with (project / "log").open("w") as log:
        command = [sys.executable, "-m", "lockgate", "serve", "--port", "0"]
        started = subprocess.Popen(command, cwd=project, stdout=log, stderr=subprocess.STDOUT)
    yield started
    started.kill()
    started.wait(30)


def address_of(project: Path) -> str:
    """Where the server listens, once it answers."""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        found = re.search(r"http://[\d.]+:\d+", (project / "log").read_text())
        if found:
            return found.group()
        time.sleep(0.05)
    raise AssertionError((project / "log").read_text())


def ask(url: str, client_number: int, answered: list[str]) -> None:
    """Asks one thing after the other until the server is gone."""
    with httpx.Client(base_url=url, timeout=60) as client:
        for number in range(100_000):
            name = f"client-{client_number}.{number}"
            body = {"entityType": "orders", "records": [{"id": number, "item": "a"}]}
            try:
                response = client.post("/api/transform", json=body, headers={"X-Correlation-Id": name})
            except httpx.TransportError:
                return
            assert response.status_code == 200, response.text
            assert response.json()["outcomes"][0]["output"] == {"id": number, "item": "a"}
            answered.append(name)


def audited(project: Path) -> tuple[AuditEntry, ...]:
    wiring = open_wiring(project, None)
    try:
        return Access(wiring).audit(action="records.transform", limit=100_000)
    finally:
        wiring.close()


@pytest.mark.slow
def test_what_was_answered_before_the_process_was_killed_is_in_the_audit(project, process):
    url, answered = address_of(project), []

    with ThreadPoolExecutor(CLIENTS) as threads:
        asking = [threads.submit(ask, url, number, answered) for number in range(CLIENTS)]
        while len(answered) < ENOUGH and not any(each.done() for each in asking):
            time.sleep(0.01)
        process.kill()
    for each in asking:
        each.result()

    entries = audited(project)
    times = Counter(entry.correlation_id for entry in entries)
    assert len(answered) >= ENOUGH
    assert set(answered) - set(times) == set()
    assert set(times.values()) == {1}
    told = {(entry.actor, entry.subject, entry.outcome.value, str(dict(entry.facts))) for entry in entries}
    assert told == {("loopback", "orders", "done", "{'records': 1}")}
