"""One value in PostgreSQL and in DuckDB: equal where it means the same, whichever side it is on."""

from __future__ import annotations

from datetime import date

import duckdb
import psycopg
import pytest

from lockgate.adapters.relations.references import opened, reference
from lockgate.compare import compare
from lockgate.core.comparison import (
    ColumnRule,
    ComparisonRequest,
    Method,
    RowCounts,
    Tolerance,
    Transform,
    Verdict,
)

# How PostgreSQL writes a value, how DuckDB does.
EQUAL = (
    ("array[0.1, 16777216]::real[]", "[0.1, 16777216]::float[]"),
    ("array['NaN', '-Infinity', null, 1e20]::float8[]", "['nan', '-inf', null, 1e20]::double[]"),
    ("array['\\x01ff']::bytea[]", "[unhex('01FF')]"),
    (
        "array['2020-01-01 10:00+00', 'infinity']::timestamptz[]",
        "['2020-01-01 10:00:00+00', 'infinity']::timestamptz[]",
    ),
    ("array['0044-03-15 10:00 BC', '2020-01-01']::timestamp[]", "['0044-03-15 (BC) 10:00', '2020-01-01']::timestamp[]"),
    ("array[12345678901234567.80]::numeric(19,2)[]", "[12345678901234567.8]::decimal(19,1)[]"),
    ("array[[1.5, 2], [3, 4]]", "[[1.5, 2], [3, 4]]"),
    ('jsonb \'{"a": [0.5], "t": "2020-01-01T00:00:00"}\'', "{'a': [0.5::float], 't': timestamp '2020-01-01'}"),
    ("jsonb '1e30'", "json '1e30'"),
    ("interval '1 year 2 mons -3 days -04:05:06.5'", "interval '14 months -3 days' - interval '04:05:06.5'"),
    ("timestamptz '2020-01-01 10:00:00.5+00'", "timestamp_ns '2020-01-01 10:00:00.5'"),
    ("date '2020-01-01'", "timestamp_ns '2020-01-01'"),
    ('jsonb \'{"b": -0.0, "a": 0.1}\'', 'json \'{"a": 0.10000000000000000000, "b": 0}\''),
)
UNLIKE = (
    (
        'jsonb \'{"net": 12345678901234567890.25, "gross": 12345678901234567890.75}\'',
        'json \'{"net": 12345678901234567890.75, "gross": 12345678901234567890.25}\'',
    ),
    ("array['NaN']::float8[]", "[null]::double[]"),
    ("interval '30 days'", "interval '1 month'"),
    ("interval '24 hours'", "interval '1 day'"),
    ("date '2020-01-01'", "timestamp_ns '2020-01-01 00:00:00.000000001'"),
    ("array['-Infinity']::float8[]", "['inf']::double[]"),
)


@pytest.fixture(scope="module")
def across(postgres_server, tmp_path_factory):
    """Compares one value of PostgreSQL with one of DuckDB, either way; what is asked goes by keyword."""
    folder = tmp_path_factory.mktemp("across")

    def run(in_postgres: str, in_duckdb: str, **asked):
        with psycopg.connect(postgres_server, autocommit=True) as server:
            server.execute("drop table if exists across")
            server.execute(f"create table across as select 1 as id, {in_postgres} as x".encode())
        with duckdb.connect(str(folder / "across.duckdb")) as file:
            file.execute("set timezone = 'UTC'")
            file.execute(f"create or replace table across as select 1 as id, {in_duckdb} as x")
        names = (f"{postgres_server}::public.across", f"{folder}/across.duckdb::main.across")
        return [compared(folder, pair, **asked) for pair in (names, names[::-1])]

    run.postgres = f"{postgres_server}::public.across"

    return run


def compared(folder, names, **asked):
    request = ComparisonRequest(**{"key": ("id",), "show_values": True, **asked})
    with opened(folder, memory_bytes=500_000_000) as opening:
        left, right = (opening.side(reference(name)) for name in names)
        return compare(left, right, opening.bench, request, today=date(2026, 11, 21), progress=lambda *_: None)


def side_by_side(values) -> tuple[str, str]:
    """Values of either engine as columns x0, x1 and so on, and one more."""
    sides = zip(*values, strict=True)
    return tuple("".join(f"{one} as x{n}, " for n, one in enumerate(side)) + "1" for side in sides)


def test_what_means_the_same_is_equal(across):
    found = across(*side_by_side(EQUAL))

    assert [[EQUAL[n - 1] for n, one in enumerate(each.columns) if one.changed] for each in found] == [[], []]
    assert [each.verdict for each in found] == [Verdict.PASS] * 2


def test_what_does_not_mean_the_same_is_found(across):
    found = across(*side_by_side(UNLIKE))

    assert [[one.changed for one in each.columns] for each in found] == [[0] + [1] * len(UNLIKE) + [0]] * 2
    assert [each.verdict for each in found] == [Verdict.FAIL] * 2


def test_halves_are_rounded_away_from_zero_in_both(across):
    rules = {"x": ColumnRule(transforms=(Transform.WHOLE,))}

    assert [one.verdict for one in across("2.5::float8", "3.0::double", rules=rules)] == [Verdict.PASS] * 2


def test_a_file_without_values_in_a_column_says_nothing_of_its_type(across, tmp_path):
    (tmp_path / "left.csv").write_text("id,x\n1,\n")
    for type_ in ("numeric(9,2)", "boolean", "timestamptz", "bytea", "jsonb", "text"):
        across(f"cast(null as {type_})", "null")
        found = compared(tmp_path, (str(tmp_path / "left.csv"), across.postgres))

        assert (found.verdict, "x" in found.schema.type_changed) == (Verdict.PASS, False)


@pytest.mark.parametrize(
    ("in_postgres", "in_duckdb", "shown"),
    [
        ("1.0::float8", "1.0::double", "1.0"),
        ("1.50::numeric", "1.5::decimal(9,1)", "1.50"),
        ("'\\x01ff'::bytea", "unhex('01FF')", "\\x01\\xFF"),
        ("array[1, 2]", "[1, 2]", "[1, 2]"),
        ("date '0044-03-15 BC'", "date '0044-03-15 (BC)'", "0044-03-15 (BC)"),
        ("timestamptz '2020-01-01 10:00+02'", "timestamp '2020-01-01 08:00'", "2020-01-01 08:00:00+00"),
    ],
)
def test_a_group_is_one_whichever_engine_its_rows_are_of(across, in_postgres, in_duckdb, shown):
    found = across(f"{in_postgres} as g, 1", f"{in_duckdb} as g, 2", group_by=("g",))

    rows = RowCounts(left=1, right=1, matched=0, missing=0, extra=0, changed=1)
    assert [[group.rows for group in one.groups] for one in found] == [[rows], [rows]]
    assert found[0].groups[0].values == {"g": shown}


def test_extra_rows_are_in_the_group_that_their_values_make(across):
    found = across("interval '1 day' as g, 1", "'x' as g, 2", key=("g",), group_by=("g",))

    assert [sorted((group.rows.missing, group.rows.extra) for group in one.groups) for one in found] == [
        [(0, 1), (1, 0)]
    ] * 2


@pytest.mark.parametrize(
    "asked", [{"method": Method.FINGERPRINT}, {"method": Method.STREAM}, {"method": Method.FINGERPRINT, "key": ("x",)}]
)
def test_times_before_christ_travel_and_hash_alike(across, asked):
    in_postgres = (
        "timestamp '0044-03-15 10:00 BC'",
        "date '0044-03-15 BC'",
        "timestamptz '0044-03-15 10:00:00.5+00 BC'",
    )
    in_duckdb = (
        "timestamp '0044-03-15 (BC) 10:00'",
        "date '0044-03-15 (BC)'",
        "timestamptz '0044-03-15 (BC) 10:00:00.5+00'",
    )
    for one, other in zip(in_postgres, in_duckdb, strict=True):
        assert [(f.verdict, f.rows_moved > 0) for f in across(one, other, **asked)] == [(Verdict.PASS, True)] * 2


@pytest.mark.parametrize("type_", ["date", "timestamp", "timestamptz"])
def test_infinite_times_travel_as_what_they_are(across, type_):
    asked = {"method": Method.STREAM}
    found = {
        (one, other): [each.rows.changed for each in across(f"{one}::{type_}", f"{other}::{type_}", **asked)]
        for one in ("'infinity'", "'-infinity'", "null", "'2000-01-01'")
        for other in ("'infinity'", "'-infinity'", "null", "'2000-01-01'")
    }

    assert found == {(one, other): [int(one != other)] * 2 for one, other in found}


@pytest.mark.parametrize("last", ["294247-01-10 04:00:54.775807", "294276-12-31 23:59:59.999999"])
def test_a_moment_past_the_last_of_duckdb_is_not_taken_for_infinity(across, last):
    found = across(f"timestamp '{last}'", "timestamp 'infinity'", method=Method.STREAM)

    assert [(one.verdict, one.rows.changed) for one in found] == [(Verdict.FAIL, 1)] * 2


@pytest.mark.parametrize("type_", ["timestamp", "timestamptz"])
def test_years_that_only_postgresql_has_are_a_difference(across, type_):
    found = across(f"{type_} '294270-01-01 00:00:00+00'", f"{type_} '2020-01-01 00:00:00+00'")

    assert [(one.verdict, one.rows.changed) for one in found] == [(Verdict.FAIL, 1)] * 2
    assert (found[0].samples[0].left, found[0].samples[0].column) == (
        "294270-01-01 00:00:00" + ("+00" if type_ == "timestamptz" else ""),
        "x",
    )


@pytest.mark.parametrize(
    ("in_postgres", "written", "is_equal"),
    [
        ("0.1::real", "0.1", True),
        ("0.1::real", "0.10000001", False),
        ("'Infinity'::float8", "Infinity", True),
        ("'-Infinity'::real", "-Infinity", True),
        ("5", "x", False),
        ("true", "t", True),
        ("false", "t", False),
        ("array[1, 2]", "{1,2}", True),
        ("interval '1 year 2 mons 3 days'", "1 year 2 mons 3 days", True),
        ("interval '1 day'", "2 days", False),
    ],
)
def test_what_postgresql_writes_into_a_file_is_equal_to_what_it_has(across, tmp_path, in_postgres, written, is_equal):
    (tmp_path / "right.csv").write_text(f'id,x\n1,"{written}"\n')
    across(in_postgres, "null")

    found = compared(tmp_path, (across.postgres, str(tmp_path / "right.csv")))

    assert (found.verdict, found.rows.matched) == ((Verdict.PASS, 1) if is_equal else (Verdict.FAIL, 0))


def test_a_domain_over_a_domain_is_what_it_is_made_of(across, postgres_server):
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute("drop domain if exists price, amount cascade")
        server.execute("create domain amount as numeric(9,2)")
        server.execute("create domain price as amount")

    found = across("1.50::price", "1.5::decimal(9,1)")

    assert [(one.verdict, one.schema.type_changed) for one in found] == [
        (Verdict.PASS, {"x": ("public.price", "DECIMAL(9,1)")}),
        (Verdict.PASS, {"x": ("DECIMAL(9,1)", "public.price")}),
    ]


@pytest.mark.slow
def test_tables_of_postgresql_too_wide_to_join_are_streamed(postgres_server, tmp_path):
    columns = ", ".join(f"{number} as x{number}" for number in range(840))
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute("drop table if exists wide, wide_too")
        server.execute(f"create table wide as select 1 as id, {columns}".encode())
        server.execute(f"create table wide_too as select 1 as id, {columns.replace('839 as', '-1 as')}".encode())

    found = compared(tmp_path, [f"{postgres_server}::public.{name}" for name in ("wide", "wide_too")])

    assert (found.method, found.rows.changed) == (Method.STREAM, 1)
    assert [one.name for one in found.columns if one.changed] == ["x839"]


@pytest.mark.parametrize(
    ("left", "right", "tolerance", "is_near"),
    [
        ("1e308", "-1e308", "1e-9", False),
        ("1e308", "-1e308", "10%", False),
        ("1e-310", "1.5e-310", "1%", False),
        ("1e-310", "1.005e-310", "1%", True),
        ("1e308", "1.005e308", "1%", True),
        ("5e-324", "0", "0.1", True),
        ("1e-310", "1", "1%", False),
    ],
)
def test_doubles_at_the_ends_of_their_range_have_tolerances_in_postgresql(
    postgres_server, tmp_path, left, right, tolerance, is_near
):
    with psycopg.connect(postgres_server, autocommit=True) as server:
        for name, value in (("near_left", left), ("near_right", right)):
            server.execute(f"drop table if exists {name}".encode())
            server.execute(f"create table {name} as select 1 as id, '{value}'::double precision as x".encode())
    names = [f"{postgres_server}::public.{name}" for name in ("near_left", "near_right")]

    found = compared(tmp_path, names, tolerance=Tolerance.parse(tolerance))

    assert (found.method, found.rows.changed) == (Method.JOIN, int(not is_near))
