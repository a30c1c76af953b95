"""The ledger keeps loads as its conformance suite says, apart for each project and target, whoever writes at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.core.load import LoadStatus
from lockgate.errors import TargetBusy, UnknownName
from lockgate.testing.ledger import LEDGER_CHECKS, NEW, NOON, RESUME, STAGED


@pytest.mark.parametrize("check", LEDGER_CHECKS, ids=lambda check: check.__name__)
def test_conforms(store, check):
    check(store.loads)


def test_scopes_do_not_see_each_other(opened):
    ours, theirs, elsewhere = opened(), opened(project="sales"), opened(target="postgres")

    load = ours.loads.open_load(NEW)

    assert ours.loads.unfinished("discovery", "users") == load
    for other in (theirs, elsewhere):
        assert other.loads.unfinished("discovery", "users") is None
        assert other.loads.loads() == ()
        with pytest.raises(UnknownName, match=f"there is no load {load.load_id}"):
            other.loads.load(load.load_id)


def test_one_load_is_found_by_its_number(store):
    load = store.loads.open_load(NEW)

    assert store.loads.load(load.load_id) == load


def test_loads_are_found_by_stream_and_status_and_read_on_behind_one(store):
    users, other = store.loads.open_load(NEW), store.loads.open_load(replace(NEW, stream="applications"))
    failed = store.loads.open_load(replace(NEW, status=LoadStatus.FAILED))

    def found(**asked):
        return [load.load_id for load in store.loads.loads(**asked)]

    assert found(before=failed.load_id) == [other.load_id, users.load_id]
    assert found(source="discovery", stream="users") == [failed.load_id, users.load_id]
    assert found(status=LoadStatus.FAILED) == [failed.load_id]
    assert found(source="elsewhere") == []


def test_streams_that_never_set_a_record_aside_are_known(store, opened):
    landed = replace(NEW, status=LoadStatus.LANDED)
    for stream, rejected in (("clean", 0), ("once", 0), ("once", 3), ("once", 0)):
        store.loads.open_load(replace(landed, stream=stream, rejected=rejected))
    store.loads.open_load(replace(landed, stream="going on"))
    store.loads.open_load(replace(NEW, stream="going on"))

    assert store.loads.clean_streams() == {("discovery", "clean")}
    assert opened(project="sales").loads.clean_streams() == frozenset()


def test_a_load_that_is_not_there_cannot_go_on(store):
    with pytest.raises(TargetBusy, match="load 99 was ended by another process"):
        store.loads.add_staged(99, STAGED, RESUME)


def test_an_instant_without_zone_is_refused(store):
    with pytest.raises(Exception, match="an instant needs its time zone"):
        store.loads.open_load(replace(NEW, started_at=NOON.replace(tzinfo=None)))

    assert store.loads.loads() == ()


WRITE_MANY = """
import sys
from dataclasses import replace
from lockgate.core.load import LoadStatus
from lockgate.store import open_store
from lockgate.testing.ledger import NEW, NOON, RESUME, STAGED

loads = open_store(sys.argv[1], project="inventory", target="main").loads
for _ in range(25):
    load = loads.open_load(NEW)
    loads.add_staged(load.load_id, STAGED, RESUME)
    loads.finish(replace(load, status=LoadStatus.LANDED, finished_at=NOON))
    print(load.load_id)
"""


@pytest.mark.slow
def test_processes_that_start_and_write_at_once_all_get_through(at_once, opened):
    printed = at_once(WRITE_MANY, processes=4)

    assert sorted(int(number) for lines in printed for number in lines.split()) == list(range(1, 101))
    assert [(load.load_id, load.status) for load in opened().loads.loads()] == [
        (number, LoadStatus.LANDED) for number in range(100, 0, -1)
    ]
