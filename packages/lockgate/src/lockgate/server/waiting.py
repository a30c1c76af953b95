"""Waits for a job without a thread: until it ends, the patience does, the client hangs up or the server stops."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any, TypeVar

from starlette.requests import Request

from lockgate.core.job import Job
from lockgate.server.desk import Desk
from lockgate.server.reading import ClientGone
from lockgate.server.threads import unanswered

# Nobody looks whether a client is still there before an answer has taken so long.
MOMENT_SECONDS = 1.0

Got = TypeVar("Got")


async def until_ended(request: Request, desk: Desk, job: Job, seconds: float) -> Job:
    """The job once it is final, or as it was when the waiting came to its end.

    Raises:
        ClientGone: the client hung up; the job goes on.
        LockgateError: the control plane cannot be asked.
    """
    if job.status.is_final or seconds <= 0 or desk.is_stopping:
        return job
    ended = asyncio.wrap_future(desk.service.ended(job.job_id))
    gone = asyncio.ensure_future(_hung_up(request))
    try:
        waited: set[asyncio.Future[Any]] = {ended, gone, desk.stopping}
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            return ended.result()
        if gone.done():
            raise ClientGone
        return job
    finally:
        ended.cancel()
        gone.cancel()


async def while_heard(request: Request, desk: Desk, answer: Future[Got]) -> Got:
    """An answer that is made elsewhere; one that takes longer than a moment is given up once the client hangs up.

    Raises:
        ClientGone: the client hung up: whoever makes the answer hears that nobody waits for it.
        Refusal: it has taken too long.
    """
    seconds, waiting = desk.options.answer_seconds, asyncio.wrap_future(answer)
    gone: asyncio.Future[None] | None = None
    try:
        if not (await asyncio.wait({waiting}, timeout=min(MOMENT_SECONDS, seconds)))[0]:
            gone = asyncio.ensure_future(_hung_up(request))
            waited: set[asyncio.Future[Any]] = {waiting, gone}
            left = max(0.0, seconds - MOMENT_SECONDS)
            await asyncio.wait(waited, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        if gone is not None and gone.done():
            raise ClientGone
        raise unanswered(seconds)
    finally:
        waiting.cancel()
        if gone is not None:
            gone.cancel()


async def _hung_up(request: Request) -> None:
    """Returns once the client has closed the connection; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
