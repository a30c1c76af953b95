"""What callers may send: the fields of each body, checked one by one; a wrong one is named with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from lockgate.core.job import JobStatus, TransformRequest
from lockgate.server.json_body import MOST_FLAWS, pointer_to
from lockgate.server.options import Options
from lockgate.server.problems import Fault, Flaw, Refusal

_AS_SENT = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

EntityName = Annotated[str, Field(min_length=1, max_length=255, examples=["users"])]


class JobBody(BaseModel):
    """A transformation of an entity's tables."""

    model_config = _AS_SENT

    entity_type: EntityName = Field(description="The entity to transform.")
    engine: EntityName | None = Field(None, description="The implementation; else the one that the route names.")
    vars: dict[str, JsonValue] = Field(default_factory=dict, description="Variables for dbt.")
    full_refresh: bool = Field(False, description="Whether incremental models are built anew.")
    again: bool = Field(False, description="Whether to execute though equal inputs were transformed before.")

    def request(self) -> TransformRequest:
        """What is asked of the service."""
        return TransformRequest(self.entity_type, self.engine, self.vars, self.full_refresh, self.again)


class TransformBody(JobBody):
    """A transformation of an entity's tables or, where `records` stand there, of these."""

    records: list[dict[str, Any]] | None = Field(
        None, description="Records to transform at once, in place of the tables.", max_length=Options().records
    )


class SwitchBody(BaseModel):
    """The live switch `Transformation.Dbt.Enabled`."""

    model_config = _AS_SENT

    enabled: bool = Field(description="Whether dbt may answer.")


class JobsQuery(BaseModel):
    """Which jobs to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entity: EntityName | None = Field(None, description="Only jobs of this entity.")
    status: JobStatus | None = Field(None, description="Only jobs that have come as far.")
    limit: int = Field(100, ge=1, le=1000, description="How many jobs at most.")
    before: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$", description="The id of the job to go on behind."
    )


Body = TypeVar("Body", bound=BaseModel)


def checked(kind: type[Body], document: object) -> Body:
    """The document as a body of its kind.

    Raises:
        Refusal: fields are missing, unknown or of another type; all of them are named.
    """
    try:
        return kind.model_validate(document, strict=True)
    except ValidationError as error:
        known = [field.alias or name for name, field in kind.model_fields.items()]
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise invalid([_flaw(each, known) for each in found[:MOST_FLAWS]]) from None


def checked_records(body: TransformBody, options: Options) -> Sequence[Mapping[str, object]] | None:
    """The records of a body within the limits; None where it has none.

    Raises:
        Refusal: there are too many of them or of their fields, or a field beside them means nothing.
    """
    if body.records is None:
        return None
    aliases = {name: field.alias or name for name, field in type(body).model_fields.items()}
    beside = sorted(body.model_fields_set - {"records", "entity_type"})
    flaws = [Flaw("means nothing beside records", f"/{aliases[name]}") for name in beside]
    if len(body.records) > options.records:
        flaws.append(Flaw(f"has more than {options.records} records", "/records"))
    most = options.fields_a_record
    wide = (number for number, record in enumerate(body.records) if len(record) > most)
    flaws += (Flaw(f"has more than {most} fields", f"/records/{number}") for number in islice(wide, MOST_FLAWS))
    if flaws:
        raise invalid(flaws)
    return body.records


def invalid(flaws: Sequence[Flaw]) -> Refusal:
    """The refusal of a request with these flaws, the first of which is told in its detail."""
    first = flaws[0]
    place = first.parameter if first.pointer is None else first.pointer
    return Refusal(Fault.INVALID, f"{place or 'the body'} {first.detail}", flaws=flaws)


def query_flaws(errors: Sequence[Any]) -> list[Flaw]:
    """What is wrong with a query's parameters, from what FastAPI found."""
    known = list(JobsQuery.model_fields)
    return [
        Flaw(_sentence(each, known), parameter=".".join(str(part) for part in each["loc"][1:]))
        for each in errors[:MOST_FLAWS]
    ]


def _flaw(found: ErrorDetails, known: Sequence[str]) -> Flaw:
    return Flaw(_sentence(found, known), pointer_to(found["loc"]))


def _sentence(found: ErrorDetails, known: Sequence[str]) -> str:
    """What is wrong, without the value."""
    if found["type"] == "extra_forbidden":
        near = get_close_matches(str(found["loc"][-1]), known, n=1)
        return f"is not known; did you mean {near[0]}?" if near else f"is not known; there are {', '.join(known)}"
    if found["type"] == "missing":
        return "is missing"
    if found["type"] in {"model_type", "model_attributes_type"}:
        return "should be a JSON object"
    message = found["msg"]
    return message[0].lower() + message[1:].replace("Input should", "should").replace("input should", "should")
