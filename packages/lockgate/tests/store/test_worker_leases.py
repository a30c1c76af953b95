"""A slot is held by one process at a time, for as long as it renews its lease."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import update

from lockgate.core.job import Lease
from lockgate.errors import ControlPlaneUnavailable
from lockgate.store import open_store
from lockgate.store.tables import worker
from lockgate.store.worker_leases import LEASE_SECONDS


@pytest.fixture
def expire(store):
    """Lets all leases expire."""

    def expire():
        with store.database.writing() as connection:
            past = worker.c.expires_at
            rows = connection.execute(worker.select()).mappings().all()
            for row in rows:
                earlier = row["expires_at"] - timedelta(seconds=LEASE_SECONDS + 1)
                connection.execute(update(worker).where(worker.c.slot == row["slot"]).values({past: earlier}))

    return expire


def test_each_process_gets_a_slot_of_its_own(store):
    leases = [store.workers.take("host") for _ in range(3)] + [store.workers.take("other")]

    assert [lease.slot for lease in leases] == ["host-1", "host-2", "host-3", "other-1"]
    assert len({lease.token for lease in leases}) == 4


def test_a_lease_is_renewed_by_its_holder_alone(store):
    lease = store.workers.take("host")

    assert store.workers.renew(lease)
    assert not store.workers.renew(Lease(lease.slot, lease.token + 1))
    assert not store.workers.renew(Lease("host-2", lease.token))


def test_a_slot_whose_lease_expired_is_taken_and_its_holder_fenced(store, expire):
    stopped = store.workers.take("host")
    expire()

    lease = store.workers.take("host")

    assert (lease.slot, lease.token > stopped.token) == ("host-1", True)
    assert not store.workers.renew(stopped)
    assert store.workers.renew(lease)


def test_a_lease_that_expired_and_that_nobody_took_is_renewed(store, expire):
    lease = store.workers.take("host")
    expire()

    assert store.workers.renew(lease)
    assert store.workers.take("host").slot == "host-2"


def test_a_lease_that_is_held_is_not_fenced(store):
    lease = store.workers.take("host")

    assert not store.workers.fence(lease)
    assert store.workers.renew(lease)


def test_a_lease_that_expired_is_fenced_for_ever(store, expire):
    lease = store.workers.take("host")
    expire()

    assert store.workers.fence(lease)
    assert store.workers.fence(lease)
    assert not store.workers.renew(lease)


def test_a_lease_of_which_nothing_is_known_counts_as_fenced(store):
    assert store.workers.fence(Lease("host-1", 1))


def test_whoever_came_after_is_not_fenced_along(store, expire):
    stopped = store.workers.take("host")
    expire()
    lease = store.workers.take("host")

    assert store.workers.fence(stopped)
    assert store.workers.renew(lease)


def test_a_slot_that_was_released_is_free_at_once_under_a_new_token(store):
    first = store.workers.take("host")
    store.workers.release(first)

    second = store.workers.take("host")

    assert (second.slot, second.token > first.token) == ("host-1", True)
    assert not store.workers.renew(first)


def test_projects_do_not_share_slots(opened):
    ours, theirs = opened().workers, opened(project="sales").workers
    lease = ours.take("host")

    assert theirs.take("host").slot == "host-1"
    assert theirs.fence(lease)
    assert ours.renew(lease)


def test_a_process_that_stops_while_it_renews_keeps_nobody_waiting_for_long(postgres_url, monkeypatch):
    monkeypatch.setattr("lockgate.store.database.STOPPED_SECONDS", 1)
    stopped, other = (open_store(postgres_url, project="inventory", target="main") for _ in range(2))
    stopped.workers._lasts = timedelta(seconds=0)
    lease = stopped.workers.take("host")

    def stop_in_the_middle():
        with stopped.database.writing() as connection:
            connection.execute(update(worker).values(host="stopped here"))
            assert other.workers.fence(lease)

    with pytest.raises(ControlPlaneUnavailable):
        stop_in_the_middle()

    assert not stopped.workers.renew(lease)
    stopped.close()
    other.close()


TAKE = """
import socket, sys, time
from lockgate.store import open_store

workers = open_store(sys.argv[1], project="inventory", target="main").workers
lease = workers.take("host")
time.sleep(2)
print(lease.slot, workers.renew(lease))
"""


@pytest.mark.slow
def test_processes_that_start_at_once_take_different_slots(at_once, opened):
    opened()

    assert sorted(at_once(TAKE, processes=4)) == [f"host-{number} True\n" for number in (1, 2, 3, 4)]


def test_a_lease_runs_out_by_itself(opened):
    workers = opened().workers
    workers._lasts = timedelta(seconds=0.2)
    lease = workers.take("host")
    assert not workers.fence(lease)

    time.sleep(0.3)

    assert workers.fence(lease)


def test_a_slot_that_is_named_is_held_by_one_until_it_is_given_up_or_expires(store, expire):
    first = store.workers.hold("plan/users-1", "plan")

    assert first is not None
    assert store.workers.is_held("plan/users-1")
    assert store.workers.hold("plan/users-1", "plan") is None
    assert not store.workers.is_held("plan/users-2")

    expire()

    assert not store.workers.is_held("plan/users-1")
    second = store.workers.hold("plan/users-1", "plan")
    assert second is not None
    assert second.token > first.token
    assert not store.workers.renew(first)
    store.workers.release(second)
    assert not store.workers.is_held("plan/users-1")
