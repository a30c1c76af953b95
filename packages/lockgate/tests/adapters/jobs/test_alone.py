"""Work that one process does alone: once each, under a lease by which others see whether it is there."""

from __future__ import annotations

from threading import Event

import pytest

from lockgate.adapters.jobs.alone import OwnQueue
from lockgate.adapters.jobs.names import lease_of, name_of
from lockgate.core.job import Lease
from lockgate.store import open_store


@pytest.fixture
def slots(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'control.db'}", project="p", target="t")
    yield store.workers
    store.close()


def test_what_is_enqueued_is_done_once_and_what_failed_again(slots):
    queue, done, failed, again = OwnQueue(slots, workers=2), [], Event(), Event()

    def work(id_: str) -> None:
        if id_ == "bad" and not failed.is_set():
            failed.set()
            raise ValueError(id_)
        done.append(id_)
        if id_ == "bad":
            again.set()

    queue.launch(work)
    queue.enqueue(["one", "bad", "one"])
    assert failed.wait(10)
    while not again.wait(0.02):
        queue.enqueue(["one", "bad"])
    queue.close(patience_seconds=10)

    assert sorted(done) == ["bad", "one"]


def test_a_worker_is_gone_once_it_has_closed(slots):
    here, there = OwnQueue(slots, workers=1), OwnQueue(slots, workers=1)
    assert here.worker == ""
    for queue in (here, there):
        queue.launch(lambda _: None)
    names = here.worker, there.worker
    while_there = here.gone(names)
    there.close(patience_seconds=10)
    after = here.gone([*names, "", "an old host:1234"])
    here.close(patience_seconds=10)

    assert while_there == frozenset()
    assert after == {names[1], "", "an old host:1234"}


def test_a_name_is_that_of_a_lease():
    assert name_of(Lease("my.host-1", 7)) == "my.host-1.7"
    assert lease_of("my.host-1.7") == Lease("my.host-1", 7)
