"""The shape of a rule set's file, key by key."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from lockgate.config.grammar import ColumnName, Name, Scalar, Shape, Text, Type
from lockgate.config.shape import Columns, ServeShape


class CastShape(Shape):
    """What a column is cast to; the type alone may stand in its place."""

    type: Type = Field(description="The type, such as `bigint`, `date` or `numeric(12,2)`.")
    formats: list[Text] = Field(default_factory=list, description="Formats of dates and timestamps, tried in turn.")
    reason: str = Field("", description="Why a row is rejected whose value cannot be read.")


class SqlShape(Shape):
    """An expression where a plain value may stand as well."""

    sql: Text = Field(description="The expression.")


class LookupShape(Shape):
    """A mapping in the file (`map`), or rows of another relation (`in`)."""

    map: dict[str, Scalar] | None = Field(None, description="Values by key.")
    in_: Text | None = Field(None, alias="in", description="`schema.table`, or `entity:NAME` for its rule set's rows.")
    after: Text | None = Field(None, description="The rule of the entity's rule set after which its rows are taken.")
    on: ColumnName | dict[ColumnName, ColumnName] = Field(
        description="The column to look up; `ours: theirs` with `in`."
    )
    take: ColumnName | dict[ColumnName, ColumnName] = Field(description="The column to fill; `ours: theirs` with `in`.")
    order: list[Text] = Field(
        default_factory=list, description="Which of several rows is taken: the first by this order."
    )
    default: Scalar | dict[ColumnName, Scalar] | None = Field(None, description="What stands where nothing is found.")


class FilterShape(Shape):
    """Which rows go on."""

    where: Text = Field(description="A condition; rows for which it is false or NULL are put aside.")


class ValidateShape(Shape):
    """Which rows are right."""

    that: Text = Field(description="A condition; rows for which it is false are rejected, NULL passes.")
    reason: Text = Field(description="Why a row is rejected.")


class DeduplicateShape(Shape):
    """Which of several rows with one key goes on."""

    key: list[ColumnName] = Field(min_length=1, description="The columns that make rows the same thing.")
    order: list[Text] = Field(min_length=1, description="The first by this order goes on: `updated_at desc`.")


def _type_alone(value: object) -> object:
    """`bigint` is short for `{type: bigint}`."""
    return {"type": value} if isinstance(value, str) else value


Casts: TypeAlias = dict[
    ColumnName, Annotated[CastShape, BeforeValidator(_type_alone, json_schema_input_type=CastShape | Type)]
]


class RuleShape(Shape):
    """One rule: a name, and exactly one kind."""

    name: Name | None = Field(None, description="What it is called in outcomes; else its kind and number.")
    rename: dict[ColumnName, ColumnName] | None = Field(None, min_length=1, description="`old: new` column names.")
    map: dict[ColumnName, ColumnName] | None = Field(None, min_length=1, description="`new: old` column names.")
    cast: Casts | None = Field(None, min_length=1, description="Columns to types; unreadable rows are rejected.")
    derive: dict[ColumnName, Text] | None = Field(None, min_length=1, description="Columns made by expressions.")
    lookup: LookupShape | None = Field(None, description="Columns filled from a mapping or from other rows.")
    default: dict[ColumnName, SqlShape | Scalar] | None = Field(None, min_length=1, description="What stands for NULL.")
    filter: FilterShape | None = Field(None, description="Rows that go on.")
    validate_: ValidateShape | None = Field(None, alias="validate", description="Rows that are right.")
    deduplicate: DeduplicateShape | None = Field(None, description="One row a key.")


Row: TypeAlias = dict[ColumnName, Scalar | None]


class CaseShape(Shape):
    """An example that `lockgate rules test` runs."""

    name: Text = Field(description="What the case shows.")
    given: list[Row] | dict[Text, list[Row]] = Field(description="Rows of `from`, or rows by relation.")
    expect: list[Row] = Field(default_factory=list, description="The rows that come out, in any order.")
    rejected: list[Row] = Field(default_factory=list, description="The rejections: `rule` or `reason`, and columns.")


class RuleSetShape(Shape):
    """A rule set's file."""

    entity: Name = Field(description="The entity that the rules produce.")
    from_: Text = Field(alias="from", description="The raw relation that rows come from: `schema.table`.")
    rules: list[RuleShape] = Field(min_length=1, description="The rules, in order.")
    output: list[ColumnName] = Field(min_length=1, description="The columns of the result; those of the contract.")
    key: list[ColumnName] | None = Field(None, description="With `contract`: the columns that make a row one row.")
    contract: Columns | None = Field(
        None,
        description="The columns with their types: makes the file an entity, where the project's `rule_sets` match it.",
    )
    serve: ServeShape | None = Field(None, description="With `contract`: where consumers read the entity.")
    cases: list[CaseShape] = Field(default_factory=list, description="Examples: given rows, expected rows.")
