"""The OpenAPI document: what FastAPI cannot know of bodies and problems, added to what it knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from lockgate.server import answers, answers_flows, bodies
from lockgate.server.problems import MEDIA_TYPE

REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = (
    "Transforms entities, by jobs that outlive crashes. JSON is read under any content type. Errors are problem "
    "documents (RFC 9457). Every answer has `X-Correlation-Id`: the caller's, where it sent one."
)
_BODIES = (
    bodies.FlowRunBody,
    bodies.JobBody,
    bodies.RecordsBody,
    bodies.RollbackBody,
    bodies.SwitchBody,
    bodies.TokenBody,
)
_SHOWN: tuple[tuple[type[BaseModel], str], ...] = (
    *((kind, "validation") for kind in _BODIES),
    *(
        (kind, "serialization")
        for kind in (
            answers.CutoverAnswer,
            answers.EntitiesAnswer,
            answers_flows.FlowRunAnswer,
            answers_flows.FlowRunsAnswer,
            answers_flows.FlowsAnswer,
            answers_flows.StepLogAnswer,
            answers.HealthAnswer,
            answers.JobAnswer,
            answers.JobsAnswer,
            answers.Problem,
            answers.RecordsAnswer,
            answers.RollbackAnswer,
            answers.SwitchAnswer,
            answers.TokenAnswer,
            answers.TransformAnswer,
        )
    ),
)


def document_of(api: FastAPI) -> dict[str, Any]:
    """The document of an API."""
    if api.openapi_schema is None:
        document = get_openapi(title=api.title, version=version("lockgate"), description=DESCRIPTION, routes=api.routes)
        shapes = models_json_schema(_SHOWN, ref_template=REFERENCE)[1]["$defs"]  # type: ignore[arg-type]
        _refine(shapes)
        document["components"] = {
            "schemas": dict(sorted(shapes.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        }
        document["security"] = [{}, {"token": []}]
        api.openapi_schema = document
    return api.openapi_schema


def _refine(shapes: dict[str, Any]) -> None:
    """States of free-form values what the reader of JSON asks of them."""
    text = {"type": "string", "pattern": bodies.WITHOUT_NUL}
    value = {"$ref": REFERENCE.format(model="JsonValue")}
    free = {"type": "object", "propertyNames": text, "additionalProperties": value}
    plain = [{"type": name} for name in ("null", "boolean", "number")]
    shapes["JsonValue"] = {"anyOf": [*plain, text, {"type": "array", "items": value}, free]}
    shapes["JobBody"]["properties"]["vars"].update(free)
    shapes["RecordsBody"]["properties"]["records"]["items"] = free


def described(
    kind: type[BaseModel], what: str, headers: Mapping[str, str] | None = None, also: type[BaseModel] | None = None
) -> dict[str, Any]:
    """How an answer is described: its shape, or either of two, and its headers."""
    schema = _either((kind, also) if also else (kind,))
    shown: dict[str, Any] = {"description": what, "content": {"application/json": {"schema": schema}}}
    if headers:
        shown["headers"] = {name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()}
    return shown


def problems(statuses: Sequence[int]) -> dict[int, dict[str, Any]]:
    """How problems are described."""
    content = {MEDIA_TYPE: {"schema": _reference(answers.Problem)}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in sorted(set(statuses))}


def body_of(*kinds: type[BaseModel], is_required: bool = True) -> dict[str, Any]:
    """How a body is described: its shape, or either of several."""
    return {"required": is_required, "content": {"application/json": {"schema": _either(kinds)}}}


def header(name: str, what: str, pattern: str | None = None) -> dict[str, Any]:
    """How a header that a caller may send is described."""
    schema = {"type": "string", **({"pattern": pattern} if pattern else {})}
    return {"name": name, "in": "header", "required": False, "description": what, "schema": schema}


def _either(kinds: Sequence[type[BaseModel]]) -> dict[str, Any]:
    references = [_reference(kind) for kind in kinds]
    return {"anyOf": references} if len(references) > 1 else references[0]


def _reference(kind: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=kind.__name__)}
