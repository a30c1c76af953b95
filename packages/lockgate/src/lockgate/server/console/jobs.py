"""The pages of jobs: which were asked for, how one of them goes on, and the form that asks for another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.job import Job, JobStatus, TransformRequest
from lockgate.server.changing import changing
from lockgate.server.console.job_view import JobView, job_view, lasted
from lockgate.server.console.listing import ROWS, Asked, Name, Rows, asked, choices, rows_of
from lockgate.server.console.rendering import fragment, page, see
from lockgate.server.console.streaming import Sight, live
from lockgate.server.desk import Desk, desk_of
from lockgate.server.forms import read_form
from lockgate.server.submitting import checked_job_id, submitted

JobId = Annotated[str, Path()]


class JobsAsked(Asked):
    """Which jobs to list."""

    entity: Name | None = None
    status: JobStatus | None = None
    before: Name | None = None


async def jobs_page(request: Request) -> Response:
    """List jobs, and offer to ask for another."""
    desk, query = desk_of(request), asked(request, JobsAsked)
    jobs = await _listed(request, desk, query)
    names = desk.service.names()
    engines = sorted({engine for known in names.values() for engine in known})
    filters = {"every_entity": choices("every entity", names), "statuses": choices("any status", JobStatus)}
    facts: dict[str, Any] = {"asked": query, "entities": tuple(names), "engines": engines, "lasted": lasted, **filters}
    return page(request, "jobs.html.jinja", jobs=jobs, now=datetime.now(UTC), **facts)


async def jobs_live(request: Request) -> Response:
    """The list of jobs, drawn anew as they go on."""
    desk, query = desk_of(request), asked(request, JobsAsked)

    async def look() -> Sight[Rows[Job]]:
        return Sight(await _listed(request, desk, query), is_final=False)

    def draw(jobs: Rows[Job]) -> str:
        return fragment(request, "jobs_part.html.jinja", jobs=jobs, asked=query, now=datetime.now(UTC), lasted=lasted)

    return await live(request, look, draw)


async def _listed(request: Request, desk: Desk, query: JobsAsked) -> Rows[Job]:
    read = partial(desk.service.jobs, entity=query.entity, status=query.status, before=query.before, limit=ROWS + 1)
    return rows_of(request, await desk.ask(read), lambda job: job.job_id, path="/jobs")


async def job_page(request: Request, job_id: JobId) -> Response:
    """Show a job."""
    asked(request, Asked)
    view = await _seen(desk_of(request), job_id)
    return page(request, "job.html.jinja", view=view, now=datetime.now(UTC), lasted=lasted)


async def job_live(request: Request, job_id: JobId) -> Response:
    """A job, drawn anew as it goes on."""
    desk = desk_of(request)

    async def look() -> Sight[JobView]:
        view = await _seen(desk, job_id)
        return Sight(view, is_final=view.is_final)

    def draw(view: JobView) -> str:
        return fragment(request, "job_part.html.jinja", view=view, now=datetime.now(UTC), lasted=lasted)

    return await live(request, look, draw)


async def _seen(desk: Desk, job_id: str) -> JobView:
    """A job, beside the run that has the target where that matters."""
    job = await desk.ask(desk.service.job, checked_job_id(job_id))
    return job_view(job, None if job.status.is_final else await desk.ask(desk.service.archive.running))


async def submit_job(request: Request) -> Response:
    """Ask for a job."""
    desk = desk_of(request)
    form = await read_form(request, desk)
    wanted = TransformRequest(
        form.get("entity", ""),
        form.get("engine") or None,
        full_refresh=form.get("full_refresh") == "yes",
        again=form.get("again") == "yes",
    )
    return see(f"/jobs/{(await submitted(request, wanted)).job_id}")


async def cancel_job(request: Request, job_id: JobId) -> Response:
    """Take a job back."""
    desk = desk_of(request)
    return await _changed(request, job_id, partial(desk.ask, desk.service.cancel, job_id), said="cancelled")


async def retry_job(request: Request, job_id: JobId) -> Response:
    """Let a job wait again."""
    desk = desk_of(request)
    return await _changed(request, job_id, partial(desk.ask, desk.service.retry, job_id), said="retried")


async def _changed(request: Request, job_id: str, change: Callable[[], Awaitable[Job]], *, said: str) -> Response:
    await read_form(request, desk_of(request))
    async with changing(request, checked_job_id(job_id)):
        await change()
    return see(f"/jobs/{job_id}", said=said)
