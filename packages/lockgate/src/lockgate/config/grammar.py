"""The small languages of a project file: durations, types, names, addresses, cron expressions, time zones."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from lockgate.config.names import NAME_PATTERN, PROJECT_PATTERN, column_fault, name_fault, schema_fault, suggestion
from lockgate.core.nearness import nearest
from lockgate.core.secret import SCHEME
from lockgate.core.types import ColumnType, Kind

LONGEST_DURATION = timedelta(days=3660)
DURATION_PATTERN = r"^(\d{1,9}[smhdw])+$"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_CRON_FIELDS = 5
REVISION_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}$"


class Shape(BaseModel):
    """Keys of one place in the file; others are refused, and values are never guessed into another type.

    The file's shape is built once as a whole where it is first used, not place by place where it is declared.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


def fault(message: str, remedy: str) -> PydanticCustomError:
    """A problem with a value, in our own words."""
    return PydanticCustomError("lockgate", "{message}", {"message": message, "remedy": remedy})


def _named(check: Callable[[str], str | None], remedy: str) -> AfterValidator:
    """A validator that lets a name through where `check` finds no fault with it."""

    def validate(name: str) -> str:
        found = check(name)
        if found:
            raise fault(found, remedy)
        return name

    return AfterValidator(validate)


def parse_duration(written: object) -> timedelta:
    """A duration such as `10m`, `2h`, `1d` or `1h30m`; units are s, m, h, d, w.

    Raises:
        PydanticCustomError: it is not written so, or is longer than ten years.
    """
    if not isinstance(written, str) or not re.fullmatch(DURATION_PATTERN, written):
        raise fault(f"{written!r} is not a duration", "Write a number and a unit: 30s, 10m, 2h, 1d, 1w.")
    parts = re.findall(r"(\d+)([smhdw])", written)
    length = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    if length > LONGEST_DURATION:
        raise fault(f"the duration {written!r} is longer than ten years", "Write a shorter one.")
    return length


def parse_type(written: object) -> ColumnType:
    """A column's type.

    Raises:
        PydanticCustomError: there is no such type.
    """
    if not isinstance(written, str):
        raise fault("a column's type must be text", "Write a type such as bigint, text or numeric(12,2).")
    try:
        return ColumnType.parse(written)
    except ValueError as error:
        name = written.split("(")[0].strip()
        remedy = suggestion(name, Kind, "types") if name not in set(Kind) else "Write it as numeric(12,2)."
        raise fault(str(error).split(";")[0], remedy) from error


def _cron(written: str) -> str:
    """A cron expression of five fields that comes up at some time."""
    said = _cron_fault(written) if len(written.split()) == _CRON_FIELDS else "it does not have five fields"
    if said:
        message = f"{written!r} is not a cron expression: {said}"
        raise fault(message, "Write minute, hour, day, month, weekday: 0 5 * * *.")
    return written


def _cron_fault(written: str) -> str:
    """What is wrong with a cron expression; empty where nothing is."""
    from cronsim import CronSim, CronSimError

    try:
        next(CronSim(written, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        return str(error).lower()
    except StopIteration:
        return "it never comes up"
    return ""


def _timezone(written: str) -> str:
    """The name of a time zone that this machine knows."""
    try:
        ZoneInfo(written)
    except (ValueError, OSError, KeyError) as error:
        near = nearest(written, available_timezones())
        remedy = f"Did you mean {near[0]!r}?" if near else "Write one such as Europe/Berlin."
        raise fault(f"there is no time zone {written!r}", remedy) from error
    return written


def _address(written: str) -> str:
    """An address without a password in it, or a reference to a secret."""
    if written.startswith(SCHEME):
        return _secret(written)
    try:
        parts = urlsplit(written)
    except ValueError as error:
        raise fault("this is not an address", "Write it as scheme://host:port/path.") from error
    if parts.password:
        raise fault("a password stands in the address", f"Keep the address as a secret: {SCHEME}name.")
    if not parts.scheme:
        raise fault("this is not an address", f"Write it as scheme://host:port/path, or as {SCHEME}name.")
    return written


def _secret(written: str) -> str:
    """A reference to a secret of a usable name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", written.removeprefix(SCHEME)):
        raise fault("this is not a reference to a secret", f"Write {SCHEME}name, of letters, digits, - and _.")
    return written


def pattern_fault(written: str) -> str | None:
    """What is wrong with a pattern of files inside the project's folder; None where nothing is."""
    parts = written.split("/")
    if written.startswith("/") or ".." in parts:
        return f"{written!r} leaves the project's folder"
    if not written.strip("/. ") or any("**" in part and part != "**" for part in parts):
        return f"{written!r} is no pattern of files"
    return None


def _files(written: str) -> str:
    """A pattern of files inside the project's folder."""
    if found := pattern_fault(written):
        raise fault(found, "Write a pattern inside it, such as rules/*.yml.")
    return written


def _scalar(value: object) -> object:
    """Text, a number or a truth value."""
    if isinstance(value, str | int | float):
        return value
    raise fault("must be text, a number, true or false", "Write one value.")


def _revision(written: str) -> str:
    """The name of a branch, tag or commit, which git can take for nothing else (git-check-ref-format(1))."""
    is_odd = any(part in written for part in ("..", "//", "@{")) or written.endswith(("/", ".", ".lock"))
    if is_odd or not re.fullmatch(REVISION_PATTERN, written):
        raise fault(
            f"{written!r} is not the name of a revision", "Write a branch, a tag or a commit: v2, main, 3f2a91c."
        )
    return written


_NAME_REMEDY = "Choose a name such as daily_orders."
Name: TypeAlias = Annotated[
    str, _named(name_fault, _NAME_REMEDY), WithJsonSchema({"type": "string", "pattern": NAME_PATTERN})
]
ProjectName: TypeAlias = Annotated[
    str,
    _named(lambda name: name_fault(name, PROJECT_PATTERN), "Choose a name such as daily-orders."),
    WithJsonSchema({"type": "string", "pattern": PROJECT_PATTERN}),
]
SchemaName: TypeAlias = Annotated[
    str,
    _named(schema_fault, "Choose a name such as analytics."),
    WithJsonSchema({"type": "string", "pattern": NAME_PATTERN}),
]
ColumnName: TypeAlias = Annotated[str, _named(column_fault, "Choose another name.")]
Duration: TypeAlias = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(lambda length: f"{length.total_seconds():.0f}s", when_used="json"),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
]
Type: TypeAlias = Annotated[
    ColumnType,
    PlainValidator(parse_type),
    WithJsonSchema({"type": "string", "examples": [str(kind) for kind in Kind] + ["numeric(12,2)"]}),
]
Cron: TypeAlias = Annotated[str, AfterValidator(_cron)]
TimeZone: TypeAlias = Annotated[str, AfterValidator(_timezone)]
Address: TypeAlias = Annotated[str, AfterValidator(_address)]
Revision: TypeAlias = Annotated[
    str, AfterValidator(_revision), WithJsonSchema({"type": "string", "pattern": REVISION_PATTERN, "examples": ["v2"]})
]
Text: TypeAlias = Annotated[str, Field(min_length=1)]
Files: TypeAlias = Annotated[str, AfterValidator(_files)]
Scalar: TypeAlias = Annotated[Any, AfterValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
