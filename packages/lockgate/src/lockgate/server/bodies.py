"""What callers may send: the fields of each body, checked one by one; a wrong one is named with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from lockgate.core.flow import FlowStatus, Interval
from lockgate.core.job import JobStatus, TransformRequest
from lockgate.core.nearness import nearest
from lockgate.server.json_body import MOST_FLAWS, pointer_to
from lockgate.server.options import Options
from lockgate.server.problems import Fault, Flaw, Refusal

_AS_SENT = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

WITHOUT_NUL = r"^[^\x00]*$"
EntityName = Annotated[str, Field(min_length=1, max_length=255, pattern=WITHOUT_NUL, examples=["users"])]

# Something that is not blank, written so that JavaScript, Python and Rust read it alike.
NOT_BLANK = r"^[^\x00]*[^\x00\s\x1c-\x1f\x85][^\x00]*$"
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000, pattern=NOT_BLANK)]
"""Why something is done; blanks are no reason."""
Moment = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
"""A time with its zone (RFC 3339)."""
RunNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]
JOB_ID = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$"


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


class RecordsBody(BaseModel):
    """Records to transform at once, in place of an entity's tables."""

    model_config = _AS_SENT

    entity_type: EntityName = Field(description="The entity that the records are of.")
    records: list[dict[str, Any]] = Field(description="The records.", max_length=Options().records)


class IntervalBody(BaseModel):
    """The time that a run is about."""

    model_config = _AS_SENT

    start: Moment = Field(description="From when on, with its zone.", examples=["2026-03-01T00:00:00Z"])
    end: Moment = Field(description="Until when, with its zone.", examples=["2026-03-02T00:00:00Z"])


class FlowRunBody(BaseModel):
    """A run of a flow."""

    model_config = _AS_SENT

    interval: IntervalBody | None = Field(None, description="What it is about; else the moment of asking.")

    def asked(self) -> Interval | None:
        """The time that is asked for.

        Raises:
            Refusal: it is none.
        """
        if self.interval is None:
            return None
        start, end = moment_of(self.interval.start, "/interval/start"), moment_of(self.interval.end, "/interval/end")
        return Interval(start, end)


class SwitchBody(BaseModel):
    """The live switch `Transformation.Dbt.Enabled`."""

    model_config = _AS_SENT

    enabled: bool = Field(description="Whether dbt may answer.")


class RollbackBody(BaseModel):
    """Why an entity is rolled back."""

    model_config = _AS_SENT

    reason: Reason = Field(description="Kept with the decision.")


class TokenBody(BaseModel):
    """Who signs in."""

    model_config = _AS_SENT

    name: str = Field(max_length=255, pattern=WITHOUT_NUL, description="The name of an account.", examples=["ada"])
    password: str = Field(max_length=1000, pattern=WITHOUT_NUL, repr=False, description="Its password.")


class JobsQuery(BaseModel):
    """Which jobs to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entity: EntityName | None = Field(None, description="Only jobs of this entity.")
    status: JobStatus | None = Field(None, description="Only jobs that have come as far.")
    limit: int = Field(100, ge=1, le=1000, description="How many jobs at most.")
    before: str | None = Field(None, pattern=JOB_ID, description="The id of the job to go on behind.")


class FlowRunsQuery(BaseModel):
    """Which runs to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: FlowStatus | None = Field(None, description="Only runs that have come as far.")
    limit: int = Field(100, ge=1, le=1000, description="How many runs at most.")
    before: RunNumber | None = Field(None, description="The number of the run to go on behind.")


class StepLogQuery(BaseModel):
    """Which attempt's log to read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attempt: RunNumber | None = Field(None, description="The attempt; else the newest.")


Body = TypeVar("Body", bound=BaseModel)

NEAR = "did you mean"
# What a page is told to say is a parameter of every page's address.
SAID = "said"
_BESIDE_TABLES = frozenset(field.alias for field in JobBody.model_fields.values())
# In JSON's words, where pydantic has Python's.
_SENTENCES = {
    "missing": "is missing",
    "model_type": "should be a JSON object",
    "model_attributes_type": "should be a JSON object",
    "dict_type": "should be a JSON object",
    "list_type": "should be a JSON array",
}


def checked(kind: type[Body], document: object, *, also: Sequence[str] = ()) -> Body:
    """The document as a body of its kind; fields that the route takes in another body are named in `also`.

    Raises:
        Refusal: fields are missing, unknown or of another type; all of them are named.
    """
    try:
        return kind.model_validate(document, strict=True)
    except ValidationError as error:
        known = [field.alias or name for name, field in kind.model_fields.items()]
        found = error.errors(include_url=False, include_input=False, include_context=False)
        flaws = [_flaw(each, [*known, *also]) for each in found[:MOST_FLAWS]]
        flaws.sort(key=lambda flaw: NEAR not in flaw.detail)  # what is missing is often what was mistyped
        raise invalid(flaws) from None


def checked_transformation(document: object, options: Options) -> JobBody | RecordsBody:
    """The body of a transformation: of records where it has some, within the limits, else of tables.

    Raises:
        Refusal: fields are missing, unknown or of another type, or there are too many records or fields in them.
    """
    if not isinstance(document, dict) or "records" not in document:
        return checked(JobBody, document, also=("records",))
    body = checked(RecordsBody, document)
    if len(body.records) > options.records:
        raise invalid([Flaw(f"has more than {options.records} records", "/records")])
    most = options.fields_a_record
    wide = (number for number, record in enumerate(body.records) if len(record) > most)
    flaws = [Flaw(f"has more than {most} fields", f"/records/{number}") for number in islice(wide, MOST_FLAWS)]
    if flaws:
        raise invalid(flaws)
    return body


def invalid(flaws: Sequence[Flaw]) -> Refusal:
    """The refusal of a request with these flaws, the first of which is told in its detail."""
    first = flaws[0]
    place = first.parameter if first.pointer is None else first.pointer
    return Refusal(Fault.INVALID, f"{place or 'the body'} {first.detail}", flaws=flaws)


def refuse_repeated(parameters: Sequence[tuple[str, str]]) -> None:
    """Returns where each parameter stands once.

    Raises:
        Refusal: one stands there twice; which one counts, nobody could tell.
    """
    count = Counter(name for name, _ in parameters)
    flaws = [Flaw("stands there twice", parameter=name) for name, times in count.items() if times > 1]
    if flaws:
        raise invalid(flaws[:MOST_FLAWS])


def checked_query(kind: type[Body], parameters: Sequence[tuple[str, str]]) -> Body:
    """The parameters of a page's address; those that a form left empty say nothing.

    Raises:
        Refusal: they are unknown, of another type, or stand there twice; all of them are named.
    """
    refuse_repeated(parameters)
    try:
        return kind.model_validate({name: value for name, value in parameters if value})
    except ValidationError as error:
        known = [name for name in kind.model_fields if name != SAID]
        found = error.errors(include_url=False, include_input=False, include_context=False)[:MOST_FLAWS]
        flaws = [Flaw(_sentence(each, known), parameter=".".join(str(part) for part in each["loc"])) for each in found]
        raise invalid(flaws) from None


def moment_of(written: str, pointer: str) -> datetime:
    """A time that somebody sent.

    Raises:
        Refusal: it is none, or has no zone.
    """
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise invalid([Flaw("is no time with a zone", pointer)])
    return found


def query_flaws(errors: Sequence[Any], known: Sequence[str]) -> list[Flaw]:
    """What is wrong with a query's parameters, of which these are known, from what FastAPI found."""
    return [
        Flaw(_sentence(each, known), parameter=".".join(str(part) for part in each["loc"][1:]))
        for each in errors[:MOST_FLAWS]
    ]


def _flaw(found: ErrorDetails, known: Sequence[str]) -> Flaw:
    return Flaw(_sentence(found, known), pointer_to(found["loc"]))


def _sentence(found: ErrorDetails, known: Sequence[str]) -> str:
    """What is wrong, without the value."""
    if found["type"] == "extra_forbidden":
        if "records" in known and found["loc"][-1] in _BESIDE_TABLES:
            return "means nothing beside records"
        near = nearest(str(found["loc"][-1]), known)
        return f"is not known; {NEAR} {near[0]}?" if near else f"is not known; there are {', '.join(known)}"
    message = found["msg"].removeprefix("Input ")
    return _SENTENCES.get(found["type"]) or message[0].lower() + message[1:]
