"""What must hold while several processes work on one warehouse, and while they are killed."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from sqlglot import exp

from lockgate.core.load import Landing, Pin
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Relation
from lockgate.core.sql import table
from lockgate.errors import TargetBusy
from lockgate.testing.warehouses.given import (
    ENTITY,
    RAW_USERS,
    SERVED,
    build,
    labels,
    publication,
    publish,
    route,
    staged,
    users,
)

Opening: TypeAlias = Callable[[], Warehouse]

USERS = 500
READERS = 2
SEED = 20240229
PRELOADED = [__name__, "adbc_driver_postgresql", "duckdb", "psycopg"]


class Process:
    """A process that runs `work(open_warehouse, pipe, *arguments)`, ready when it has sent its first word."""

    def __init__(self, work: Callable[..., None], *arguments: object) -> None:
        """Start it and wait until it is ready."""
        forking = multiprocessing.get_context("forkserver")
        forking.set_forkserver_preload(PRELOADED)
        self.pipe, theirs = forking.Pipe()
        self._process = forking.Process(target=work, args=(arguments[0], theirs, *arguments[1:]))
        self._process.start()
        theirs.close()
        assert self.pipe.recv() == "ready"

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self.join()

    def join(self) -> int | None:
        """Waits for its end; its exit code."""
        self._process.join()
        self.pipe.close()
        return self._process.exitcode


def read_on(open_warehouse: Opening, pipe: Connection) -> None:
    """Reads the served view until told to stop; sends how often, and what was no whole edition."""
    warehouse, reads = open_warehouse(), 0
    torn: list[Any] = []
    pipe.send("ready")
    while not pipe.poll(0.01):
        found = labels(warehouse)
        reads += 1
        if list(found.values()) != [USERS]:
            torn.append(found)
    pipe.send((reads, torn))
    warehouse.close()


def land_all(open_warehouse: Opening, pipe: Connection, landings: list[Landing]) -> None:
    """Lands each of these loads."""
    warehouse = open_warehouse()
    pipe.send("ready")
    for landing in landings:
        warehouse.land(landing)
    warehouse.close()


def publish_on(open_warehouse: Opening, pipe: Connection, built: list[Relation], times: int) -> None:
    """Publishes the built outputs in turn."""
    warehouse = open_warehouse()
    stored = warehouse.route(ENTITY)
    assert stored is not None
    pipe.send("ready")
    for number in range(times):
        warehouse.publish(publication(built[number % len(built)], "rules", stored.token))
    warehouse.close()


def hold_lock(open_warehouse: Opening, pipe: Connection) -> None:
    """Holds the lock `run` until it is killed."""
    with open_warehouse().lock("run", wait_seconds=1):
        pipe.send("ready")
        time.sleep(600)


class ProcessesConformance:
    """Readers beside publishers, and deaths at any instant."""

    @pytest.mark.parametrize(
        "times", [pytest.param(10, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.soak)]
    )
    def test_readers_see_whole_editions_while_others_are_published(
        self, warehouse: Warehouse, open_warehouse: Opening, times: int
    ) -> None:
        publish(warehouse, "rules", users(USERS, "edition 0"))
        readers = [Process(read_on, open_warehouse) for _ in range(READERS)]

        for number in range(1, times + 1):
            publish(warehouse, "rules", users(USERS, f"edition {number}"))
        for reader in readers:
            reader.pipe.send("stop")
        answers = [reader.pipe.recv() for reader in readers]

        assert [reader.join() for reader in readers] == [0] * READERS
        assert [torn for _, torn in answers] == [[]] * READERS
        assert all(reads > 0 for reads, _ in answers)
        assert labels(warehouse) == {f"edition {times}": USERS}

    @pytest.mark.parametrize(
        "kills", [pytest.param(3, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.soak)]
    )
    def test_a_landing_that_is_killed_leaves_whole_loads_and_a_second_one_lands_the_rest(
        self, warehouse: Warehouse, open_warehouse: Opening, tmp_path: Path, kills: int
    ) -> None:
        chance = random.Random(SEED)  # noqa: S311  (moments to kill at, not secrets)
        loads = [[{"id": row, "name": "x"} for row in range(1 + 700 * (number % 3))] for number in range(20)]
        landings = [staged(tmp_path, number, rows) for number, rows in enumerate(loads, start=1)]
        warehouse.land(landings[0])

        for _ in range(kills):
            process = Process(land_all, open_warehouse, landings)
            time.sleep(chance.uniform(0, 1.5))
            process.kill()
            told = {load.load_id: load.rows for load in warehouse.landed(RAW_USERS)}
            assert _counted(warehouse, last=max(told)) == told
        done = Process(land_all, open_warehouse, landings)

        assert done.join() == 0
        assert _counted(warehouse, last=len(loads)) == {number: len(rows) for number, rows in enumerate(loads, start=1)}

    @pytest.mark.parametrize(
        "kills", [pytest.param(3, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.soak)]
    )
    def test_a_publisher_that_is_killed_leaves_the_old_or_the_new_edition(
        self, warehouse: Warehouse, open_warehouse: Opening, kills: int
    ) -> None:
        chance = random.Random(SEED)  # noqa: S311  (moments to kill at, not secrets)
        names = ("a", "b", "c")
        route(warehouse)
        built = [build(warehouse, "rules", users(USERS, name), name=f"fct_{name}") for name in names]
        warehouse.publish(publication(built[0], "rules", 1))

        for _ in range(kills):
            process = Process(publish_on, open_warehouse, built, 1000)
            time.sleep(chance.uniform(0, 1.5))
            process.kill()
            (label,) = labels(warehouse)
            assert label in names
            assert labels(warehouse) == {label: USERS}
        last = warehouse.publish(publication(built[2], "rules", 1))

        assert labels(warehouse) == {"c": USERS}
        assert warehouse.editions(ENTITY)[-1] == last
        for edition in warehouse.editions(ENTITY):
            relation = warehouse.edition_relation(SERVED, edition)
            assert warehouse.query(exp.select("*").from_(table(relation))).num_rows == USERS

    @pytest.mark.slow
    def test_a_lock_dies_with_its_holder(self, warehouse: Warehouse, open_warehouse: Opening) -> None:
        holder = Process(hold_lock, open_warehouse)
        with pytest.raises(TargetBusy), warehouse.lock("run", wait_seconds=0.2):
            pytest.fail("two held one lock")
        with warehouse.lock("another", wait_seconds=0.2):
            pass

        holder.kill()

        with warehouse.lock("run", wait_seconds=5):
            pass


def _counted(warehouse: Warehouse, *, last: int) -> dict[int, int]:
    """How many rows `raw` shows of each load up to `last`."""
    warehouse.move_pins([Pin(RAW_USERS, 1, last)])
    count = exp.alias_(exp.Count(this=exp.Star()), "n")
    query = exp.select("_load_id", count).from_(table(RAW_USERS)).group_by("_load_id")
    return {row["_load_id"]: row["n"] for row in warehouse.query(query).to_pylist()}
