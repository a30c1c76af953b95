"""JSON records: types by what JSON says, exact records in quarantine, and the same rows however they were cut."""

from __future__ import annotations

import json
from itertools import pairwise

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.ports import JsonRecords
from lockgate.core.relation import Column
from lockgate.core.stream import NewColumnPolicy, Stream
from lockgate.errors import ContractBroken, SourceInconsistent


def array(*records: object) -> JsonRecords:
    return JsonRecords(json.dumps(records, ensure_ascii=False).encode())


def test_types_are_those_that_json_has(bench):
    found = bench.stage(array({"i": 1, "f": 1.5, "b": True, "t": "2024-01-01", "o": {"k": [1]}, "l": [], "n": None}))

    assert found.types == {"i": "bigint", "f": "double", "b": "boolean", "t": "text", "o": "json", "l": "json"}
    assert found.rows == [{"i": 1, "f": 1.5, "b": True, "t": "2024-01-01", "o": '{"k":[1]}', "l": "[]", "n": None}]


def test_the_first_value_decides_and_one_fraction_makes_numbers_fractional(bench):
    found = bench.stage(array({"a": None}, {"a": 1}, {"a": 2.5}, {"a": "x"}, {"a": "7"}))

    assert found.types == {"a": "double"}
    assert [row["a"] for row in found.rows] == [None, 1.0, 2.5, 7.0]
    assert found.rejects == [(4, "a", "does not fit double", '{"a":"x"}')]


def test_what_is_no_object_is_set_aside(bench):
    found = bench.stage(JsonRecords(b'[{"a":1},7,null,[1],{"a":2}]'))

    assert found.positions == [1, 5]
    assert [(row, reason, record) for row, _, reason, record in found.rejects] == [
        (2, "not an object", "7"),
        (3, "not an object", "null"),
        (4, "not an object", "[1]"),
    ]


def test_lines_that_are_no_json_are_set_aside_as_they_came(bench):
    text = '{"a":1}\n\n{"a":2\n  {"a":3}  \nnot json\n{"a":4}'

    found = bench.stage(bench.file("a.ndjson", text))

    assert [row["a"] for row in found.rows] == [1, 3, 4]
    assert found.positions == [1, 3, 5]
    assert [(row, reason, json.loads(record)) for row, _, reason, record in found.rejects] == [
        (2, "not JSON", '{"a":2'),
        (4, "not JSON", "not json"),
    ]


@pytest.mark.parametrize(
    ("late", "types"),
    [
        ({"a": 1.5, "b": "x"}, {"a": "double", "b": "text"}),
        ({"a": 1, "b": "x", "c": True}, {"a": "bigint", "b": "text", "c": "boolean"}),
        ({"b": "x"}, {"a": "bigint", "b": "text"}),
        ({"a": 1.0, "b": "x"}, {"a": "double", "b": "text"}),
    ],
)
def test_a_record_far_behind_the_sample_still_counts(bench, late, types):
    text = '{"a":1,"b":"x"}\n' * 25_000 + json.dumps(late)

    found = bench.stage(bench.file("a.ndjson", text))

    assert found.types == types
    assert {name: value for name, value in found.rows[-1].items() if value is not None} == late
    assert found.rejects == []


def test_fields_of_any_name_are_read(bench):
    record = {"a b": 1, 'q"uote': 2, "sl/ash~": 3, "ünï": 4, "select": 5, "$x": 6, "a.b": 7}

    assert bench.stage(array(record)).rows == [record]


def test_declared_types_take_text_and_numbers_alike(bench):
    stream = Stream("t", columns=bench.columns(id="bigint", at="timestamptz", data="json", cost="numeric(10,2)"))

    found = bench.stage(array({"id": "12", "at": "2024-01-01T00:00:00Z", "data": "x", "cost": 1.1}), stream)

    assert found.rejects == []
    assert (found.rows[0]["id"], found.rows[0]["data"], str(found.rows[0]["cost"])) == (12, '"x"', "1.10")


def test_a_nul_spelled_out_is_set_aside(bench):
    found = bench.stage(
        array({"a": "x\0y", "o": {"k": 1}}, {"a": "b", "o": {"k": "\0"}}, {"a": "c", "o": {"k": "\\u0000"}})
    )

    assert [(row, column) for row, column, _, _ in found.rejects] == [(1, "a"), (2, "o")]
    assert [row["a"] for row in found.rows] == ["c"]


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "-Infinity",
        "1e99999",
        "[1, -inf, 2]",
        '{"k": nan}',
        "[" * 1001 + "]" * 1001,
        '{"k":' * 1001 + "1" + "}" * 1001,
    ],
)
def test_json_that_no_target_holds_is_set_aside(bench, value):
    stream = Stream("t", columns=bench.columns(a="json"))

    found = bench.stage(bench.file("a.ndjson", f'{{"a": {value}}}\n{{"a": 1}}'), stream)

    assert [row["a"] for row in found.rows] == ["1"]
    assert [(row, column, reason) for row, column, reason, _ in found.rejects] == [(1, "a", "does not fit json")]


@pytest.mark.parametrize(
    "value",
    [
        '"a NaN, [inf], 1e99999 \\" :NaN,"',
        "[" * 1000 + "]" * 1000,
        "[" + ",".join(["[1,2]"] * 2000) + "]",
        "[" + ",".join(['{"a":[{}]}'] * 2000) + "]",
        '["' + "[" * 2000 + '"]',
        "1e9999",
    ],
)
def test_json_that_every_target_holds_is_kept(bench, value):
    stream = Stream("t", columns=bench.columns(a="json"))

    found = bench.stage(bench.file("a.ndjson", f'{{"a": {value}}}'), stream)

    assert [row["a"] for row in found.rows] == [value]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("1e2", "100.0"),
        ("100e-2", "1.0"),
        ("1.05e1", "10.5"),
        ("0E-9", "0.0"),
        ("1.05", None),
        ("1e-2", None),
        ("15e-2", None),
    ],
)
def test_an_exponent_moves_the_point_and_rounds_nothing(bench, written, kept):
    stream = Stream("t", columns=bench.columns(a="numeric(10,1)"))

    found = bench.stage(JsonRecords(f'[{{"a": {written}}}]'.encode()), stream)

    assert [str(row["a"]) for row in found.rows] == ([kept] if kept else [])
    assert [reason for _, _, reason, _ in found.rejects] == ([] if kept else ["does not fit numeric(10,1)"])


def test_digits_arrive_as_they_are_written_whatever_a_record_looks_like(bench):
    stream = Stream("t", columns=bench.columns(a="numeric(38,18)", b="text"))
    text = '{"a": 12345678901234567890.123456789012345678, "b": 1.10}\n{"b": 0.1234567890123456789}'

    found = bench.stage(bench.file("a.ndjson", text), stream)

    assert [(str(row["a"]), row["b"]) for row in found.rows] == [
        ("12345678901234567890.123456789012345678", "1.10"),
        ("None", "0.1234567890123456789"),
    ]


def test_an_array_that_is_cut_is_refused(bench):
    with pytest.raises(SourceInconsistent, match="cut"):
        bench.stage(JsonRecords(b'[{"a": 1}, {"a"'))


def test_refuses_fields_that_differ_by_case_only(bench):
    with pytest.raises(ContractBroken, match="case only"):
        bench.stage(array({"a": 1}, {"A": 2}))


def test_refuses_what_is_not_utf_8(bench):
    with pytest.raises(SourceInconsistent, match="UTF-8"):
        bench.stage(JsonRecords(b'[{"a":"\xff"}]'))


def test_no_records_are_an_empty_file(bench):
    found = bench.stage(JsonRecords(b"[]"))

    assert (found.rows, found.types, found.rejects) == ([], {}, [])


def test_fields_seen_earlier_in_the_load_keep_their_type_and_place(bench):
    seen = (Column("b", bench.columns(b="text")[0].type), Column("a", bench.columns(a="bigint")[0].type))

    found = bench.stage(array({"c": 1, "b": 5}), seen=seen)

    assert found.rows == [{"b": "5", "a": None, "c": 1}]
    assert list(found.types) == ["b", "a", "c"]


def test_whole_numbers_seen_earlier_become_fractional_whatever_else_comes_first(bench):
    seen = bench.columns(a="bigint")

    found = bench.stage(array({"a": False}, {"a": 0.5}), seen=seen)

    assert found.types == {"a": "double"}
    assert [row["a"] for row in found.rows] == [0.5]


def test_discards_rows_with_fields_nobody_wants(bench):
    stream = Stream("t", columns=bench.columns(a="bigint"), on_new_column=NewColumnPolicy.DISCARD_ROW)

    found = bench.stage(array({"a": 1}, {"a": 2, "b": None}, {"a": 3, "b": 0}), stream)

    assert [row["a"] for row in found.rows] == [1, 2]
    assert found.rejects == [(3, "b", "the stream takes no such column", '{"a":3,"b":0}')]


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from([0.5, 2.0]), st.sampled_from(["x", "5", ""])
)
RECORDS = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), min_size=1, max_size=8)


@given(records=RECORDS, cuts=st.sets(st.integers(1, 7)))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cut_gives_the_same_rows(bench, records, cuts):
    whole = _loaded(bench, [records])
    places = [0, *sorted(cut for cut in cuts if cut < len(records)), len(records)]

    assert _loaded(bench, [records[a:b] for a, b in pairwise(places)]) == whole


def _loaded(bench, parts):
    """What a load of these packages holds in the end."""
    done, seen = [], ()
    for part in parts:
        first = 1 + sum(one.staged.rows + one.staged.rejected for one in done)
        done.append(bench.stage(array(*part), seen=seen, first_row=first))
        found = {column.name: column for one in done for column in one.staged.columns}
        seen = tuple(found.values())
    from lockgate.adapters.staging.duckdb import DuckDBStager

    rows = []
    for one in done:
        DuckDBStager().align(one.staged.file, seen)
        rows += pq.read_table(one.staged.file).to_pylist()
    ordered = [tuple(sorted((name, value) for name, value in row.items())) for row in rows]
    return (
        {column.name: str(column.type) for column in seen},
        ordered,
        # What a value did not fit is told as it was known then: numbers may have become fractional since.
        [(position, column, record) for one in done for position, column, _, record in one.rejects],
    )
