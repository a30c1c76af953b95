"""A database that is slow or dead costs requests about records no more than their deadline, and soon nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.app.application import App
from lockgate.app.record_circuit import FAILURES
from lockgate.app.record_desk import RecordDesk
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.run import Bounds
from lockgate.errors import WarehouseUnavailable
from lockgate.flow import Unwatched
from lockgate.sandbox.faulty_proxy import Fault, FaultyProxy
from lockgate.transform.cycle import move_pins

pytestmark = pytest.mark.slow

SECONDS = 60
DEADLINE, OPEN = 3.0, 1.0
PROJECT = """
project: shop
targets: {main: {kind: postgres, url: secret://warehouse}}
sources:
  files: {kind: csv, streams: {orders: {path: orders.csv, columns: {id: bigint, item: text}}}}
entities:
  orders: {key: [id], contract: {id: bigint, item: text}, implementations: {rules: {rules: orders.yml}}}
"""
RULES = """
entity: orders
from: raw.orders
rules:
  - derive: {item: upper(item)}
output: [id, item]
"""
FAULTS = [fault for fault in Fault if fault is not Fault.NONE]


@pytest.fixture
def proxy(postgres_url) -> Iterator[FaultyProxy]:
    opened = FaultyProxy(postgres_url)
    yield opened
    opened.close()


@pytest.fixture
def wiring(tmp_path: Path, proxy, monkeypatch) -> Iterator[Wiring]:
    monkeypatch.setenv("LOCKGATE_SECRET_WAREHOUSE", proxy.url)
    monkeypatch.setattr("lockgate.app.record_circuit.OPEN_SECONDS", OPEN)
    for place in ("record_desk", "record_programs"):
        monkeypatch.setattr(f"lockgate.app.{place}.ANSWER_SECONDS", DEADLINE)
    files = {"lockgate.yml": PROJECT, "orders.yml": RULES, "orders.csv": "id,item\n1,y\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    opened = open_wiring(tmp_path, None)
    App(opened).load((), Bounds(), Unwatched())
    move_pins(opened.warehouse, opened.project.relations())
    yield opened
    proxy.fault = Fault.NONE
    opened.close()


class Asking:
    """A desk that is asked, and how long the longest answer took while the database was away."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.desk = RecordDesk(wiring)
        self.longest = 0.0

    def item(self) -> object:
        asked = self.desk.ask(self.wiring.project.entities["orders"], [{"id": 1, "item": "y"}])
        return asked.result(SECONDS).outcomes[0]["output"]

    def refused(self) -> WarehouseUnavailable:
        began = time.monotonic()
        with pytest.raises(WarehouseUnavailable) as told:
            self.item()
        self.longest = max(self.longest, time.monotonic() - began)
        return told.value

    def goes_through(self, proxy: FaultyProxy, fault: Fault) -> None:
        """From a fault, until the circuit is open, to the database's return, once it is closed."""
        proxy.fault = fault
        tried = [self.refused() for _ in range(FAILURES)]
        left_alone = [self.refused() for _ in range(3)]
        proxy.fault = Fault.NONE

        assert [one.fields.get("retry_seconds") for one in tried] == [None] * FAILURES
        assert [one.fields.get("retry_seconds") for one in left_alone] == [1] * 3
        assert self.answered_again() == {"id": 1, "item": "Y"}

    def answered_again(self) -> object:
        """What is answered at last, once a turn has asked the database again."""
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            try:
                return self.item()
            except WarehouseUnavailable:
                time.sleep(0.1)
        raise AssertionError("it is not answered again")


@pytest.fixture
def asking(wiring) -> Iterator[Asking]:
    opened = Asking(wiring)
    assert opened.item() == {"id": 1, "item": "Y"}
    yield opened
    opened.desk.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_database_that_does_not_answer_is_left_alone_until_it_may_again(asking, proxy, fault):
    asking.goes_through(proxy, fault)


@pytest.mark.soak
def test_no_answer_is_later_than_its_deadline_in_a_hundred_and_sixty_faults(asking, proxy):
    for number in range(160):
        asking.goes_through(proxy, FAULTS[number % len(FAULTS)])

    assert asking.longest <= DEADLINE * 1.1
