"""While a server runs, routes are judged by themselves: silence is noticed though nobody asks anything."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from lockgate.app import control_loop
from lockgate.app.control_loop import ControlLoop
from lockgate.app.deciding import note_move
from lockgate.app.pairs import pair_of
from lockgate.app.sending import STOP_SECONDS
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.cutover import Action
from lockgate.core.gate import EvidenceKind, Traffic
from lockgate.core.notice import DeliveryStatus, NotificationDeclaration
from lockgate.core.route import Stage
from lockgate.errors import WarehouseUnavailable
from lockgate.testing.alerts import NOTICE
from lockgate.transform.cycle import ensure_route

SECONDS = 20
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PROJECT = """
project: shop
policies:
  strict: {guard: {silence: 60s}}
entities:
  orders:
    key: [id]
    contract: {id: bigint}
    implementations: {old: {rules: old.yml}, new: {rules: new.yml}}
    route: {incumbent: old, candidate: new, policy: strict}
  plain:
    key: [id]
    contract: {id: bigint}
    implementations: {old: {rules: plain.yml}}
"""
RULES = "entity: {entity}\nfrom: raw.orders\noutput: [id]\n"


@pytest.fixture
def wiring(tmp_path: Path) -> Iterator[Wiring]:
    (tmp_path / "lockgate.yml").write_text(PROJECT, encoding="utf-8")
    for name, entity in (("old", "orders"), ("new", "orders"), ("plain", "plain")):
        (tmp_path / f"{name}.yml").write_text(RULES.format(entity=entity), encoding="utf-8")
    opened = open_wiring(tmp_path, None)
    yield opened
    opened.close()


@pytest.fixture
def silent(wiring) -> Wiring:
    """A canary of which something was heard once, two minutes ago."""
    entity = wiring.project.entities["orders"]
    route = replace(ensure_route(entity, wiring.warehouse), candidate="new", stage=Stage.CANARY, share=500)
    moved = wiring.warehouse.set_route(route)
    note_move(wiring, entity, moved)
    token = moved.token
    began, now = wiring.clock(), wiring.clock
    pair = pair_of(wiring, entity, "old", "new")
    wiring.store.evidence.add_evidence(EvidenceKind.EXECUTION, pair, token, began, by="test", facts=FACTS)
    wiring.store.evidence.write_traffic(pair, token, "one", Traffic(requests=1, last_at=began))
    wiring.clock = lambda: now() + timedelta(seconds=120)
    return wiring


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_server_of_before_leaves_a_candidate_alone_that_was_declared_since(wiring, is_declared):
    entity = wiring.project.entities["orders"]
    route = replace(ensure_route(entity, wiring.warehouse), candidate="newest", stage=Stage.CANARY, share=500)
    moved = wiring.warehouse.set_route(route)
    if is_declared:
        file = wiring.project.folder / "lockgate.yml"
        text = file.read_text(encoding="utf-8")
        assert text.count("new: {rules: new.yml}") == 1
        more = text.replace("new: {rules: new.yml}", "new: {rules: new.yml}, newest: {rules: new.yml}")
        file.write_text(more, encoding="utf-8")

    ControlLoop(wiring, SECONDS).judge("orders")

    stage = wiring.warehouse.route("orders").stage
    assert stage is (moved.stage if is_declared else Stage.OFF)


FACTS = {"implementation": "old", "seconds": 1, "bytes": 0, "error": ""}


def until_shadow(wiring: Wiring) -> bool:
    waits = threading.Event()
    return any(wiring.warehouse.route("orders").stage is Stage.SHADOW or waits.wait(0.02) for _ in range(50 * SECONDS))


def test_silence_rolls_back_by_itself(silent):
    loop = ControlLoop(silent, 0.02)
    loop.start()

    assert until_shadow(silent)
    loop.close()
    decision, _ = silent.store.cutovers.decisions("orders")
    assert decision.action is Action.ROLL_BACK
    assert decision.reason.startswith("nothing was heard of new since")
    assert silent.store.cutovers.rollbacks() == {"orders": 1}


def test_several_loops_decide_once(silent):
    loops = [ControlLoop(silent, 0.01) for _ in range(3)]
    for loop in loops:
        loop.start()

    assert until_shadow(silent)
    for loop in loops:
        loop.close()
    assert len(silent.store.cutovers.decisions("orders")) == 2


def test_an_error_is_told_once_and_ends_nothing(silent, monkeypatch, caplog):
    judge, failures = control_loop.judge, iter(range(3))

    def fails_at_first(wiring, group):
        if next(failures, None) is not None:
            raise WarehouseUnavailable("away")
        return judge(wiring, group)

    monkeypatch.setattr(control_loop, "judge", fails_at_first)
    loop = ControlLoop(silent, SECONDS)
    for _ in range(4):
        loop.judge("orders")

    assert silent.warehouse.route("orders").stage is Stage.SHADOW
    assert [record.message for record in caplog.records].count("not judged") == 1


def test_names_of_revisions_are_resolved_anew_at_every_look(wiring, monkeypatch):
    looks = threading.Semaphore(0)
    monkeypatch.setattr(wiring.revisions, "forget", looks.release)
    loop = ControlLoop(wiring, 0.01)
    loop.start()

    assert all(looks.acquire(timeout=SECONDS) for _ in range(2))
    loop.close()


def test_a_receiver_that_hangs_holds_up_neither_judging_nor_the_stop(silent):
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        hanging.settimeout(SECONDS)
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}/"
        hook = NotificationDeclaration("hook", "webhook", options={"url": url, "secret": SECRET})
        silent.project = replace(silent.project, notifications={"hook": hook})
        silent.store.notices.add(NOTICE, ["hook"])
        loop = ControlLoop(silent, 0.02)
        loop.start()
        connection, _ = hanging.accept()

        with connection:
            assert until_shadow(silent)
            began = monotonic()
            loop.close()
            took = monotonic() - began

    assert took < STOP_SECONDS + 2
    assert {one.status for one in silent.store.notices.notices()} == {DeliveryStatus.PENDING}
