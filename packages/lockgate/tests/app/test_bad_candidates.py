"""Bad candidates in canary are rolled back before they do much harm, and good ones are left alone.

The desk, the control plane, the target and the controller are real; what the two sides make of records is drawn, and so
are the seconds that they take: a clock of the test's own goes on by these, nothing sleeps.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest

from lockgate.app.control_loop import ControlLoop
from lockgate.app.record_desk import RecordDesk
from lockgate.app.record_programs import Lent
from lockgate.app.traffic_book import FLUSH_REQUESTS, TrafficBook
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.cutover import Action
from lockgate.core.relation import Relation
from lockgate.core.route import Stage
from lockgate.errors import StatementFailed
from lockgate.transform.cycle import ensure_route

PROJECT = """
project: shop
entities:
  orders:
    key: [id]
    contract: {id: bigint, item: text}
    implementations: {old: {rules: old.yml}, new: {rules: new.yml}}
    route: {incumbent: old, candidate: new}
"""
RULES = "entity: orders\nfrom: raw.orders\noutput: [id, item]\n"
SECONDS = 60
REQUESTS = 2_000
# The first share of a policy that names none.
SHARE = 500
USUAL_SECONDS, SPREAD = 0.2, 0.3


@dataclass(frozen=True, slots=True)
class Kind:
    """How a candidate differs from its incumbent: shares of requests and of records, and a factor on the time."""

    errors: float = 0.0
    wrong: float = 0.0
    times: float = 1.0


BAD = {"errors": Kind(errors=0.02), "slow": Kind(times=1.5), "wrong": Kind(wrong=0.01)}
# As bad as a guard calls good: a tenth of what it is there for.
GOOD = Kind(errors=0.002, wrong=0.0005)


class Drawn:
    """Stands where rules would: gives each record back, late, wrong or not at all, as drawn."""

    is_apart = is_alone = True

    def __init__(self, world: World, kind: Kind) -> None:
        self.world = world
        self.kind = kind

    def outcomes(self, requests: Sequence[Sequence[dict]]) -> list[pa.Table]:
        draw = self.world.draw
        self.world.now += USUAL_SECONDS * self.kind.times * draw.lognormvariate(0, SPREAD)
        if draw.random() < self.kind.errors:
            raise StatementFailed("drawn")
        return [self.table([record["id"] for record in request]) for request in requests]

    def table(self, ids: list[int]) -> pa.Table:
        items = ["wrong" if self.world.draw.random() < self.kind.wrong else "right" for _ in ids]
        plain = {"_outcome": ["ok"] * len(ids), "_reason": pa.nulls(len(ids), pa.string())}
        return pa.table({"id": ids, "item": items, **plain})


class World:
    """One candidate's life in canary."""

    def __init__(self, wiring: Wiring, kind: Kind, seed: int) -> None:
        self.wiring = wiring
        self.draw = random.Random(seed)
        self.now = 0.0
        self.programs = {"old": Drawn(self, Kind()), "new": Drawn(self, kind)}
        self.is_slow = kind.times > 1
        self.entity = wiring.project.entities["orders"]
        route = replace(ensure_route(self.entity, wiring.warehouse), candidate="new", stage=Stage.CANARY, share=SHARE)
        self.token = wiring.warehouse.set_route(route).token
        judge = ControlLoop(wiring, SECONDS).judge
        self.book = TrafficBook(wiring.store.evidence.write_traffic, judge)
        self.desk = RecordDesk(wiring, seen=self.seen, programs=self, timer=lambda: self.now)
        self.desk.shadow.compare_later = self.desk.shadow.compare_now
        self.harmed = self.waiting = 0

    @contextmanager
    def lend(self, entity, implementation) -> Iterator[Lent]:
        yield Lent(self.programs[implementation.name], "rows", self.revision(implementation), Relation("raw", "orders"))

    def refusal(self, entity, implementation) -> None:
        """Both answer."""

    def wait(self, entity, implementation) -> None:
        """Both are there."""

    def revision(self, implementation) -> str:
        return self.wiring.revision(implementation)

    def close(self) -> None:
        """Nothing is open."""

    def seen(self, pair, token, traffic) -> None:
        self.book.count(pair, token, traffic)
        self.waiting += traffic.requests

    def lived(self) -> int | None:
        """After how many requests it was rolled back; None where it was not."""
        for number in range(1, REQUESTS + 1):
            answer = self.desk.ask(self.entity, [{"id": self.draw.randrange(10**9)}]).result(SECONDS)
            (outcome,) = answer.outcomes
            is_wrong = outcome["output"]["item"] == "wrong"
            is_late = outcome["engine"] == "new" and self.is_slow
            self.harmed += is_wrong or is_late or answer.fallen_back is not None
            if self.waiting >= FLUSH_REQUESTS:
                self.waiting = 0
                assert self.book.flush()
                if self.wiring.warehouse.route("orders").token != self.token:
                    return number
        return None

    def ended(self) -> int | None:
        try:
            return self.lived()
        finally:
            self.desk.close()


@pytest.fixture
def wiring(tmp_path: Path) -> Iterator[Wiring]:
    files = {"lockgate.yml": PROJECT, "old.yml": RULES, "new.yml": RULES}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    opened = open_wiring(tmp_path, None)
    yield opened
    opened.close()


def bad(wiring: Wiring, name: str, count: int) -> None:
    """All of them are rolled back in time, and for what is wrong with them."""
    worlds: list[World] = []
    lives = []
    for seed in range(count):
        worlds.append(World(wiring, BAD[name], seed))
        lives.append(worlds[-1].ended())
        newest = wiring.store.cutovers.decisions("orders", limit=1)[0]
        assert (newest.action, newest.after.stage, newest.after.share) == (Action.ROLL_BACK, Stage.SHADOW, 0)
        assert wiring.warehouse.route("orders") == newest.after
        assert REASONS[name] in newest.reason

    assert None not in lives
    harmed = [world.harmed for world in worlds]
    tell(name, lives, f"harmed answers {sum(harmed)} of {count * REQUESTS}, most {max(harmed)}")
    assert max(harmed) <= 0.02 * REQUESTS


REASONS = {"errors": "alone failed", "slow": "times as long as old", "wrong": "were answered differently"}


def good(wiring: Wiring, count: int, allowed: int) -> None:
    """Next to none is rolled back."""
    lives = [World(wiring, GOOD, 1_000 + seed).ended() for seed in range(count)]

    alarms = [life for life in lives if life is not None]
    tell("good", alarms, f"false alarms {len(alarms)} of {count}")
    assert len(alarms) <= allowed


def tell(name: str, lives: Sequence[int], more: str) -> None:
    if lives:
        more = f"requests until rollback: median {statistics.median(lives):.0f}, most {max(lives)}; {more}"
    print(f"{name}: {more}")


@pytest.mark.parametrize("name", BAD)
def test_bad_candidates_are_rolled_back(wiring, name):
    bad(wiring, name, 2)


def test_good_candidates_are_left_alone(wiring):
    good(wiring, 5, 0)


@pytest.mark.soak
@pytest.mark.parametrize("name", BAD)
def test_fifty_bad_candidates_are_rolled_back(wiring, name):
    bad(wiring, name, 50)


@pytest.mark.soak
def test_of_two_hundred_good_candidates_four_at_most_are_rolled_back(wiring):
    good(wiring, 200, 4)
