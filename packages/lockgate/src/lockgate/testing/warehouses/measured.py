"""What one query over an edition tells of it, the same on every warehouse."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.core.entity import Engine, Entity, Implementation, QualityDeclaration, RouteDeclaration
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column, Contract
from lockgate.core.types import ColumnType
from lockgate.quality.measuring import EXACT_ROWS, Measured, of_edition, query_of
from lockgate.testing.warehouses.given import ENTITY, NOON, SERVED, publish

TYPES = {
    "user_id": "bigint",
    "amount": "numeric(9,2)",
    "ratio": "double",
    "is_paid": "boolean",
    "day": "date",
    "at": "timestamptz",
    "token": "uuid",
    "label": "text",
    "facts": "json",
}
QUERY = """
SELECT CAST(i AS bigint) AS user_id, CASE WHEN i = 2 THEN NULL ELSE CAST(1.50 AS decimal(9,2)) END AS amount,
    '0.5' AS ratio, 'true' AS is_paid, '2024-02-29' AS day, '2024-02-29T12:00:00Z' AS at,
    'c0ffee00-1234-5678-9abc-def012345678' AS token, CAST(i AS text) AS label, '{}' AS facts
FROM generate_series(1, 4) AS series(i)
"""
METRICS = {"each": "sum(amount) / count(*)", "large": "count(case when amount > 1 and not user_id = 1 then 1 end)"}
MEASURED_ENTITY = Entity(
    name=ENTITY,
    contract=Contract(tuple(Column(name, ColumnType.parse(type_)) for name, type_ in TYPES.items()), ("user_id",)),
    target="main",
    schema=SERVED.schema,
    implementations={"rules": Implementation("rules", Engine.RULES, Path("rules.yml"))},
    route=RouteDeclaration("rules"),
    quality=QualityDeclaration(metrics=METRICS),
)
DISTINCT = {"user_id": 4.0, "label": 4.0} | dict.fromkeys(("amount", "ratio", "is_paid", "day", "at", "token"), 1.0)


class MeasuredConformance:
    """Rows, null rates, distinct values and key metrics."""

    @pytest.mark.parametrize("rows", [4, EXACT_ROWS + 1])
    def test_an_edition_is_measured_by_one_query(self, warehouse: Warehouse, rows: int) -> None:
        edition = publish(warehouse, "rules", QUERY, contract=MEASURED_ENTITY.contract)
        place, can = warehouse.edition_relation(SERVED, edition), warehouse.capabilities

        query = query_of(MEASURED_ENTITY, place, rows=rows, estimates_distinct=can.estimates_distinct)
        (row,) = warehouse.query(query).to_pylist()

        found = of_edition(MEASURED_ENTITY, "rules", row, Measured(NOON))
        values = {(one.series.metric, one.series.column): one.value for one in found}
        assert values.pop(("rows", "")) == 4.0
        assert {name: values.pop(("null_rate", name)) for name in TYPES} == {
            name: 0.25 * (name == "amount") for name in TYPES
        }
        distinct = DISTINCT if rows == 4 or can.estimates_distinct else {}
        assert {name: values.pop(("distinct", name)) for name in distinct} == distinct
        assert values == {("each", ""): 1.125, ("large", ""): 2.0}
