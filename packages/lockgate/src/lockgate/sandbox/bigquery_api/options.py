"""OPTIONS, PARTITION BY and CLUSTER BY, as the resources of the API have them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlglot import exp

from lockgate.sandbox.bigquery_api.fields import Field, standard
from lockgate.sandbox.bigquery_api.refusals import bad_query, unknown

_TABLE = {
    "description": "description",
    "friendly_name": "friendlyName",
    "labels": "labels",
    "require_partition_filter": "requirePartitionFilter",
    "expiration_timestamp": "expirationTime",
}
_MS_PER_DAY = 86_400_000


def table_options(properties: exp.Properties, value_of: Callable[[exp.Expr], object]) -> dict[str, Any]:
    """What OPTIONS say of a table or view; `value_of` tells what an expression is now.

    Raises:
        Refusal: the stand-in does not know one.
    """
    said: dict[str, Any] = {}
    for each in properties.expressions:
        if isinstance(each, exp.PartitionedByProperty | exp.ClusterProperty | exp.TemporaryProperty | exp.LikeProperty):
            continue
        if not isinstance(each, exp.Property) or type(each) not in {exp.Property, exp.EQ}:
            raise unknown(f"{each.sql('bigquery')}")
        name = each.name.lower()
        if name == "partition_expiration_days":
            continue
        if name not in _TABLE:
            raise unknown(f"the option {name}")
        said[_TABLE[name]] = (
            _moment(value_of(each.args["value"])) if name == "expiration_timestamp" else _value(each.args["value"])
        )
    return said


def dataset_options(properties: exp.Properties | None) -> tuple[str, dict[str, Any]]:
    """The location, and what else OPTIONS say of a dataset."""
    location, said = "", {}
    for each in properties.expressions if properties else ():
        if isinstance(each, exp.LocationProperty):
            location = each.this.name
            continue
        name = each.name.lower()
        if name not in {"description", "friendly_name", "labels", "location"}:
            raise unknown(f"the option {name}")
        if name == "location":
            location = each.args["value"].name
        else:
            said[_TABLE[name]] = _value(each.args["value"])
    return location, said


def _value(node: exp.Expr) -> Any:
    if isinstance(node, exp.Array):
        pairs = [each.expressions for each in node.expressions]
        return {pair[0].name: pair[1].name for pair in pairs}
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Null):
        return None
    if not isinstance(node, exp.Literal):
        raise unknown(f"the value {node.sql('bigquery')} of an option")
    return node.name


def _moment(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise bad_query(f"Invalid value for expiration_timestamp: it is {type(value).__name__}, no TIMESTAMP")
    return str(int(value.timestamp() * 1000))


def partitioning(properties: exp.Properties, fields: list[Field]) -> dict[str, Any]:
    """`timePartitioning` and `clustering`.

    Raises:
        Refusal: a column is not there, or the stand-in does not know the form.
    """
    said: dict[str, Any] = {}
    for each in properties.expressions:
        if isinstance(each, exp.PartitionedByProperty):
            kind, column = _partition(each.this)
            said["timePartitioning"] = {"type": kind, "field": _known(column, fields)}
        elif isinstance(each, exp.ClusterProperty):
            said["clustering"] = {"fields": [_known(column.name, fields) for column in each.expressions]}
    days = next((e.args["value"].name for e in properties.expressions if e.name == "partition_expiration_days"), None)
    if days is not None and "timePartitioning" in said:
        said["timePartitioning"]["expirationMs"] = str(int(float(days) * _MS_PER_DAY))
    return said


def _partition(node: exp.Expr) -> tuple[str, str]:
    inner = node.expressions[0] if isinstance(node, exp.Schema | exp.Tuple) else node
    if isinstance(inner, exp.Column | exp.Identifier):
        return "DAY", inner.name
    name = inner.name.upper() if isinstance(inner, exp.Anonymous) else ""
    if name == "DATE":
        return "DAY", inner.expressions[0].name
    if name in {"DATE_TRUNC", "TIMESTAMP_TRUNC", "DATETIME_TRUNC"}:
        part = inner.expressions[1].name.upper()
        if part in {"HOUR", "DAY", "MONTH", "YEAR"}:
            return part, inner.expressions[0].name
    raise unknown(f"PARTITION BY {node.sql('bigquery')}")


def _known(name: str, fields: list[Field]) -> str:
    for each in fields:
        if each["name"].casefold() == name.casefold():
            if standard(each["type"]) in {"FLOAT64", "JSON", "STRUCT"}:
                raise bad_query(f"{name} of type {each['type']} can neither partition nor cluster a table")
            return str(each["name"])
    raise bad_query(f"Unrecognized name: {name}")
