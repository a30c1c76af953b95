"""The shape of gates and policies: what a route must show before it moves, and how it moves by itself."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from lockgate.config.grammar import Duration, Name, Shape, fault
from lockgate.core.bucket import BUCKETS
from lockgate.core.policy import Guard, Policy

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_percent(written: object) -> Decimal:
    """A share such as `5%` or `0.25%`, above 0 and at most 100 %.

    Raises:
        PydanticCustomError: it is not written so.
    """
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)\s*%", written, re.ASCII) if isinstance(written, str) else None
    share = Decimal(match[1]) / 100 if match else Decimal(0)
    if not 0 < share <= 1:
        raise fault(f"{written!r} is not a share", "Write a percentage above 0: 5%, 0.25%.")
    return share


def parse_times(written: object) -> Decimal:
    """A factor such as `1.25x`, at least 1.

    Raises:
        PydanticCustomError: it is not written so.
    """
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,6})?)x", written, re.ASCII) if isinstance(written, str) else None
    if match is None or Decimal(match[1]) <= 1:
        raise fault(f"{written!r} is not a factor", "Write how many times as long: 1.25x, 2x.")
    return Decimal(match[1])


def parse_buckets(written: object) -> int:
    """A share of the keys in buckets of 0.01 %.

    Raises:
        PydanticCustomError: it is not written so, or is finer than a bucket.
    """
    buckets = parse_percent(written) * BUCKETS
    if buckets != int(buckets):
        raise fault(f"{written!r} is finer than a bucket", "A bucket is 0.01%.")
    return int(buckets)


def parse_bytes(written: object) -> int:
    """A size such as `10GB`, in powers of ten.

    Raises:
        PydanticCustomError: it is not written so.
    """
    match = re.fullmatch(r"(\d{1,12})\s*([KMGT]?B)?", written, re.ASCII) if isinstance(written, str) else None
    if match is None:
        raise fault(f"{written!r} is not a size", "Write 500MB or 10GB.")
    return int(match[1]) * _UNITS.get(match[2] or "", 1)


def _pattern(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


_as_percent = PlainSerializer(lambda share: f"{(share * 100).normalize():f}%", return_type=str, when_used="json")
_as_times = PlainSerializer(lambda times: f"{times.normalize():f}x", return_type=str, when_used="json")
Percent: TypeAlias = Annotated[
    Decimal, BeforeValidator(parse_percent), _as_percent, _pattern(r"^\d{1,3}(\.\d{1,6})?\s*%$", "1%")
]
Times: TypeAlias = Annotated[
    Decimal, BeforeValidator(parse_times), _as_times, _pattern(r"^\d{1,4}(\.\d{1,6})?x$", "1.25x")
]
Buckets: TypeAlias = Annotated[int, BeforeValidator(parse_buckets), _pattern(r"^\d{1,3}(\.\d{1,2})?\s*%$", "5%")]
Size: TypeAlias = Annotated[int, BeforeValidator(parse_bytes), _pattern(r"^\d{1,12}\s*([KMGT]?B)?$", "10GB")]


class SignOffShape(Shape):
    """Who must sign."""

    roles: list[Name] = Field(min_length=1, description="The roles of which each who signs has one.")
    people: int = Field(1, ge=1, le=10, description="How many different persons must sign.")


class GateShape(Shape):
    """Conditions over evidence, all of which must hold."""

    unexplained_differences: int | None = Field(
        None, ge=0, description="At most so many in each of the newest comparisons; 0 where no condition is written."
    )
    runs: int = Field(1, ge=1, le=1000, description="In so many of the newest comparisons, or executions.")
    row_budget: int | None = Field(
        None, ge=0, description="At most so many rows may differ at all, explained or not, in each of them."
    )
    tests: Literal["pass"] | None = Field(None, description="`pass`: the candidate's tests ran, and none failed.")
    freshness: Duration | None = Field(None, description="How old the newest loads of its inputs may be.")
    error_rate: Percent | None = Field(None, description="Of how many requests it alone may have failed.")
    latency: Times | None = Field(None, description="How many times as long as the incumbent it may take.")
    requests: int = Field(100, ge=1, description="After so many requests, errors and latency are judged.")
    score: float | None = Field(None, description="What the newest recorded score must be at least.")
    sign_off: SignOffShape | None = Field(None, description="Who must sign for the route as it stands.")
    within: Duration | None = Field(None, description="Evidence older than this does not count.")

    @model_validator(mode="before")
    @classmethod
    def _ask_something(cls, written: object) -> object:
        """A gate that asks for nothing asks for no unexplained difference."""
        if isinstance(written, dict) and not _CONDITIONS & set(written):
            return {"unexplained_differences": 0, **written}
        return written


_CONDITIONS = set(GateShape.model_fields) - {"runs", "requests", "within"}


class GuardShape(Shape):
    """What a candidate that answers is rolled back for."""

    wrong: Percent = Field(Guard().wrong, description="The share of records answered differently.")
    errors: Percent = Field(Guard().errors, description="The share of requests that it alone fails.")
    latency: Times = Field(Guard().latency, description="How many times as long as the incumbent it takes.")
    false_alarms: Percent = Field(Guard().false_alarms, description="How often a good one may be taken for bad.")
    silence: Duration | None = Field(None, description="How long there may be no evidence at all; none: for ever.")


class BudgetShape(Shape):
    """What the shadow may cost before it is stopped."""

    time: Duration | None = Field(None, description="How long all its executions may take together.")
    bytes: Size | None = Field(None, description="How much all its editions may take together.")


class PolicyShape(Shape):
    """How a route moves by itself."""

    advance: Literal["manual", "automatic"] = Field(
        "manual", description="`automatic`: it goes on once its gates say go. Rolling back is always automatic."
    )
    shares: list[Buckets] = Field([*Policy().shares], description="The shares of the canary, in rising order.")
    hold: Duration = Field("0s", validate_default=True, description="How long it stays at each share at least.")
    guard: GuardShape = Field(default_factory=GuardShape, description="What it is rolled back for.")
    budget: BudgetShape = Field(default_factory=BudgetShape, description="What its shadow may cost.")

    @model_validator(mode="after")
    def _rise(self) -> PolicyShape:
        """Shares rise, below all keys."""
        if any(not 0 < share < BUCKETS for share in self.shares) or self.shares != sorted(set(self.shares)):
            raise fault("the shares of a canary rise, from above 0 to below 100%", "Write [5%, 25%].")
        return self
