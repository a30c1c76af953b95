"""A server tells what it decides, and what is decided through it: no command is run for that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.app.application import App
from lockgate.app.service import Service
from lockgate.app.wiring import open_wiring
from lockgate.core.route import Stage
from lockgate.core.run import Bounds
from lockgate.flow import Unwatched
from lockgate.sandbox.alerts import Receiver, webhook
from lockgate.transform.cycle import ensure_route, move_pins

pytestmark = pytest.mark.slow

SECONDS = 30
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PROJECT = """
project: shop
sources:
  files: {{kind: csv, streams: {{orders: {{path: orders.csv, columns: {{id: bigint, item: text}}}}}}}}
notifications:
  hook: {{kind: webhook, url: {url}/hooks, secret: secret://hook}}
entities:
  orders:
    key: [id]
    contract: {{id: bigint, item: text}}
    implementations: {{old: {{rules: old.yml}}, new: {{rules: new.yml}}}}
    route: {{incumbent: old, candidate: new}}
"""
OLD = """
entity: orders
from: raw.orders
rules:
  - validate: {that: id is not null, reason: no id}
output: [id, item]
"""
BAD = OLD.replace("output:", "  - derive: {item: upper(item)}\noutput:")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(webhook("/hooks", SECRET)) as receiver:
        yield receiver


@pytest.fixture
def service(tmp_path: Path, receiver, monkeypatch) -> Iterator[Service]:
    """A server of a bad candidate in canary, which looks by itself far too seldom."""
    monkeypatch.setenv("LOCKGATE_SECRET_HOOK", SECRET)
    monkeypatch.setenv("LOCKGATE_JUDGE_SECONDS", "600")
    project = PROJECT.format(url=receiver.url)
    files = {"lockgate.yml": project, "old.yml": OLD, "new.yml": BAD, "orders.csv": "id,item\n1,y\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    wiring = open_wiring(tmp_path, None)
    App(wiring).load((), Bounds(), Unwatched())
    move_pins(wiring.warehouse, wiring.project.relations())
    route = ensure_route(wiring.project.entities["orders"], wiring.warehouse)
    wiring.warehouse.set_route(replace(route, stage=Stage.CANARY, share=5_000))
    wiring.close()
    with Service.open(tmp_path) as service:
        service.start()
        yield service


def told(receiver: Receiver) -> list[str]:
    return [request.document()["type"] for request in receiver.taken]


def until_told(receiver: Receiver, kind: str) -> bool:
    waits = threading.Event()
    return any(kind in told(receiver) or waits.wait(0.05) for _ in range(20 * SECONDS))


def test_a_roll_back_by_traffic_is_told(service, receiver):
    for number in range(300):
        service.transform_records("orders", [{"id": number, "item": "b"}]).result(SECONDS)

    assert until_told(receiver, "lockgate.cutover.rolled_back")
    assert service.cutover("orders").route.stage is Stage.SHADOW


def test_a_roll_back_by_a_caller_is_told(service, receiver):
    service.roll_back("orders", by="anna", reason="looks odd")

    assert until_told(receiver, "lockgate.cutover.rolled_back")


def test_what_was_decided_just_before_the_stop_is_told(service, receiver):
    service.roll_back("orders", by="anna", reason="looks odd")
    service._control.close()

    assert "lockgate.cutover.rolled_back" in told(receiver)
