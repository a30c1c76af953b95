"""What the API and the console do alike with jobs: ask for one, and see whether an id can be one's."""

from __future__ import annotations

import re

from starlette.requests import Request

from lockgate.core.job import IdempotencyKey, Job, TransformRequest
from lockgate.errors import UnknownName
from lockgate.server.bodies import JOB_ID
from lockgate.server.changing import changing
from lockgate.server.desk import desk_of


async def submitted(request: Request, wanted: TransformRequest, key: IdempotencyKey | None = None) -> Job:
    """The job that somebody asks for, once it is durable.

    Raises:
        UnknownName: there is no such entity or implementation.
        KeyReused: the key was sent before with another body.
    """
    desk = desk_of(request)
    request.state.asked = (wanted.entity, wanted.engine)
    async with changing(request, wanted.entity, engine=wanted.engine) as change:
        job = await desk.answer(desk.service.submit(wanted, caller=str(request.state.caller), key=key))
        change.tell(job=job.job_id)
    desk.count(job)
    return job


def checked_job_id(job_id: str) -> str:
    """What may be a job's id.

    Raises:
        UnknownName: no job has such an id.
    """
    if not re.fullmatch(JOB_ID, job_id):
        raise UnknownName("there is no job of that id")
    return job_id
