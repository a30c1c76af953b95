"""DBOS hands executions to workers as the conformance suite says, under leases, and says in our words what fails."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL, delete, select, update

from lockgate.adapters.jobs.dbos import Pace
from lockgate.errors import ControlPlaneUnavailable
from lockgate.store import open_store
from lockgate.store.tables import worker
from lockgate.testing.jobs import QUEUE_CHECKS, Recorded

QUICK = Pace(poll=0.02, heartbeat=0.2, retry=0.05)


@pytest.mark.parametrize("check", QUEUE_CHECKS, ids=lambda check: check.__name__)
def test_conforms(queue, check):
    check(queue)


def test_an_idle_worker_looks_for_work_ten_times_a_second_and_more(address, store, queue_of):
    queue = queue_of(address, store.workers, name="inventory.main")
    work = Recorded()
    queue.launch(work)
    queue.enqueue(["one"])
    work.wait(1)

    kept = queue._worker._engine._opened().retrieve_queue("inventory.main.executions")
    queue.close(patience_seconds=5)

    assert kept.polling_interval_sec <= 0.1


def test_another_project_on_the_same_database_gets_none_of_the_work(address, store, queue_of):
    ours, theirs = Recorded(), Recorded()
    first = queue_of(address, store.workers, name="inventory.main", pace=QUICK)
    first.launch(ours)
    first.enqueue(["a"])
    ours.wait(1)
    first.close(patience_seconds=5)
    other = open_store(address, project="sales", target="main")

    second = queue_of(address, other.workers, name="sales.main", pace=QUICK)
    second.launch(theirs)
    second.enqueue(["b"])
    theirs.wait(1)
    second.close(patience_seconds=5)

    assert (ours.calls, theirs.calls) == (["a"], ["b"])
    other.close()


def test_the_queue_s_file_lies_beside_the_control_plane_s_whatever_the_folder_is_called(tmp_path, queue_of):
    folder = tmp_path / "é b[x] per%20c plus+q?#"
    folder.mkdir()
    address = URL.create("sqlite", database=str(folder / "control.db")).render_as_string()
    store, work = open_store(address, project="inventory", target="main"), Recorded()
    queue = queue_of(address, store.workers, name="inventory.main")
    queue.launch(work)
    queue.enqueue(["a"])
    work.wait(1)
    queue.close(patience_seconds=5)
    store.close()

    assert work.calls == ["a"]
    assert {path.name for path in tmp_path.iterdir()} == {folder.name}
    assert {"control.db", "control.queue.db"} <= {path.name for path in folder.iterdir()}


def test_a_worker_s_name_is_gone_once_its_queue_is_closed(address, store, queue_of, queue):
    other = queue_of(address, store.workers, name="inventory.main")
    queue.launch(Recorded())
    name = queue.worker
    while_there = other.gone([name])
    queue.close(patience_seconds=5)

    assert (while_there, other.gone([name]), queue.worker) == (frozenset(), {name}, name)


def test_the_slot_is_free_once_the_queue_is_closed(queue, store):
    queue.launch(Recorded())
    with store.database.reading() as connection:
        assert len(connection.execute(select(worker)).all()) == 1

    queue.close(patience_seconds=5)

    with store.database.reading() as connection:
        assert connection.execute(select(worker)).all() == []


def test_a_process_that_was_fenced_starts_anew_under_another_lease(queue, store):
    work = Recorded()
    queue.launch(work)
    with store.database.writing() as connection:
        connection.execute(delete(worker))

    queue.enqueue(["a"])
    work.wait(1)
    queue.close(patience_seconds=5)

    assert work.calls == ["a"]


def test_what_is_fenced_while_it_is_worked_on_is_worked_on_again(queue, store):
    begun, may_end = threading.Event(), threading.Event()

    def wait(before):
        if before == 0:
            begun.set()
            may_end.wait(20)

    work = Recorded(wait)
    queue.launch(work)
    queue.enqueue(["a"])
    begun.wait(20)
    with store.database.writing() as connection:
        connection.execute(delete(worker))
    work.wait(2)
    may_end.set()

    queue.close(patience_seconds=5)

    assert work.calls == ["a", "a"]


def test_work_of_a_process_that_is_gone_is_taken_over_once_its_lease_has_expired(queue, store, address):
    script = Path(__file__).parent / "dying_worker.py"
    subprocess.run([sys.executable, script, address], check=True, timeout=60)
    with store.database.writing() as connection:
        slots = connection.scalars(select(worker.c.slot)).all()
        connection.execute(update(worker).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    work = Recorded()

    queue.launch(work)
    work.wait(1)
    queue.close(patience_seconds=5)

    assert len(slots) == 1
    assert work.calls == ["left behind"]


def test_what_has_ended_is_forgotten_in_time(address, store, queue_of):
    queue = queue_of(address, store.workers, name="inventory.main", pace=QUICK)
    work = Recorded()
    queue.launch(work)
    queue.enqueue(["a"])
    work.wait(1)
    time.sleep(0.3)

    queue._worker._engine.forget(datetime.now(UTC) + timedelta(seconds=1))
    queue.enqueue(["a"])
    work.wait(2)
    queue.close(patience_seconds=5)

    assert work.calls == ["a", "a"]


def test_sqlite_has_a_file_of_its_own_beside_the_control_plane(tmp_path, queue_of):
    store = open_store(f"sqlite:///{tmp_path / 'control.db'}", project="p", target="t")
    queue = queue_of(f"sqlite:///{tmp_path / 'control.db'}", store.workers, name="p.t", pace=QUICK)
    queue.launch(Recorded())
    queue.close(patience_seconds=5)

    with closing(sqlite3.connect(tmp_path / "control.queue.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT count(*) FROM workflow_status").fetchone() == (0,)
    store.close()


def test_a_database_that_is_gone_is_told_in_our_words(postgres_url, queue_of):
    from psycopg import connect

    store = open_store(postgres_url, project="p", target="t")
    queue = queue_of("postgresql://u:hunter22@127.0.0.1:1/db", store.workers, name="p.t", pace=QUICK)

    with pytest.raises(ControlPlaneUnavailable, match="does not answer") as caught:
        queue.launch(Recorded())

    assert "hunter22" not in str(caught.value)
    with connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM worker").fetchone() == (0,)
    store.close()


def test_handing_over_before_the_launch_is_refused(queue):
    with pytest.raises(ControlPlaneUnavailable, match="not open"):
        queue.enqueue(["a"])


def test_a_second_queue_in_the_process_is_refused_and_the_first_goes_on(queue, address, store, queue_of):
    work = Recorded()
    queue.launch(work)
    second = queue_of(address, store.workers, name="sales.main", pace=QUICK)

    with pytest.raises(RuntimeError, match="one a process"):
        second.launch(Recorded())

    second.close(patience_seconds=1)
    queue.enqueue(["a"])
    work.wait(1)
    assert work.calls == ["a"]


def test_nothing_is_written_to_the_console(queue, capfd):
    work = Recorded()
    queue.launch(work)
    queue.enqueue(["a"])
    work.wait(1)
    queue.close(patience_seconds=5)

    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("dbos").propagate


def test_importing_the_adapter_imports_no_vendor():
    script = "import sys, lockgate.adapters.jobs.dbos; sys.exit('dbos' in sys.modules or 'sqlalchemy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
