"""Routes that submit, list and change jobs, and the one that waits for its job: POST /api/transform."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.job import IdempotencyKey, Job
from lockgate.errors import RetryableError
from lockgate.server.bodies import JobBody, JobsQuery, RecordsBody, checked, checked_transformation, refuse_repeated
from lockgate.server.changing import changing, tell_answered
from lockgate.server.desk import desk_of
from lockgate.server.idempotency import key_of
from lockgate.server.preference import preference_of
from lockgate.server.problems import problem_of
from lockgate.server.reading import read_document
from lockgate.server.rendering import (
    JSON,
    accepted,
    job_answer,
    job_path,
    jobs_answer,
    records_text,
    render,
    transform_answer,
)
from lockgate.server.submitting import checked_job_id, submitted
from lockgate.server.waiting import until_ended, while_heard

JobId = Annotated[str, Path(description="The id of a job.", examples=["0199a3c2"])]
FEW = 100  # records whose answer is written in less time than a thread takes to begin


async def transform(request: Request) -> Response:
    """Transform an entity and wait for the result, or transform the records that are sent."""
    desk = desk_of(request)
    document = await read_document(request, desk.options, desk.threads)
    key = _key(request, document)
    body = checked_transformation(document, desk.options)
    if isinstance(body, RecordsBody):
        request.state.asked = (body.entity_type,)
        return await _transform_records(request, body, key)
    request.state.asked = (body.entity_type, body.engine)
    job = await submitted(request, body.request(), key)
    preference = preference_of(request.headers.getlist("prefer"), desk.options)
    try:
        job = await until_ended(request, desk, job, preference.wait_seconds)
    except RetryableError as error:
        response = problem_of(error, jobId=job.job_id)
        response.headers["Location"] = job_path(job.job_id)
        return response
    response = transform_answer(job)
    if preference.applied:
        response.headers["Preference-Applied"] = preference.applied
    return response


async def _transform_records(request: Request, body: RecordsBody, key: IdempotencyKey | None) -> Response:
    desk = desk_of(request)

    async def compute() -> bytes:
        if key is not None:
            await desk.answer(desk.service.hold(key))
        asked = desk.service.transform_records(body.entity_type, body.records)
        # An answer under a key may be waited for by others, too.
        answer = await (while_heard(request, desk, asked) if key is None else desk.threads.wait(asked))
        return records_text(answer) if len(body.records) <= FEW else await desk.threads.call(records_text, answer)

    text = await (compute() if key is None else desk.replays.answer(key, compute))
    await tell_answered(request, body.entity_type, records=len(body.records))
    return Response(text, media_type=JSON)


async def submit_job(request: Request) -> Response:
    """Submit a job and look at it later."""
    desk = desk_of(request)
    document = await read_document(request, desk.options, desk.threads)
    key = _key(request, document)
    body = checked(JobBody, document)
    request.state.asked = (body.entity_type, body.engine)
    job = await submitted(request, body.request(), key)
    if not job.status.is_final:
        return accepted(job)
    return render(job_answer(job), headers={"Location": job_path(job.job_id)})


async def list_jobs(request: Request, query: Annotated[JobsQuery, Query()]) -> Response:
    """List jobs, the newest first."""
    desk = desk_of(request)
    refuse_repeated(request.query_params.multi_items())
    request.state.asked = (query.entity,)

    def found() -> tuple[Job, ...]:
        return desk.service.jobs(entity=query.entity, status=query.status, before=query.before, limit=query.limit)

    return render(jobs_answer(await desk.ask(found), query.limit))


async def show_job(request: Request, job_id: JobId) -> Response:
    """Look at a job."""
    return await _job(request, job_id, desk_of(request).service.job)


async def cancel_job(request: Request, job_id: JobId) -> Response:
    """Cancel a job; its execution goes on where other jobs wait for it."""
    async with changing(request, job_id):
        return await _job(request, job_id, desk_of(request).service.cancel)


async def retry_job(request: Request, job_id: JobId) -> Response:
    """Make a job that failed or was cancelled wait again."""
    desk = desk_of(request)
    async with changing(request, job_id):
        response = await _job(request, job_id, desk.service.retry)
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = job_path(job_id)
    return response


async def _job(request: Request, job_id: str, call: Callable[[str], Job]) -> Response:
    return render(job_answer(await desk_of(request).ask(call, checked_job_id(job_id))))


def _key(request: Request, document: object) -> IdempotencyKey | None:
    scope = f"{request.state.caller} POST {request.scope['route'].path}"
    return key_of(request.headers.getlist("idempotency-key"), scope=scope, document=document)
