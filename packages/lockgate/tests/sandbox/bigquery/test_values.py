"""How values are spelled on the wire, and what Google's client reads.

Expected: the resource `TableRow` of cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/list, and
cloud.google.com/bigquery/docs/reference/standard-sql/data-types.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter, StructQueryParameter

SPELLED = [
    ("-7", "INTEGER", "-7"),
    ("1.5", "FLOAT", "1.5"),
    ("CAST('inf' AS FLOAT64)", "FLOAT", "Infinity"),
    ("NUMERIC '2.50'", "NUMERIC", "2.5"),
    ("BIGNUMERIC '0.000000000001'", "BIGNUMERIC", "0.000000000001"),
    ("TRUE", "BOOLEAN", "true"),
    ("'a\\'b'", "STRING", "a'b"),
    ("b'ab'", "BYTES", "YWI="),
    ("DATE '2024-02-29'", "DATE", "2024-02-29"),
    ("TIME '01:02:03.000004'", "TIME", "01:02:03.000004"),
    ("DATETIME '2024-02-29 01:02:03'", "DATETIME", "2024-02-29T01:02:03"),
    ("TIMESTAMP '2024-02-29 01:02:03.5+02'", "TIMESTAMP", "1709161323500000"),
    ("JSON '{\"a\":1}'", "JSON", '{"a":1}'),
    ("CAST(NULL AS STRING)", "STRING", None),
    ("[1, 2]", "INTEGER", [{"v": "1"}, {"v": "2"}]),
    ("STRUCT(1 AS a, 'x' AS b)", "RECORD", {"f": [{"v": "1"}, {"v": "x"}]}),
]


@pytest.mark.parametrize(("sql", "kind", "spelled"), SPELLED, ids=[sql for sql, _, _ in SPELLED])
def test_a_value_is_spelled_as_bigquery_spells_it(rest, sql, kind, spelled):
    body = {"query": f"SELECT {sql} AS v", "useLegacySql": False, "formatOptions": {"useInt64Timestamp": True}}

    answer = rest.post("/queries", json=body).json()

    assert answer["rows"] == [{"f": [{"v": spelled}]}]
    assert answer["schema"]["fields"][0]["type"] == kind
    assert (answer["jobComplete"], answer["totalRows"]) == (True, "1")


def test_a_timestamp_is_seconds_where_nothing_else_is_asked_for(rest):
    body = {"query": "SELECT TIMESTAMP '2024-02-29 01:02:03.5+02'", "useLegacySql": False}

    assert rest.post("/queries", json=body).json()["rows"] == [{"f": [{"v": "1709161323.5"}]}]


def test_the_client_reads_what_was_meant(run):
    row = run("SELECT 1, 2.5, NUMERIC '2.5', TRUE, b'ab', DATE '2024-02-29', TIMESTAMP '2024-02-29 00:00:00+00', ['a']")

    day = dt.date(2024, 2, 29)
    assert row == [
        (1, 2.5, Decimal("2.5"), True, b"ab", day, dt.datetime(2024, 2, 29, tzinfo=dt.UTC), ["a"]),
    ]


def test_parameters_have_the_types_that_they_are_given_with(run):
    given = [
        ScalarQueryParameter("text", "STRING", "it's"),
        ScalarQueryParameter("number", "NUMERIC", Decimal("1.25")),
        ScalarQueryParameter("at", "TIMESTAMP", dt.datetime(2024, 2, 29, 1, tzinfo=dt.UTC)),
        ScalarQueryParameter("nothing", "INT64", None),
        ArrayQueryParameter("list", "INT64", [3, 4]),
        StructQueryParameter("pair", ScalarQueryParameter("a", "INT64", 5), ScalarQueryParameter("b", "STRING", "x")),
    ]

    row = run("SELECT @text, @number * 2, @at, @nothing, @list, @pair.b, 4 IN UNNEST(@list)", *given)

    assert row == [("it's", Decimal("2.5"), dt.datetime(2024, 2, 29, 1, tzinfo=dt.UTC), None, [3, 4], "x", True)]


def test_parameters_by_place(run):
    given = [ScalarQueryParameter(None, "INT64", 7), ScalarQueryParameter(None, "BOOL", False)]

    assert run("SELECT ?, NOT ?", *given) == [(7, True)]


def test_columns_without_a_name_are_called_f(run, client):
    rows = client.query("SELECT 1, 2 AS b, 3").result()

    assert [each.name for each in rows.schema] == ["f0_", "b", "f1_"]
