"""One run: clients driven against a server that is watched meanwhile."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import uvloop

from load.clients import Load, drive
from load.questions import Questions, Shares
from load.report import Outcome
from load.seen import Seen
from load.served import HOST, Server
from load.watching import Sample, watching


def load_on(server: Server, asked: Questions, shares: Shares, **how: Any) -> Load:
    """Clients of a server who ask these questions, so much of each; `how` is `Load`'s own."""
    return Load(HOST, server.port, server.token, lambda chance: asked.drawn(chance, shares), **how)


def run(title: str, server: Server, load: Load, shares: Shares) -> Outcome:
    """Drives the clients to their end."""
    worked, began = time.process_time(), time.perf_counter()
    seen, samples = _on_a_loop(server, load)
    share = (time.process_time() - worked) / (time.perf_counter() - began)
    options = {
        "target": server.project.target,
        "clients": load.clients,
        "seconds": load.seconds if load.seconds < float("inf") else None,
        "questions": load.questions,
        "rate": load.rate,
        "patience_seconds": load.patience_seconds,
        "seed": load.seed,
        "applications": shares.applications,
        "batch": shares.batch,
        "ten": shares.ten,
    }
    return Outcome(title, options, seen, samples, share)


def warm(server: Server, questions: Questions) -> Seen:
    """Has every kind asked a few times: what is compiled at its first use is no part of a run."""
    load = load_on(server, questions, Shares(batch=0.1), clients=4, questions=100)
    return _on_a_loop(server, replace(load, seed=1))[0]


def _on_a_loop(server: Server, load: Load) -> tuple[Seen, list[Sample]]:
    async def watched() -> tuple[Seen, list[Sample]]:
        async with watching(server.process.pid) as samples:
            seen = await drive(load)
        return seen, samples

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(watched())
