"""Logical types as they are written."""

from __future__ import annotations

import pytest

from lockgate.core.types import ColumnType, Kind


@pytest.mark.parametrize(
    ("written", "type_"),
    [
        ("bigint", ColumnType(Kind.BIGINT)),
        ("INT8", ColumnType(Kind.BIGINT)),
        ("numeric(12, 2)", ColumnType(Kind.NUMERIC, 12, 2)),
        ("decimal(9)", ColumnType(Kind.NUMERIC, 9, 0)),
        ("numeric", ColumnType(Kind.NUMERIC)),
        ("varchar(40)", ColumnType(Kind.TEXT)),
        ("double precision", ColumnType(Kind.DOUBLE)),
        ("timestamp with time zone", ColumnType(Kind.TIMESTAMPTZ)),
        (" boolean ", ColumnType(Kind.BOOLEAN)),
    ],
)
def test_usual_spellings_mean_one_type(written: str, type_: ColumnType) -> None:
    assert ColumnType.parse(written) == type_


@pytest.mark.parametrize("written", ["", "money", "numeric(0)", "numeric(39,2)", "numeric(4,5)", "bigint(3)", "text;"])
def test_refuses_what_is_no_type(written: str) -> None:
    with pytest.raises(ValueError, match=r"type|precision"):
        ColumnType.parse(written)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.NUMERIC])
def test_a_type_reads_back_as_it_is_written(kind: Kind) -> None:
    assert ColumnType.parse(str(ColumnType(kind))) == ColumnType(kind)
    assert ColumnType.parse("numeric(38,38)") == ColumnType(Kind.NUMERIC, 38, 38)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("bigint", "bigint"),
        ("bigint", "smallint"),
        ("integer", "smallint"),
        ("double", "real"),
        ("numeric(12,2)", "numeric(9,2)"),
        ("numeric(12,4)", "numeric(10,2)"),
        ("numeric", "numeric(30,5)"),
    ],
)
def test_a_wider_type_holds_a_narrower_one(wide: str, narrow: str) -> None:
    assert ColumnType.parse(wide).holds(ColumnType.parse(narrow))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("smallint", "bigint"),
        ("real", "double"),
        ("double", "bigint"),
        ("numeric(9,2)", "numeric(12,2)"),
        ("numeric(12,4)", "numeric(12,2)"),
        ("numeric(12,2)", "numeric"),
        ("numeric", "bigint"),
        ("text", "uuid"),
        ("timestamptz", "timestamp"),
    ],
)
def test_no_type_holds_one_whose_values_it_cannot_keep_or_would_change(one: str, other: str) -> None:
    assert not ColumnType.parse(one).holds(ColumnType.parse(other))
