"""The shape of what a project says about comparing an entity's implementations."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from lockgate.config.grammar import ColumnName, Name, Shape, Text, fault
from lockgate.core.comparison import Tolerance


def parse_tolerance(written: object) -> Tolerance:
    """A tolerance such as `0.01`, `1%` or `2s`.

    Raises:
        PydanticCustomError: it is not written so.
    """
    try:
        return Tolerance.parse(str(written) if isinstance(written, str | int | float) else "")
    except ValueError as error:
        raise fault(f"{written!r} is not a tolerance", "Write 0.01, 1% or, for times, 2s.") from error


def parse_day(written: object) -> date:
    """A day as YYYY-MM-DD.

    Raises:
        PydanticCustomError: it is not written so.
    """
    try:
        return date.fromisoformat(written if isinstance(written, str) else "")
    except ValueError as error:
        raise fault(f"{written!r} is not a day", "Write it as 2027-01-31.") from error


ToleranceText: TypeAlias = Annotated[
    Tolerance,
    BeforeValidator(parse_tolerance),
    WithJsonSchema({"type": ["string", "number"], "examples": ["0.01", "1%", "2s"]}),
]
Day: TypeAlias = Annotated[date, BeforeValidator(parse_day), WithJsonSchema({"type": "string", "format": "date"})]


class ExpectedShape(Shape):
    """A difference that was agreed on."""

    owner: Text = Field(description="Who answers for it.")
    reason: Text = Field(description="Why it is right.")
    expires: Day = Field(description="The last day on which it counts, as YYYY-MM-DD.")
    rows: int = Field(ge=1, description="How many rows it explains at most; one more, and it explains none.")
    columns: list[ColumnName] = Field(default_factory=list, description="The columns that differ; none: all of them.")
    where: Text | None = Field(None, description="A condition in SQL over the left row; none: every row.")
    right: Text | None = Field(
        None,
        description="What the right value must be, as SQL over the left row, such as `amount * 100`: of whole numbers "
        "and decimals every digit; floating-point numbers may differ by a billionth, for reckoning rounds them.",
    )
    status: Literal["changed", "missing", "extra"] = Field("changed", description="What is the matter with the rows.")


class CompareShape(Shape):
    """How the entity's implementations are held against each other."""

    exclude: list[ColumnName] = Field(default_factory=list, description="Columns that are not compared.")
    tolerance: dict[ColumnName, ToleranceText] = Field(
        default_factory=dict, description="By how much a column's values may differ: `0.01`, `1%` or, for times, `2s`."
    )
    transform: dict[ColumnName, list[Literal["trim", "lower", "upper", "nfc", "empty_is_null", "date", "whole"]]] = (
        Field(default_factory=dict, description="What is done to both values of a column first.")
    )
    expected: dict[Name, ExpectedShape] = Field(
        default_factory=dict, description="Differences that were agreed on, by name."
    )
