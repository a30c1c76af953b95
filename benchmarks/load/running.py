"""One run: clients driven against a server that is watched meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
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


def run(title: str, server: Server, load: Load, shares: Shares, *, load_every: float = 0.0) -> Outcome:
    """Drives the clients to their end; every so many seconds, if any, all is loaded again while they ask."""
    worked, began = time.process_time(), time.perf_counter()
    seen, samples, loads = _on_a_loop(server, load, load_every)
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
        "load_every": load_every,
    }
    return Outcome(title, options, seen, samples, share, loads)


def warm(server: Server, questions: Questions) -> Seen:
    """Has every kind asked a few times: what is compiled at its first use is no part of a run."""
    load = load_on(server, questions, Shares(batch=0.1), clients=4, questions=100)
    return _on_a_loop(server, replace(load, seed=1))[0]


def _on_a_loop(server: Server, load: Load, load_every: float = 0.0) -> tuple[Seen, list[Sample], list[int]]:
    async def watched() -> tuple[Seen, list[Sample], list[int]]:
        async with watching(server.process.pid) as samples, _loading(server, load_every) as loads:
            seen = await drive(load)
        return seen, samples, loads

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(watched())


@asynccontextmanager
async def _loading(server: Server, every: float) -> AsyncIterator[list[int]]:
    """The exit codes of the loads, which move the inputs; one that is under way at the end is waited for."""
    codes: list[int] = []
    is_over = asyncio.Event()

    async def load_again() -> None:
        while every and not is_over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(is_over.wait(), every)
                return
            command, surroundings = server.project.command("load", "discovery", "--full"), server.project.surroundings
            loading = await asyncio.create_subprocess_exec(
                *command, env=surroundings, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
            )
            codes.append(await loading.wait())

    loading = asyncio.create_task(load_again())
    try:
        yield codes
    finally:
        is_over.set()
        await loading
