"""Files tell their columns, types, words for NULL and keys; what cannot be read is refused with the reason."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lockgate.adapters.discover.files import found_file
from lockgate.core.discovery import FoundTable
from lockgate.core.relation import Column
from lockgate.core.types import ColumnType
from lockgate.errors import LoadError


def columns(**types: str) -> tuple[Column, ...]:
    return tuple(Column(name, ColumnType.parse(type_)) for name, type_ in types.items())


def test_a_csv_file(tmp_path):
    lines = ["id;name;paid;on;at", "1;Zoë;1.5;2024-01-31;2024-01-31 10:00:00", "2;;2;2024-02-29;2024-02-29 00:00:01"]
    (tmp_path / "Orders 2024.csv").write_text("\n".join(lines), encoding="utf-8")

    assert found_file(tmp_path / "Orders 2024.csv") == FoundTable(
        "Orders 2024",
        columns(id="bigint", name="text", paid="double", on="date", at="timestamp"),
        ("id",),
        2,
        {"path": "Orders 2024.csv"},
    )


def test_types_fit_the_last_row_too(tmp_path):
    numbers = "\n".join(f"{n},{n}" for n in range(50_000))
    (tmp_path / "late.csv").write_text(f"id,value\n{numbers}\n50000,x\n", encoding="utf-8")

    assert found_file(tmp_path / "late.csv").columns == columns(id="bigint", value="text")


def test_words_that_mean_null_are_found_where_they_hide_a_type(tmp_path):
    (tmp_path / "r.csv").write_text("id,delay,note\n1,5,NA\n2,NA,x\n3,-,y\n", encoding="utf-8")

    found = found_file(tmp_path / "r.csv")

    assert found.columns == columns(id="bigint", delay="bigint", note="text")
    assert found.options == {"path": "r.csv", "null": ["", "NA", "-"]}


def test_a_word_in_texts_alone_stays_a_word(tmp_path):
    (tmp_path / "r.csv").write_text("id,country\n1,NA\n2,DE\n", encoding="utf-8")

    assert found_file(tmp_path / "r.csv").options == {"path": "r.csv"}


def test_a_parquet_file_keeps_its_own_types(tmp_path):
    table = pa.table(
        {
            "key": pa.array(["a", "b"]),
            "amount": pa.array([None, 1], pa.decimal128(12, 2)),
            "small": pa.array([1, 1], pa.int16()),
            "at": pa.array([0, 0], pa.timestamp("us", tz="UTC")),
            "tags": pa.array([["x"], []]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")

    found = found_file(tmp_path / "t.parquet")

    types = {"key": "text", "amount": "numeric(12,2)", "small": "smallint", "at": "timestamptz", "tags": "json"}
    assert (found.columns, found.key, found.rows) == (columns(**types), ("key",), 2)


def test_compressed_json_lines(tmp_path):
    with gzip.open(tmp_path / "events.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write('{"id": 1, "more": {"a": 1}}\n{"id": 2, "more": null}\n')

    found = found_file(tmp_path / "events.jsonl.gz")

    assert (found.name, found.columns, found.key) == ("events", columns(id="bigint", more="json"), ("id",))


def test_a_column_without_values_is_text(tmp_path):
    (tmp_path / "t.csv").write_text("id,nothing\n1,\n", encoding="utf-8")

    assert found_file(tmp_path / "t.csv").columns == columns(id="bigint", nothing="text")


def test_a_file_of_headings_has_no_rows(tmp_path):
    (tmp_path / "empty.csv").write_text("id,name\n", encoding="utf-8")

    assert found_file(tmp_path / "empty.csv").rows == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.docx", b"x", "is not a file that is known"),
        ("broken.parquet", b"PAR1 and nothing else", "cannot be read"),
        ("latin.csv", "größe\n1\n".encode("latin-1"), "cannot be read"),
        ("twice.csv", b"id,id\n1,2\n", "more than once"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(LoadError, match=said):
        found_file(tmp_path / name)
