"""The queue on both of its databases."""

from __future__ import annotations

import pytest

from lockgate.adapters.jobs.dbos import DbosWorker, Pace
from lockgate.store import open_store

USUAL = Pace()
QUICK = Pace(poll=0.02, heartbeat=0.2, retry=0.05)


@pytest.fixture
def queue_of():
    """Makes the only queue of a worker of its own."""

    def made(address, slots, *, name, pace=USUAL):
        return DbosWorker(address, slots, name=name, workers={"executions": 1}, pace=pace).queue("executions")

    return made


@pytest.fixture(params=["sqlite", "postgres"])
def address(request, tmp_path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'control.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def store(address):
    opened = open_store(address, project="inventory", target="main")
    yield opened
    opened.close()


@pytest.fixture
def queue(address, store, queue_of):
    """A queue that is closed after the test."""
    queue = queue_of(address, store.workers, name="inventory.main", pace=QUICK)
    yield queue
    queue.close(patience_seconds=5)
