"""Whatever dies, stops or is cut off: no job is lost, none is done twice, and what hangs keeps nobody else waiting."""

from __future__ import annotations

import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lockgate.core.job import IdempotencyKey, JobStatus, Submission, TransformRequest
from lockgate.errors import ControlPlaneUnavailable, KeyReused
from lockgate.store import open_store
from lockgate.testing.jobs import SEEN, ThreadQueue
from lockgate.transform.jobs import TransformationJobService

SCOPE = {"project": "inventory", "target": "main"}
LEASE_SECONDS = 1.0
STARTED_SECONDS = 30.0
KINDS = 20


@dataclass(frozen=True)
class Entry:
    """A line of the ledger."""

    what: str
    execution_id: str
    attempt: int
    pid: int
    at: float


class Workers:
    """Working processes, and the ledger that they write."""

    def __init__(self, address: str, folder: Path) -> None:
        self._path = folder / "ledger"
        self._path.touch()
        script = Path(__file__).parent / "workers.py"
        command = [sys.executable, script, address, self._path, str(LEASE_SECONDS)]
        self._nursery = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.alive: list[int] = []

    def start(self, *, ready: bool = True) -> int:
        """One more process, once it works."""
        self._nursery.stdin.write("start\n")
        self._nursery.stdin.flush()
        pid = int(self._nursery.stdout.readline())
        self.alive.append(pid)
        if ready:
            self.until(lambda entry: entry.what == "ready" and entry.pid == pid)
        return pid

    def kill(self, pid: int) -> None:
        self.alive.remove(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def is_gone(self, pid: int) -> bool:
        return not Path(f"/proc/{pid}").exists()

    def entries(self) -> list[Entry]:
        lines = (line.split() for line in self._path.read_text().splitlines())
        return [
            Entry(what, execution, int(attempt), int(pid), float(at)) for what, execution, attempt, pid, at in lines
        ]

    def until(self, condition, *, seconds: float = STARTED_SECONDS) -> Entry:
        """The first entry of which a condition holds, once there is one."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for entry in self.entries():
                if condition(entry):
                    return entry
            time.sleep(0.01)
        raise AssertionError(f"the ledger has no such entry: {self.entries()}")

    def close(self) -> None:
        for pid in list(self.alive):
            self.kill(pid)
        self._nursery.stdin.close()
        self._nursery.wait(30)
        self._nursery.stdout.close()


@pytest.fixture
def workers(address, tmp_path, store):
    started = Workers(address, tmp_path)
    yield started
    started.close()


def submitted(jobs, entities, **options):
    asked = [Submission(TransformRequest(entity, **options), "me", SEEN) for entity in entities]
    return list(jobs.submit(asked, datetime.now(UTC)))


def ended(jobs, waiting, *, seconds=60.0):
    """The jobs, once all of them are final."""
    ids = [job.job_id for job in waiting]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(ControlPlaneUnavailable):
            statuses = jobs.statuses(ids)
            if len(statuses) == len(ids) and all(status.is_final for status in statuses.values()):
                found = jobs.read(ids)
                return [found[each] for each in ids]
        time.sleep(0.05)
    raise AssertionError(f"jobs did not end: {jobs.statuses(ids)}")


def assert_ledger(workers, jobs):
    """Each execution was stored once, by the attempt that the job tells of; none ran twice at a time."""
    entries = workers.entries()
    stored = Counter(entry.execution_id for entry in entries if entry.what == "stored")
    for job in jobs:
        begun = [entry for entry in entries if (entry.what, entry.execution_id) == ("begun", job.execution_id)]
        assert job.status is JobStatus.SUCCESS
        assert stored[job.execution_id] <= 1  # whoever dies right after the commit writes nothing
        assert len({entry.attempt for entry in begun}) == len(begun) <= job.attempts
        assert job.result.execution.rows in {entry.pid for entry in begun}


def kill_at_random_instants(address, store, workers, rounds, seed):
    """In each round a worker is killed while it works on twenty kinds of jobs; another one is there all the time."""
    chance = random.Random(seed)
    survivor = workers.start()
    done = []
    for number in range(rounds):
        victim = workers.start()
        jobs = submitted(store.jobs, [f"kind{kind}-{number}" for kind in range(KINDS)])
        time.sleep(chance.uniform(0, 0.3))
        workers.kill(victim)
        done += ended(store.jobs, jobs)
    assert_ledger(workers, done)
    assert len(done) == rounds * KINDS
    assert workers.alive == [survivor]


@pytest.mark.slow
def test_r1_a_worker_that_is_killed_loses_nothing(address, store, workers):
    kill_at_random_instants(address, store, workers, rounds=3, seed=1)


@pytest.mark.soak
def test_r1_full(address, store, workers):
    kill_at_random_instants(address, store, workers, rounds=300, seed=2)


@pytest.mark.slow
def test_what_a_killed_worker_was_at_is_begun_again_within_two_leases(address, store, workers):
    victim = workers.start()
    (job,) = submitted(store.jobs, ["slow-1"])
    workers.until(lambda entry: entry.what == "begun")
    workers.start()

    workers.kill(victim)
    killed = time.monotonic()
    again = workers.until(lambda entry: entry.what == "begun" and entry.attempt == 2)

    assert again.at - killed < 2 * LEASE_SECONDS
    (after,) = ended(store.jobs, [job])
    assert (after.status, after.attempts) == (JobStatus.SUCCESS, 2)


@pytest.mark.slow
def test_a_worker_that_is_started_again_alone_goes_on(address, store, workers):
    victim = workers.start()
    jobs = submitted(store.jobs, ["slow-1", "quick-1"])
    workers.until(lambda entry: entry.what == "begun")
    workers.kill(victim)

    workers.start()

    assert [(job.status, job.attempts) for job in ended(store.jobs, jobs)] == [
        (JobStatus.SUCCESS, 2),
        (JobStatus.SUCCESS, 1),
    ]


def stop_past_the_lease(store, workers, rounds):
    """In each round whoever works is stopped, another finishes its work, and then it wakes up."""
    workers.start()
    workers.start()
    for number in range(rounds):
        (job,) = submitted(store.jobs, [f"slow-{number}"])
        first = workers.until(lambda entry: (entry.what, entry.execution_id) == ("begun", job.execution_id))  # noqa: B023
        os.kill(first.pid, signal.SIGSTOP)
        (after,) = ended(store.jobs, [job])
        os.kill(first.pid, signal.SIGCONT)

        # The worker finds out by itself that nobody waits, or is refused when it commits.
        time.sleep(1.2)
        again = workers.entries()
        mine = [entry.what for entry in again if (entry.execution_id, entry.pid) == (job.execution_id, first.pid)]
        assert "stored" not in mine
        assert after.result.execution.rows != first.pid
        assert store.jobs.job(job.job_id) == after
        assert after.attempts == 2
    jobs = submitted(store.jobs, [f"quick-{number}" for number in range(40)])
    assert_ledger(workers, ended(store.jobs, jobs))
    busy = {entry.pid for entry in workers.entries() if entry.execution_id in {job.execution_id for job in jobs}}
    assert busy == set(workers.alive)  # whoever was fenced works again, under another lease


@pytest.fixture
def on_postgres(postgres_url, tmp_path):
    """The control plane and workers on PostgreSQL: a process stopped while it writes would block SQLite for all."""
    store = open_store(postgres_url, **SCOPE)
    workers = Workers(postgres_url, tmp_path)
    yield store, workers
    workers.close()
    store.close()


@pytest.mark.slow
def test_r2_a_worker_that_wakes_up_late_is_refused(on_postgres):
    stop_past_the_lease(*on_postgres, rounds=2)


@pytest.mark.soak
def test_r2_full(on_postgres):
    stop_past_the_lease(*on_postgres, rounds=100)


@pytest.mark.slow
def test_several_processes_on_one_postgres_execute_nothing_twice(on_postgres):
    store, workers = on_postgres
    for _ in range(3):
        workers.start(ready=False)
    for pid in workers.alive:
        workers.until(lambda entry: (entry.what, entry.pid) == ("ready", pid))  # noqa: B023

    jobs = ended(store.jobs, submitted(store.jobs, [f"quick-{number}" for number in range(90)]))

    begun = [entry for entry in workers.entries() if entry.what == "begun"]
    assert sorted(entry.execution_id for entry in begun) == sorted(job.execution_id for job in jobs)
    assert {job.attempts for job in jobs} == {1}
    assert {entry.pid for entry in begun} == set(workers.alive)
    assert_ledger(workers, jobs)


@pytest.fixture
def mortal_postgres(tmp_path):
    """A server of the test's own that can be killed, and comes back at the same address."""
    from lockgate.sandbox.postgres import start_postgres

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"port": str(port), "fsync": "off"}
    servers = [start_postgres(tmp_path / "postgres", settings=settings)]

    def killed_and_back(away_seconds: float) -> None:
        servers[-1].process.kill()
        servers[-1].process.wait(30)
        time.sleep(away_seconds)
        servers[-1].stop()
        servers.append(start_postgres(tmp_path / "postgres", settings=settings))

    parts = urlsplit(servers[0].url)
    yield parts._replace(netloc=f"{parts.username}:{parts.password}@{parts.hostname}:{port}").geturl(), killed_and_back
    servers[-1].stop()


def kill_the_database(mortal_postgres, tmp_path, rounds, seed):
    """In each round the database is killed while jobs are submitted, claimed and finished."""
    url, killed_and_back = mortal_postgres
    chance = random.Random(seed)
    store = open_store(url, **SCOPE)
    workers = Workers(url, tmp_path)
    workers.start()
    acknowledged = []
    try:
        for number in range(rounds):
            may_end = threading.Event()

            def submit_all(number=number, may_end=may_end):
                for entity in itertools.count():
                    if may_end.is_set():
                        return
                    with suppress(ControlPlaneUnavailable):
                        acknowledged.extend(submitted(store.jobs, [f"quick-{number}-{entity}"]))
                    time.sleep(0.02)

            client = threading.Thread(target=submit_all)
            client.start()
            time.sleep(chance.uniform(0.1, 0.6))
            killed_and_back(chance.uniform(0, 0.5))
            back = time.monotonic()
            time.sleep(0.3)
            may_end.set()
            client.join()
            ended(store.jobs, acknowledged, seconds=10 - (time.monotonic() - back))
        assert_ledger(workers, ended(store.jobs, acknowledged))
    finally:
        workers.close()
        store.close()


@pytest.mark.slow
def test_r3_a_database_that_is_killed_loses_nothing_acknowledged(mortal_postgres, tmp_path):
    kill_the_database(mortal_postgres, tmp_path, rounds=2, seed=3)


@pytest.mark.soak
def test_r3_full(mortal_postgres, tmp_path):
    kill_the_database(mortal_postgres, tmp_path, rounds=100, seed=4)


class Cutter:
    """Stands between a client and PostgreSQL; cuts a connection once COMMIT was sent, where it is told to."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._socket = socket.create_server(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        self.url = parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
        self.cuts = 0
        self.is_armed = False
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                server = socket.create_connection(self._server)
                is_cut = threading.Event()
                for pump in (self._forth, self._back):
                    thread = threading.Thread(target=pump, args=(client, server, is_cut), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _forth(self, client, server, is_cut) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                if self.is_armed and b"COMMIT" in data:
                    self.is_armed = False
                    self.cuts += 1
                    is_cut.set()
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _back(self, client, server, is_cut) -> None:
        with client, server, suppress(OSError):
            while data := server.recv(1 << 16):
                if is_cut.is_set():
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)


def cut_after_commit(postgres_url, count):
    """Each submission loses its reply; sent again it is one job, and with another body it is refused."""
    cutter = Cutter(postgres_url)
    store = open_store(cutter.url, **SCOPE)
    ids = []
    for number in range(count):
        key = IdempotencyKey("me", f"k{number}", "digest")
        asked = Submission(TransformRequest(f"e{number % 7}", again=True), "me", SEEN, key)
        cutter.is_armed = True
        with pytest.raises(ControlPlaneUnavailable):
            store.jobs.submit([asked], datetime.now(UTC))

        (job,) = store.jobs.submit([asked], datetime.now(UTC))
        (changed,) = store.jobs.submit([replace(asked, key=replace(key, digest="other"))], datetime.now(UTC))

        assert isinstance(changed, KeyReused)
        ids.append(job.job_id)
    assert cutter.cuts == count
    assert [job.job_id for job in store.jobs.jobs(limit=2 * count)] == ids[::-1]
    store.close()
    cutter.close()


def test_r4_a_reply_that_was_lost_is_asked_for_again(postgres_url):
    cut_after_commit(postgres_url, count=8)


@pytest.mark.soak
def test_r4_r8_full(postgres_url):
    cut_after_commit(postgres_url, count=300)


def submit_one_key_from_many(address, keys, clients=64):
    """Each key is sent by many clients at once, through two services as two processes would have them."""
    stores = [open_store(address, **SCOPE) for _ in range(2)]
    services = [
        TransformationJobService(
            store.jobs,
            ThreadQueue(),
            inputs_of=lambda _request: SEEN,
            perform=lambda _claim, _begun: None,
            clock=lambda: datetime.now(UTC),
        )
        for store in stores
    ]
    with ThreadPoolExecutor(clients) as pool:
        for number in range(keys):
            key = IdempotencyKey("me", f"k{number}", "digest")

            def submit(client, key=key):
                request = TransformRequest("users", again=True)
                return services[client % 2].submit(request, caller="me", key=key).result(60)

            assert len({job.job_id for job in pool.map(submit, range(clients))}) == 1
    assert len(stores[0].jobs.jobs(limit=2 * keys)) == keys
    for service, store in zip(services, stores, strict=True):
        service.close()
        store.close()


def test_r6_one_key_sent_by_many_at_once_is_one_job(address):
    submit_one_key_from_many(address, keys=4)


@pytest.mark.soak
def test_r6_full(address):
    submit_one_key_from_many(address, keys=200)


def poison(store, workers, poisons):
    """What kills or blocks its worker is set aside, while others go on; whoever dies is started again."""
    workers.start()
    others = [f"quick-{number}" for number in range(len(poisons) * 5)]
    bad = submitted(store.jobs, poisons)
    good = submitted(store.jobs, others)
    waiting = [job.job_id for job in bad + good]
    deadline = time.monotonic() + 30 * len(poisons)
    while not all(status.is_final for status in store.jobs.statuses(waiting).values()):
        assert time.monotonic() < deadline
        for pid in [pid for pid in workers.alive if workers.is_gone(pid)]:
            workers.alive.remove(pid)
            workers.start(ready=False)  # it may take poison before it tells that it is ready
        time.sleep(0.05)
    for job in ended(store.jobs, bad):
        assert (job.status, job.failure.code, job.attempts) == (JobStatus.FAILED, "LG704", 3)
    assert_ledger(workers, ended(store.jobs, good))


@pytest.mark.slow
def test_r7_poison_is_set_aside_and_others_go_on(address, store, workers):
    poison(store, workers, ["kill-1", "crash-1", "hang-1"])


@pytest.mark.soak
def test_r7_full(address, store, workers):
    kinds = itertools.cycle(["kill", "crash", "hang"])
    poison(store, workers, [f"{kind}-{number}" for number, kind in zip(range(40), kinds, strict=False)])
