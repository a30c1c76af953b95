"""Waits for a job without a thread: until it ends, the patience does, the client hangs up or the server stops."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from lockgate.core.job import Job
from lockgate.server.desk import Desk
from lockgate.server.reading import ClientGone


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


async def _hung_up(request: Request) -> None:
    """Returns once the client has closed the connection; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
