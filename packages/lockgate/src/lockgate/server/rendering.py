"""Turns what the service gives into answers; a job that is final is rendered to the same bytes every time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from lockgate.app.entity_states import EntityState
from lockgate.app.record_desk import RecordsAnswer
from lockgate.core.job import Failure, Job, JobResult, JobStatus, Switch
from lockgate.core.plain import to_plain
from lockgate.errors import JobCancelled
from lockgate.server.answers import (
    EntityAnswer,
    FailedFallbackAnswer,
    FailureAnswer,
    FallbackAnswer,
    JobAnswer,
    JobFailureAnswer,
    JobsAnswer,
    JobSummary,
    NodeAnswer,
    PinAnswer,
    ResultAnswer,
    RuleAnswer,
    SwitchAnswer,
    TransformAnswer,
)
from lockgate.server.problems import RETRY_SECONDS, problem, title_of

JSON = "application/json"
POLL_SECONDS = 1
_WRITER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=to_plain)
_FIRST = ("entityType", "engine", "status", "rows")


def render(answer: BaseModel, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """An answer as JSON."""
    return Response(answer.model_dump_json(by_alias=True), status, dict(headers or {}), JSON)


def transform_answer(job: Job) -> Response:
    """What a caller who waits for a transformation gets, whatever has become of it."""
    if job.status is JobStatus.SUCCESS and job.result is not None:
        return _success(job, job.result)
    if job.status is JobStatus.CANCELLED:
        cancelled = Failure(JobCancelled.code, JobCancelled.__name__, title_of(JobCancelled), JobCancelled.hint)
        return _job_problem(HTTPStatus.CONFLICT, "The transformation was cancelled", job, job.failure or cancelled)
    if job.status is JobStatus.FAILED and job.failure is not None:
        may_succeed = job.failure.is_retryable
        status = HTTPStatus.SERVICE_UNAVAILABLE if may_succeed else HTTPStatus.FAILED_DEPENDENCY
        return _job_problem(status, "The transformation failed", job, job.failure)
    return accepted(job)


def _success(job: Job, result: JobResult) -> Response:
    """What came of a job, the main things first."""
    answer = TransformAnswer(
        entity_type=job.request.entity,
        status=JobStatus.SUCCESS,
        job_id=job.job_id,
        joined=job.joined,
        **dict(_result(result)),
    )
    document = answer.model_dump(mode="json", by_alias=True)
    return Response(_compact({**{name: document[name] for name in _FIRST}, **document}), media_type=JSON)


def accepted(job: Job) -> Response:
    """The answer that tells where to look for a job that has not ended."""
    headers = {"Location": job_path(job.job_id), "Retry-After": str(POLL_SECONDS)}
    return render(job_answer(job), HTTPStatus.ACCEPTED, headers)


def job_path(job_id: str) -> str:
    """Where a job is to be looked at."""
    return f"/api/jobs/{job_id}"


def job_answer(job: Job) -> JobAnswer:
    """A job with what came of it."""
    return JobAnswer(
        **dict(job_summary(job)),
        vars=_mapping(job.request.variables),
        result=_result(job.result) if job.result else None,
        failure=_job_failure(job.failure) if job.failure else None,
    )


def jobs_answer(jobs: tuple[Job, ...], limit: int) -> JobsAnswer:
    """A page of jobs."""
    return JobsAnswer(jobs=[job_summary(job) for job in jobs], next=jobs[-1].job_id if len(jobs) == limit else None)


def job_summary(job: Job) -> JobSummary:
    """A job without what came of it."""
    return JobSummary(
        job_id=job.job_id,
        entity_type=job.request.entity,
        engine=job.request.engine,
        full_refresh=job.request.full_refresh,
        again=job.request.again,
        status=job.status,
        joined=job.joined,
        execution_id=job.execution_id,
        attempts=job.attempts,
        caller=job.caller,
        submitted_at=job.submitted_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def records_text(answer: RecordsAnswer) -> bytes:
    """What came of records, as JSON."""
    document = {
        "entityType": answer.entity,
        "engine": answer.engine,
        "engines": answer.engines,
        "records": len(answer.outcomes),
        "scope": answer.scope,
        "fallback": _records_fallback(answer),
        "outcomes": answer.outcomes,
    }
    return _compact(document)


def _records_fallback(answer: RecordsAnswer) -> dict[str, object] | None:
    if answer.fallen_back is None:
        return None
    return _fallback(answer.fallen_back, answer.instead_of).model_dump(mode="json", by_alias=True)


def entity_answer(entity: EntityState) -> EntityAnswer:
    """An entity as callers see it."""
    return EntityAnswer(
        entity_type=entity.name,
        key=entity.key,
        contract=entity.contract,
        implementations=entity.implementations,
        stage=entity.stage,
        incumbent=entity.incumbent,
        candidate=entity.candidate,
        share=entity.share,
        answers=entity.answers,
        routed_by=entity.routed_by,
        is_dbt_enabled=entity.is_dbt_enabled,
        warning=entity.warning or None,
    )


def switch_answer(switch: Switch, entities: Sequence[EntityState]) -> SwitchAnswer:
    """The live switch, and what is odd about the entities that it concerns."""
    concerned = [each for each in entities if switch.entity in {None, each.name}]
    return SwitchAnswer(
        entity_type=switch.entity,
        enabled=switch.enabled,
        changed_at=switch.changed_at,
        changed_by=switch.changed_by,
        warnings=[each.warning for each in concerned if each.warning],
    )


def _result(result: JobResult) -> ResultAnswer:
    execution, inputs = result.execution, result.inputs
    nodes = [
        NodeAnswer(
            node=node.node, status=node.status, seconds=node.seconds, rows=node.rows, failures=node.failures,
            message=node.message, file=node.file,
        )
        for node in execution.nodes
    ]  # fmt: skip
    tests = [node.status.value for node in execution.nodes if node.kind in {"test", "unit_test"}]
    return ResultAnswer(
        engine=execution.implementation,
        routed_by=result.routed_by,
        rows=execution.rows,
        seconds=execution.seconds,
        nodes=nodes,
        tests={"total": len(tests), **Counter(tests)},
        rules=[RuleAnswer(rule=r.rule, outcome=r.outcome, rows=r.rows, reason=r.reason) for r in execution.rules],
        pins=[
            PinAnswer(relation=str(pin.relation), first_load=pin.first_load, last_load=pin.last_load)
            for pin in inputs.pins
        ],
        revision=inputs.revision,
        fallback=_fallback(result.fallen_back, inputs.implementation) if result.fallen_back else None,
    )


def _failure(failure: Failure) -> FailureAnswer:
    return FailureAnswer(code=failure.code, error=failure.error, message=failure.message, hint=failure.hint)


def _job_failure(failure: Failure) -> JobFailureAnswer:
    return JobFailureAnswer(fallback=_failed_fallback(failure), **dict(_failure(failure)))


def _failed_fallback(failure: Failure) -> FailedFallbackAnswer | None:
    return None if failure.fallback is None else FailedFallbackAnswer.model_validate(failure.fallback)


def _fallback(failure: Failure, chosen: str) -> FallbackAnswer:
    return FallbackAnswer(instead_of=chosen, **dict(_failure(failure)))


def _job_problem(status: HTTPStatus, title: str, job: Job, failure: Failure) -> Response:
    """The problem that a job ended with; nothing in it differs from one request to the next."""
    fallback = _failed_fallback(failure)
    members = {
        "code": failure.code,
        "title": title,
        "detail": failure.message,
        "instance": job_path(job.job_id),
        "hint": failure.hint,
        "jobId": job.job_id,
        "entityType": job.request.entity,
        "error": failure.error,
        "nodes": _failed_nodes(failure),
        "fallback": fallback.model_dump() if fallback else None,
    }
    headers = {"Content-Location": job_path(job.job_id)}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return problem(status, members, headers)


def _failed_nodes(failure: Failure) -> list[dict[str, object]]:
    """The nodes that a failure names, each once: with how they ended, or by their names alone."""
    named = failure.fields.get("nodes")
    nodes = [_failed_node(each) for each in named] if isinstance(named, list | tuple) else []
    first = failure.fields.get("node")
    if first is not None and first not in {node["node"] for node in nodes}:
        nodes.insert(0, _failed_node({"node": first, "file": failure.fields.get("file")}))
    return nodes


def _failed_node(found: object) -> dict[str, object]:
    if not isinstance(found, Mapping):
        return {"node": str(found)}
    facts = {name: found.get(name) for name in ("node", "status", "message", "file")}
    return {name: str(fact) for name, fact in facts.items() if fact is not None}


def _compact(document: Mapping[str, object]) -> bytes:
    """A document as JSON: the writer asks for what it does not know alone, which takes a tenth of reading all first."""
    try:
        return _WRITER.encode(document).encode()
    except ValueError:  # a number that is none
        return _WRITER.encode(to_plain(document)).encode()


def _mapping(values: Mapping[str, object]) -> dict[str, Any]:
    return {name: to_plain(value) for name, value in values.items()}
