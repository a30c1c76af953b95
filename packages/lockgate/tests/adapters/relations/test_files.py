"""Files as sides of a comparison: what is refused, and what the types of their columns are."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lockgate.adapters.relations.bench import opened_bench
from lockgate.adapters.relations.files import file_side
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import SourceInconsistent, SourceRefused


@pytest.fixture
def side(tmp_path):
    """Opens a file with this content, which is a table where it is to be Parquet."""
    with opened_bench(tmp_path / "spill", memory_bytes=500_000_000) as bench:

        def opened(content):
            if isinstance(content, pa.Table):
                pq.write_table(content, tmp_path / "given.parquet")
                return file_side(bench, "given", tmp_path / "given.parquet")
            (tmp_path / "given.csv").write_bytes(content)
            return file_side(bench, "given", tmp_path / "given.csv")

        yield opened


WIDE = pa.array([Decimal("9" * 60)], type=pa.decimal256(76, 0))


@pytest.mark.parametrize(
    "column", [WIDE, pa.array([{"x": one} for one in WIDE.to_pylist()], pa.struct([("x", WIDE.type)]))]
)
def test_decimals_that_would_be_rounded_are_refused(side, column):
    with pytest.raises(SourceRefused, match=r"given.parquet is a DECIMAL\(76,0\), which is read only rounded"):
        side(pa.table({"id": [1], "x": column}))


def test_decimals_of_38_digits_are_read(side):
    found = side(pa.table({"x": pa.array([Decimal("9" * 38)], type=pa.decimal256(38, 0))}))

    assert found.columns[0].type == ColumnType(Kind.NUMERIC, 38, 0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id,a,A\n1,2,3\n", "given.csv has a column 'A' and a column 'a', told apart by case alone"),
        (b"id,a,a\n1,2,3\n", "the header of given.csv names 'a' more than once"),
        (
            pa.table([[1], [2]], names=["a", "A"]),
            "given.parquet has a column 'A' and a column 'a', told apart by case alone",
        ),
        (pa.table([[1], [2]], names=["a", "a"]), "given.parquet has a column 'a' more than once"),
    ],
)
def test_columns_that_cannot_be_told_apart_are_refused(side, content, told):
    with pytest.raises(SourceInconsistent) as refused:
        side(content)

    assert (refused.value.message, refused.value.remedy) == (told, "Give each column a name of its own.")


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"id,a\n1,\xe9\n", "Compare a CSV file in UTF-8, plain or gzipped; iconv converts one."),
        (b"id,a\n1\n", "Mend the line; each record needs as many values as the first line has names."),
    ],
)
def test_a_line_that_cannot_be_read_is_told_what_to_do_about(side, content, hint):
    with pytest.raises(SourceInconsistent) as refused:
        side(content)

    assert refused.value.remedy == hint


def test_a_column_without_values_tells_nothing_of_its_type(side):
    found = side(b'id,a,b\n1,,""\n')

    assert [(one.name, one.is_empty) for one in found.columns] == [("id", False), ("a", True), ("b", False)]
