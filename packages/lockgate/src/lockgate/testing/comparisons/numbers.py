"""The truth matrix's cells about numbers."""

from __future__ import annotations

from decimal import Decimal

from lockgate.core.comparison import Tolerance
from lockgate.testing.comparisons.cell import Cell, Engine, changed, differs, equal, table

_INT, _BIGINT = {"id": "bigint", "n": "integer"}, {"id": "bigint", "n": "bigint"}
_DOUBLE = {"id": "bigint", "x": "double precision"}
_MONEY = {"id": "bigint", "amount": "decimal(18,6)"}
_NO_NAN_IN_DECIMAL = "its decimal types have no NaN"
_DOUBLES = "numbers with a fraction in a CSV file are read by their digits"

NUMBERS = (
    Cell(
        "double_fourth_digit",
        "double 0.1230 and 0.1234",
        table(_DOUBLE, ("1", "0.1230"), ("2", "0.5")),
        table(_DOUBLE, ("1", "0.1234"), ("2", "0.5")),
        differs((2, 2), changed("x", "1"), largest={"x": 0.0004}),
    ),
    Cell(
        "decimal_sixth_digit",
        "decimal(18,6) 1.083211 and 1.083214",
        table(_MONEY, ("1", "1.083211"), ("2", "0.500000")),
        table(_MONEY, ("1", "1.083214"), ("2", "0.500000")),
        differs((2, 2), changed("amount", "1"), largest={"amount": 0.000003}),
    ),
    Cell(
        "widened_integer_one_wrong",
        "integer became bigint, one value is wrong",
        table(_INT, ("1", "7"), ("2", "2147483647"), ("3", "-9")),
        table(_BIGINT, ("1", "7"), ("2", "2147483648"), ("3", "-9")),
        differs((3, 3), changed("n", "2"), largest={"n": 1.0}),
    ),
    Cell(
        "widened_integer_all_equal",
        "integer became bigint, every value is equal",
        table(_INT, ("1", "7"), ("2", "2147483647"), ("3", "-9")),
        table(_BIGINT, ("1", "7"), ("2", "2147483647"), ("3", "-9")),
        equal(3),
    ),
    Cell(
        "nan_and_null",
        "NaN and NULL",
        table(_DOUBLE, ("1", "NaN"), ("2", "0.5")),
        table(_DOUBLE, ("1", None), ("2", "0.5")),
        differs((2, 2), changed("x", "1")),
    ),
    Cell(
        "nan_on_both_sides",
        "NaN on both sides",
        table(_DOUBLE, ("1", "NaN"), ("2", "0.5")),
        table(_DOUBLE, ("1", "NaN"), ("2", "0.5")),
        equal(2),
    ),
    Cell(
        "decimal_nan",
        "a decimal that is NaN, and one that is NULL",
        table(_MONEY, ("1", "NaN"), ("2", "NaN"), ("3", "0.5")),
        table(_MONEY, ("1", "NaN"), ("2", None), ("3", "0.5")),
        differs((3, 3), changed("amount", "2")),
        without={Engine.DUCKDB: _NO_NAN_IN_DECIMAL, Engine.PARQUET: _NO_NAN_IN_DECIMAL},
    ),
    Cell(
        "infinities",
        "infinity and minus infinity, and the same infinity on both sides",
        table(_DOUBLE, ("1", "inf"), ("2", "-inf"), ("3", "inf")),
        table(_DOUBLE, ("1", "-inf"), ("2", "-inf"), ("3", "inf")),
        differs((3, 3), changed("x", "1")),
    ),
    Cell(
        "sum_of_floats",
        "0.1 + 0.2 and 0.3 without tolerance",
        table(_DOUBLE, ("1", "0.30000000000000004"), ("2", "0.5")),
        table(_DOUBLE, ("1", "0.3"), ("2", "0.5")),
        differs((2, 2), changed("x", "1"), largest={"x": 5.551115123125783e-17}),
    ),
    Cell(
        "sum_of_floats_tolerated",
        "0.1 + 0.2 and 0.3 with a tolerance of 0.000000001",
        table(_DOUBLE, ("1", "0.30000000000000004"), ("2", "0.5")),
        table(_DOUBLE, ("1", "0.3"), ("2", "0.5")),
        equal(2),
        tolerance=Tolerance(absolute=Decimal("0.000000001")),
    ),
    Cell(
        "beyond_tolerance",
        "a difference of 0.02 with a tolerance of 0.01, and one of 0.01",
        table(_MONEY, ("1", "1.00"), ("2", "1.00")),
        table(_MONEY, ("1", "1.02"), ("2", "1.01")),
        differs((2, 2), changed("amount", "1"), largest={"amount": 0.02}),
        tolerance=Tolerance(absolute=Decimal("0.01")),
    ),
    Cell(
        "negative_zero",
        "-0.0 and 0.0",
        table(_DOUBLE, ("1", "-0.0"), ("2", "0.0"), ("3", "0.5")),
        table(_DOUBLE, ("1", "0.0"), ("2", "-0.0"), ("3", "0.5")),
        equal(3),
    ),
    Cell(
        "decimal_scale",
        "decimal 1.0 and 1.00",
        table({"id": "bigint", "amount": "decimal(9,1)"}, ("1", "1.0"), ("2", "-2.5")),
        table({"id": "bigint", "amount": "decimal(9,2)"}, ("1", "1.00"), ("2", "-2.50")),
        equal(2),
    ),
    Cell(
        "decimal_and_integer",
        "bigint 1 and decimal 1.00, and 2 and 2.01",
        table(_BIGINT, ("1", "1"), ("2", "2")),
        table({"id": "bigint", "n": "decimal(18,2)"}, ("1", "1.00"), ("2", "2.01")),
        differs((2, 2), changed("n", "2"), largest={"n": 0.01}),
    ),
    Cell(
        "past_2_53_in_bigints",
        "bigint 9007199254740992 and 9007199254740993",
        table(_BIGINT, ("1", "9007199254740992"), ("2", "9223372036854775807"), ("3", "-9007199254740993")),
        table(_BIGINT, ("1", "9007199254740993"), ("2", "9223372036854775807"), ("3", "-9007199254740993")),
        differs((3, 3), changed("n", "1"), largest={"n": 1.0}),
    ),
    Cell(
        "past_2_53_in_bigint_and_double",
        "bigint 9007199254740993 and double 9007199254740992",
        table(_BIGINT, ("1", "9007199254740993"), ("2", "9007199254740992"), ("3", "5")),
        table(
            {"id": "bigint", "n": "double precision"},
            ("1", "9007199254740992.0"),
            ("2", "9007199254740992.0"),
            ("3", "5.0"),
        ),
        differs((3, 3), changed("n", "1")),
        without={Engine.CSV: _DOUBLES},
    ),
    Cell(
        "past_2_53_in_keys",
        "keys 9007199254740992 and 9007199254740993",
        table({"id": "bigint", "word": "text"}, ("9007199254740992", "a"), ("9007199254740993", "b")),
        table({"id": "bigint", "word": "text"}, ("9007199254740992", "a"), ("9007199254740993", "c")),
        differs((2, 2), changed("word", "9007199254740993")),
    ),
    Cell(
        "booleans_as_numbers",
        "true and false, and 1 and 0, one of them wrong",
        table({"id": "bigint", "is_open": "boolean"}, ("1", "true"), ("2", "false"), ("3", "true"), ("4", None)),
        table({"id": "bigint", "is_open": "integer"}, ("1", "1"), ("2", "0"), ("3", "0"), ("4", None)),
        differs((4, 4), changed("is_open", "3")),
    ),
)
