"""What values must become on every warehouse: the same, exactly, or refused; and which bucket a key falls in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from lockgate.core.bucket import KeyPart, bucket_of
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column, Contract
from lockgate.core.sql import bucket_expression, column, sql_type
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import OutputInvalid
from lockgate.testing.warehouses.given import BIGINT, SERVED, publish, rows_of

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)

# What an implementation wrote, the contract's type, what consumers see.
CASTS: tuple[tuple[str, str, Any], ...] = (
    ("CAST(7 AS smallint)", "bigint", 7),
    ("CAST(7.0 AS double precision)", "integer", 7),
    ("CAST(-7.000 AS decimal(9,3))", "smallint", -7),
    ("CAST(9223372036854775807 AS decimal(38,0))", "bigint", 2**63 - 1),
    ("'+0042'", "bigint", 42),
    ("CAST(0.125 AS decimal(9,3))", "numeric(9,2)", Decimal("0.13")),
    ("CAST(-0.125 AS decimal(9,3))", "numeric(9,2)", Decimal("-0.13")),
    ("CAST(0.124 AS decimal(9,3))", "numeric(9,2)", Decimal("0.12")),
    ("CAST(2.675 AS double precision)", "numeric(9,2)", Decimal("2.68")),
    ("CAST(1.005 AS double precision)", "numeric(9,2)", Decimal("1.01")),
    ("CAST(0.1 AS real)", "numeric(9,4)", Decimal("0.1000")),
    ("CAST(1e15 AS double precision)", "numeric(18,2)", Decimal("1000000000000000.00")),
    ("CAST(12345 AS bigint)", "numeric(7,2)", Decimal("12345.00")),
    ("'-12.345'", "numeric(9,2)", Decimal("-12.35")),
    ("CAST(NULL AS text)", "bigint", None),
    ("CAST(NULL AS text)", "numeric(9,2)", None),
    ("CAST(NULL AS text)", "double", None),
    ("CAST(NULL AS text)", "date", None),
    ("CAST(NULL AS text)", "uuid", None),
    ("CAST(NULL AS text)", "json", None),
    ("CAST(0.1 AS decimal(9,1))", "double", 0.1),
    ("CAST(12345678901234567.89 AS decimal(38,9))", "double", 12345678901234567.89),
    ("CAST(0.5 AS real)", "double", 0.5),
    ("CAST(0.5 AS double precision)", "real", 0.5),
    ("CAST(9007199254740993 AS bigint)", "double", 9007199254740992.0),
    ("'1.5e3'", "double", 1500.0),
    ("'true'", "boolean", True),
    ("CAST(-12 AS integer)", "text", "-12"),
    ("CAST(1.50 AS decimal(9,2))", "text", "1.50"),
    ("CAST('2024-02-29' AS date)", "text", "2024-02-29"),
    ("true", "text", "true"),
    ("'C0FFEE00-1234-5678-9abc-def012345678'", "uuid", "c0ffee00-1234-5678-9abc-def012345678"),
    ("CAST('C0FFEE00-1234-5678-9abc-def012345678' AS uuid)", "text", "c0ffee00-1234-5678-9abc-def012345678"),
    ("'2024-02-29'", "date", date(2024, 2, 29)),
    ("CAST('2024-02-29 00:00:00' AS timestamp)", "date", date(2024, 2, 29)),
    ("CAST('2024-02-29' AS date)", "timestamptz", datetime(2024, 2, 29, tzinfo=UTC)),
    ("CAST('2024-02-29 12:00:00' AS timestamp)", "timestamptz", NOON),
    ("CAST('2024-02-29 13:00:00+01' AS timestamptz)", "timestamp", NOON.replace(tzinfo=None)),
    ("'2024-02-29T12:00:00Z'", "timestamptz", NOON),
    ("'2024-02-29 17:30:00+05:30'", "timestamptz", NOON),
    ("'2024-02-29 12:00:00'", "timestamptz", NOON),
    ("NULL", "text", None),
    ("CAST(NULL AS double precision)", "integer", None),
    ("CAST(NULL AS text)", "date", None),
)

# What consumers see instead where a decimal does not know the digits that it was made with.
SHORTENED = {"CAST(1.50 AS decimal(9,2))": "1.5"}

# What has no value in the contract's type.
LOST: tuple[tuple[str, str], ...] = (
    ("CAST(2.5 AS double precision)", "integer"),
    ("CAST(2.5 AS decimal(9,1))", "bigint"),
    ("CAST(32768 AS integer)", "smallint"),
    ("CAST(-9223372036854775809 AS decimal(38,0))", "bigint"),
    ("CAST('NaN' AS double precision)", "bigint"),
    ("CAST('Infinity' AS double precision)", "integer"),
    ("CAST('NaN' AS double precision)", "numeric(9,2)"),
    ("CAST('-Infinity' AS real)", "numeric"),
    ("CAST(99.995 AS decimal(9,3))", "numeric(4,2)"),
    ("CAST(100 AS integer)", "numeric(4,2)"),
    ("CAST(1e30 AS double precision)", "numeric"),
    ("CAST(1e39 AS double precision)", "real"),
    ("CAST(1e-60 AS double precision)", "real"),
    ("'12.5'", "integer"),
    ("' 12'", "integer"),
    ("''", "bigint"),
    ("'9223372036854775808'", "bigint"),
    ("'1e5'", "numeric(9,2)"),
    ("'1000'", "numeric(4,2)"),
    ("'yes'", "boolean"),
    ("'29.02.2024'", "date"),
    ("'yesterday'", "timestamptz"),
    ("CAST('2024-02-29 00:00:01' AS timestamp)", "date"),
    ("'c0ffee00123456789abcdef012345678'", "uuid"),
)

# What only the database itself can tell is no value.
UNREADABLE = (("'2023-02-29'", "date"), ("'2024-02-29 25:00:00'", "timestamp"), ("'{'", "json"))

# Types that do not become one another.
FORBIDDEN = (
    ("true", "integer"),
    ("CAST(1 AS integer)", "boolean"),
    ("CAST(1.5 AS double precision)", "text"),
    ("CAST(1 AS bigint)", "date"),
    ("'x'", "bytes"),
)

# Counted with md5sum(1).
VECTORS: tuple[tuple[tuple[KeyPart, ...], int], ...] = (
    ((0,), 7976),
    ((-1,), 3350),
    ((2**63 - 1,), 5784),
    ((-(2**63),), 531),
    (("",), 8754),
    (("ß",), 6939),
    (("漢",), 1613),
    (("🤦🏼",), 6494),
    (("a'b\\c",), 1708),
    ((date(2024, 2, 29),), 556),
    ((UUID("c0ffee00-1234-5678-9abc-def012345678"),), 5731),
    (("1", "1:1"), 5216),
    (("11", ":1"), 8097),
    ((7, "x", date(1, 1, 1)), 7978),
)

SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]  # one target for all is meant

_KINDS = {int: Kind.BIGINT, str: Kind.TEXT, UUID: Kind.UUID, date: Kind.DATE}
_PARTS_BY_TYPE: dict[type, st.SearchStrategy[KeyPart]] = {
    int: st.integers(-(2**63), 2**63 - 1),
    str: st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    UUID: st.uuids(),
    date: st.dates(),
}
_PARTS = st.one_of(*_PARTS_BY_TYPE.values())


class ValuesConformance:
    """Casts to the contract and buckets of keys."""

    # Whether a decimal still knows, when it becomes text, how many digits it was made with.
    decimals_keep_zeros = True

    def test_casts_to_the_contract_are_exact(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", _output(CASTS), contract=_contract(CASTS))

        (row,) = rows_of(warehouse, SERVED)
        assert {CASTS[number][:2]: row[f"x{number}"] for number in range(len(CASTS))} == {
            (written, type_): seen if self.decimals_keep_zeros else SHORTENED.get(written, seen)
            for written, type_, seen in CASTS
        }
        served = [column.type for column in warehouse.columns(SERVED)[1:]]
        assert served == [_stored(ColumnType.parse(type_)) for _, type_, _ in CASTS]

    def test_values_without_an_exact_value_in_the_contract_are_refused_and_counted(self, warehouse: Warehouse) -> None:
        with pytest.raises(OutputInvalid) as refused:
            publish(warehouse, "rules", _output(LOST), contract=_contract(LOST))

        lost = refused.value.fields["lost"]
        assert isinstance(lost, dict)
        assert [LOST[number] for number in range(len(LOST)) if lost[f"x{number}"] != 1] == []
        assert "32768" not in str(refused.value)
        assert warehouse.editions("users") == ()

    @pytest.mark.parametrize("case", UNREADABLE)
    def test_text_that_only_looks_like_a_value_is_refused_without_being_told(
        self, warehouse: Warehouse, case: tuple[str, str]
    ) -> None:
        with pytest.raises(OutputInvalid) as refused:
            publish(warehouse, "rules", _output([case]), contract=_contract([case]))

        assert case[0].strip("'") not in str(refused.value)
        assert warehouse.editions("users") == ()

    @pytest.mark.parametrize("case", FORBIDDEN)
    def test_types_that_do_not_become_one_another_are_refused(
        self, warehouse: Warehouse, case: tuple[str, str]
    ) -> None:
        with pytest.raises(OutputInvalid, match=f"where the contract says {case[1]}"):
            publish(warehouse, "rules", _output([case]), contract=_contract([case]))

    def test_json_is_served_by_content(self, warehouse: Warehouse) -> None:
        written = """'{"b": [1, null], "a": "ß"}'"""

        publish(warehouse, "rules", _output([(written, "json")]), contract=_contract([(written, "json")]))

        (row,) = rows_of(warehouse, SERVED)
        assert json.loads(row["x0"]) == {"a": "ß", "b": [1, None]}

    def test_arrays_are_served_as_json(self, warehouse: Warehouse) -> None:
        written = [("ARRAY[1, 2]", "json")]

        publish(warehouse, "rules", _output(written), contract=_contract(written))

        (row,) = rows_of(warehouse, SERVED)
        assert json.loads(row["x0"]) == [1, 2]

    def test_buckets_of_known_keys(self, warehouse: Warehouse) -> None:
        assert [bucket_of(key) for key, _ in VECTORS] == [bucket for _, bucket in VECTORS]
        assert [buckets(warehouse, [key]) for key, _ in VECTORS] == [[bucket] for _, bucket in VECTORS]

    def test_a_key_with_a_null_part_is_in_the_last_bucket(self, warehouse: Warehouse) -> None:
        expression = bucket_expression(("a", "b"), warehouse.capabilities.dialect)
        source = exp.select(exp.alias_(exp.Literal.string("x"), "a"), exp.alias_(exp.cast(exp.null(), "text"), "b"))

        found = warehouse.query(exp.select(exp.alias_(expression, "n")).from_(source.subquery("keys"))).to_pylist()

        assert found == [{"n": 9999}]
        assert bucket_of(("x", None)) == 9999

    @settings(max_examples=25, deadline=None, suppress_health_check=SUPPRESSED)
    @given(shape=st.lists(_PARTS, min_size=1, max_size=3), data=st.data())
    def test_buckets_are_the_same_in_python_and_in_the_warehouse(
        self, warehouse: Warehouse, shape: list[KeyPart], data: st.DataObject
    ) -> None:
        alike = st.tuples(*[_PARTS_BY_TYPE[type(part)] for part in shape])
        keys = [tuple(shape), *data.draw(st.lists(alike, max_size=20))]

        assert buckets(warehouse, keys) == [bucket_of(key) for key in keys]


def buckets(warehouse: Warehouse, keys: Sequence[tuple[KeyPart, ...]]) -> list[int]:
    """The buckets that the warehouse finds for keys of one shape."""
    names = tuple(f"part {number}" for number in range(len(keys[0])))
    types = [sql_type(ColumnType(_KINDS[type(part)])) for part in keys[0]]
    selects = [_key_row(number, key, names, types) for number, key in enumerate(keys)]
    source = (exp.union(*selects, distinct=False) if len(selects) > 1 else selects[0]).subquery("keys")
    bucket = exp.alias_(bucket_expression(names, warehouse.capabilities.dialect), "bucket")
    found = warehouse.query(exp.select(bucket).from_(source).order_by(column("row")))
    return [int(row["bucket"]) for row in found.to_pylist()]


def _key_row(number: int, key: tuple[KeyPart, ...], names: tuple[str, ...], types: list[exp.DataType]) -> exp.Select:
    parts = [
        exp.alias_(exp.cast(exp.Literal.string(str(part)), type_), name, quoted=True)
        for part, name, type_ in zip(key, names, types, strict=True)
    ]
    return exp.select(exp.alias_(exp.Literal.number(number), "row", quoted=True), *parts)


def _output(cases: Sequence[tuple[Any, ...]]) -> str:
    columns = [f"{case[0]} AS x{number}" for number, case in enumerate(cases)]
    return f"SELECT CAST(1 AS bigint) AS id, {', '.join(columns)}"


def _contract(cases: Sequence[tuple[Any, ...]]) -> Contract:
    columns = [Column(f"x{number}", ColumnType.parse(case[1])) for number, case in enumerate(cases)]
    return Contract((Column("id", BIGINT), *columns), key=("id",))


def _stored(type_: ColumnType) -> ColumnType:
    return ColumnType.parse("numeric(38,9)") if type_ == ColumnType(Kind.NUMERIC) else type_
