"""Dies in the middle of its work, as `python dying_worker.py ADDRESS`; ends with 0 where it died as it should."""

from __future__ import annotations

import os
import signal
import sys

from lockgate.adapters.jobs.dbos import DbosWorker
from lockgate.store import open_store


def work() -> None:
    address = sys.argv[1]
    store = open_store(address, project="inventory", target="main")
    queue = DbosWorker(address, store.workers, name="inventory.main", workers={"executions": 1}).queue("executions")
    queue.launch(lambda _execution_id: os.kill(os.getpid(), signal.SIGKILL))
    queue.enqueue(["left behind"])
    signal.pause()


if __name__ == "__main__":
    child = os.fork()
    if child == 0:
        work()
    _, status = os.waitpid(child, 0)
    sys.exit(0 if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else 1)
