"""Working processes for fault tests: each line on standard input starts one, whose process id is printed.

Called as `python workers.py ADDRESS LEDGER LEASE_SECONDS`. Each process writes lines into the file LEDGER: what it
begins, ends, and what was refused. The entity says what the work is: `kill` and `crash` end the process, `hang` never
ends, `slow` takes a second, others some milliseconds. The processes end with whoever started this one.
"""

from __future__ import annotations

import ctypes
import os
import random
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import dbos  # noqa: F401  imported once, for all that are forked
import psycopg  # noqa: F401

from lockgate.adapters.jobs.dbos import DbosWorker, Pace
from lockgate.core.execution import Execution
from lockgate.core.job import Inputs, JobResult, RoutedBy
from lockgate.core.relation import Relation
from lockgate.errors import StaleToken
from lockgate.store import open_store
from lockgate.store.scope import Scope
from lockgate.store.worker_leases import WorkerLeases
from lockgate.transform.job_turn import Patience
from lockgate.transform.jobs import Timing, TransformationJobService

PARENT_DIES = 1  # prctl(2): PR_SET_PDEATHSIG
ATTEMPT_SECONDS = 1.5


class Ledger:
    """Lines that are there once they were written, whoever dies."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, *words: object) -> None:
        os.write(self._file, (" ".join(str(word) for word in (*words, os.getpid(), time.monotonic())) + "\n").encode())


class Told:
    """A memory of jobs that writes down what it refused."""

    def __init__(self, store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def __getattr__(self, name):
        return getattr(self._store, name)

    def finish(self, claim, outcome, at):
        try:
            self._store.finish(claim, outcome, at)
        except StaleToken:
            self._ledger.write("refused", claim.execution_id, claim.attempt)
            raise
        self._ledger.write("stored", claim.execution_id, claim.attempt)


def serve(address: str, ledger: Ledger, lease_seconds: float) -> None:
    """Works until it is killed."""
    ctypes.CDLL(None).prctl(PARENT_DIES, signal.SIGKILL)
    scope = Scope("inventory", "main")
    store = open_store(address, project=scope.project, target=scope.target)
    leases = WorkerLeases(store.database, scope, lease_seconds=lease_seconds)
    pace = Pace(poll=0.02, heartbeat=lease_seconds / 5, retry=0.1)

    def perform(claim, begun):
        begun(INPUTS)
        ledger.write("begun", claim.execution_id, claim.attempt)
        act(claim.request.entity)
        ledger.write("ended", claim.execution_id, claim.attempt)
        built = Relation("analytics", claim.request.entity)
        return JobResult(Execution(claim.request.entity, "dbt", built, os.getpid(), 0.1), INPUTS, RoutedBy.ROUTE)

    service = TransformationJobService(
        Told(store.jobs, ledger),
        DbosWorker(address, leases, name="inventory.main", workers={"executions": 1}, pace=pace).queue("executions"),
        inputs_of=lambda _request: INPUTS,
        perform=perform,
        clock=lambda: datetime.now(UTC),
        timing=Timing(watch=0.1, sweep=0.1, patience=Patience(attempt=ATTEMPT_SECONDS, backoff=0.05, look=0.05)),
    )
    while True:
        try:
            service.start()
            break
        except Exception:  # noqa: BLE001  the database may be away
            time.sleep(0.1)
    ledger.write("ready", "-", 0)
    threading.Event().wait()


INPUTS = Inputs("dbt", "r1", ())


def act(entity: str) -> None:
    """The work itself."""
    kind = entity.split("-", maxsplit=1)[0]
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif kind == "hang":
        threading.Event().wait()
    time.sleep(1.0 if kind == "slow" else random.uniform(0.001, 0.03))


def main() -> None:
    """Starts a process a line."""
    address, path, lease_seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    for _line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                serve(address, Ledger(path), lease_seconds)
            finally:
                os._exit(1)
        print(child, flush=True)


if __name__ == "__main__":
    main()
