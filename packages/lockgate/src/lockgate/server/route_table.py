"""Every route in one table: path, method, who may, what answers, and what its answers look like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.responses import Response

from lockgate.server import routes_cutover, routes_entities, routes_flows, routes_jobs, routes_operations, routes_token
from lockgate.server.access import ANYONE, DECIDERS, OPERATORS, READERS, Allowed
from lockgate.server.answers import (
    CutoverAnswer,
    EntitiesAnswer,
    EntityAnswer,
    HealthAnswer,
    JobAnswer,
    JobsAnswer,
    RecordsAnswer,
    RollbackAnswer,
    SwitchAnswer,
    TokenAnswer,
    TransformAnswer,
)
from lockgate.server.answers_flows import FlowAnswer, FlowRunAnswer, FlowRunsAnswer, FlowsAnswer, StepLogAnswer
from lockgate.server.bodies import FlowRunBody, JobBody, RecordsBody, RollbackBody, SwitchBody, TokenBody
from lockgate.server.console.page_table import PAGES
from lockgate.server.doors import Door, guard
from lockgate.server.openapi import body_of, described, header, problems

Handler = Callable[..., Awaitable[Response]]

_LOCATION = {"Location": "Where to look for the job."}
_KEYED = (
    header(
        "Idempotency-Key",
        "Sending it again with the same body gives the same job, or the same bytes.",
        r"^[!-~]{1,255}$",
    ),
    header("Prefer", "`wait=N`: wait for N seconds at most; `respond-async`: do not wait (RFC 7240)."),
)
_SUBMITTING = (400, 404, 408, 409, 413, 415, 422, 503)


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One route; `answers` has the shape of each status that is no problem, `failures` the statuses that are.

    `allowed` are the roles of which a caller has one. `change` is the action that the audit tells of it, where it
    changes anything. What a page refuses is told by a page, and who has not signed in may do so.
    """

    method: str
    path: str
    allowed: Allowed
    handler: Handler
    tag: str
    answers: dict[int, dict[str, Any]]
    failures: tuple[int, ...] = ()
    body: tuple[type[BaseModel], ...] = ()
    headers: tuple[dict[str, Any], ...] = ()
    is_body_required: bool = True
    change: str = ""
    is_shown: bool = True
    is_page: bool = False

    def add_to(self, api: FastAPI) -> None:
        """Has the API answer it."""
        extra: dict[str, Any] = {"parameters": list(self.headers)} if self.headers else {}
        if self.body:
            extra["requestBody"] = body_of(*self.body, is_required=self.is_body_required)
        api.add_api_route(
            self.path,
            self.handler,
            methods=[self.method],
            response_model=None,
            response_class=Response,
            status_code=min(self.answers),
            summary=(self.handler.__doc__ or "").strip().rstrip("."),
            description="",
            operation_id=getattr(self.handler, "__name__", self.path),
            tags=[self.tag],
            responses={**self.answers, **problems((401, 403, *self.failures, 500))},  # type: ignore[dict-item]
            openapi_extra=extra,
            include_in_schema=self.is_shown,
        )
        guard(api, Door(self.method, self.path, self.allowed, self.change, is_page=self.is_page))


_JOB = described(JobAnswer, "The job.")
_ACCEPTED = described(JobAnswer, "The job has not ended.", _LOCATION)

API_ROUTES = (
    ApiRoute(
        "POST", "/api/transform", OPERATORS, routes_jobs.transform, "transform",
        {200: described(TransformAnswer, "What came of it.", also=RecordsAnswer), 202: _ACCEPTED},
        (*_SUBMITTING, 424, 429), (JobBody, RecordsBody), _KEYED, change="job.submit",
    ),
    ApiRoute(
        "POST", "/api/jobs", OPERATORS, routes_jobs.submit_job, "jobs",
        {200: described(JobAnswer, "The job, which has ended.", _LOCATION), 202: _ACCEPTED},
        _SUBMITTING, (JobBody,), _KEYED[:1], change="job.submit",
    ),
    ApiRoute(
        "GET", "/api/jobs", READERS, routes_jobs.list_jobs, "jobs",
        {200: described(JobsAnswer, "The jobs.")}, (404, 422, 503),
    ),
    ApiRoute("GET", "/api/jobs/{job_id}", READERS, routes_jobs.show_job, "jobs", {200: _JOB}, (404, 503)),
    ApiRoute(
        "POST", "/api/jobs/{job_id}/cancel", OPERATORS, routes_jobs.cancel_job, "jobs",
        {200: _JOB}, (404, 409, 503), change="job.cancel",
    ),
    ApiRoute(
        "POST", "/api/jobs/{job_id}/retry", OPERATORS, routes_jobs.retry_job, "jobs",
        {202: _ACCEPTED}, (404, 409, 503), change="job.retry",
    ),
    ApiRoute(
        "GET", "/api/entities", READERS, routes_entities.list_entities, "entities",
        {200: described(EntitiesAnswer, "The entities.")}, (503,),
    ),
    ApiRoute(
        "GET", "/api/entities/{name}", READERS, routes_entities.show_entity, "entities",
        {200: described(EntityAnswer, "The entity.")}, (404, 503),
    ),
    ApiRoute(
        "GET", "/api/entities/{name}/cutover", READERS, routes_cutover.show_cutover, "cutovers",
        {200: described(CutoverAnswer, "Where it stands.")}, (404, 503),
    ),
    ApiRoute(
        "POST", "/api/entities/{name}/cutover/rollback", DECIDERS, routes_cutover.roll_back, "cutovers",
        {200: described(RollbackAnswer, "What was rolled back.")}, (404, 408, 409, 413, 415, 422, 503), (RollbackBody,),
        change="cutover.roll-back",
    ),
    ApiRoute(
        "PUT", "/api/dbt", OPERATORS, routes_entities.switch_dbt, "entities",
        {200: described(SwitchAnswer, "The switch.")}, (408, 413, 415, 422, 503), (SwitchBody,), change="dbt.switch",
    ),
    ApiRoute(
        "PUT", "/api/entities/{name}/dbt", OPERATORS, routes_entities.switch_dbt_of, "entities",
        {200: described(SwitchAnswer, "The switch.")}, (404, 408, 413, 415, 422, 503), (SwitchBody,),
        change="dbt.switch",
    ),
    ApiRoute(
        "GET", "/api/flows", READERS, routes_flows.list_flows, "flows",
        {200: described(FlowsAnswer, "The flows.")}, (503,),
    ),
    ApiRoute(
        "GET", "/api/flows/{name}", READERS, routes_flows.show_flow, "flows",
        {200: described(FlowAnswer, "The flow.")}, (404, 503),
    ),
    ApiRoute(
        "POST", "/api/flows/{name}/runs", OPERATORS, routes_flows.begin_run, "flows",
        {202: described(FlowRunAnswer, "The run, which has begun.", {"Location": "Where to look for the run."})},
        (*_SUBMITTING, 424), (FlowRunBody,), is_body_required=False, headers=_KEYED[:1], change="flow.run",
    ),
    ApiRoute(
        "GET", "/api/flows/{name}/runs", READERS, routes_flows.list_runs, "flows",
        {200: described(FlowRunsAnswer, "The runs.")}, (404, 422, 503),
    ),
    ApiRoute(
        "GET", "/api/flows/{name}/runs/{number}", READERS, routes_flows.show_run, "flows",
        {200: described(FlowRunAnswer, "The run.")}, (404, 422, 503),
    ),
    ApiRoute(
        "GET", "/api/flows/{name}/runs/{number}/steps/{step}/log", READERS, routes_flows.show_log, "flows",
        {200: described(StepLogAnswer, "What it has printed.")}, (404, 409, 422, 424, 503),
    ),
    ApiRoute(
        "POST", "/api/flows/{name}/runs/{number}/cancel", OPERATORS, routes_flows.cancel_run, "flows",
        {200: described(FlowRunAnswer, "The run.")}, (404, 409, 422, 424, 503), change="flow.cancel",
    ),
    ApiRoute(
        "POST", "/api/token", ANYONE, routes_token.take_token, "access",
        {200: described(TokenAnswer, "The token.")}, (408, 413, 415, 422, 503), (TokenBody,), change="session.begin",
    ),
    ApiRoute(
        "DELETE", "/api/token", READERS, routes_token.give_token_back, "access",
        {204: {"description": "The session has ended."}}, (409, 503), change="session.end",
    ),
    ApiRoute(
        "GET", "/api/health", ANYONE, routes_operations.health, "operations",
        {200: described(HealthAnswer, "It is there.")},
    ),
    ApiRoute(
        "GET", "/api/ready", READERS, routes_operations.ready, "operations",
        {200: described(HealthAnswer, "Requests can be served.")}, (503,),
    ),
    ApiRoute(
        "GET", "/metrics", READERS, routes_operations.metrics, "operations",
        {200: {"description": "The figures.", "content": {"text/plain": {"schema": {"type": "string"}}}}}, (503,),
    ),
    ApiRoute("GET", "/openapi.json", READERS, routes_operations.openapi_document, "docs", {200: {}}, is_shown=False),
    ApiRoute("GET", "/docs", READERS, routes_operations.docs, "docs", {200: {}}, is_shown=False),
    ApiRoute("GET", "/docs/docs.css", ANYONE, routes_operations.docs_style, "docs", {200: {}}, is_shown=False),
)  # fmt: skip

ROUTES = (
    *API_ROUTES,
    *(
        ApiRoute(
            each.method,
            each.path,
            each.allowed,
            each.handler,
            "console",
            {200: {}},
            change=each.change,
            is_shown=False,
            is_page=True,
        )
        for each in PAGES
    ),
)
"""All of it: the API, and the pages of the console."""
