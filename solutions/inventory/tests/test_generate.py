"""The generator is the same everywhere, and every sort of mess is there in the amount it says."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from datetime import UTC, datetime

import duckdb
import psycopg
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory import schema
from inventory.generate import LAST_WAVE, UNTIL, Dataset, generate
from inventory.generate.__main__ import main
from inventory.generate.sinks import write_files, write_into


@pytest.fixture(scope="module")
def made() -> Dataset:
    return generate()


def ask(dataset: Dataset, query: str) -> list[tuple]:
    """A query's answer; `users`, `apps` are the distinct rows with an id; `raw_users`, `raw_apps` are all of them."""
    with duckdb.connect() as connection:
        for name, stream in (("users", dataset.users), ("apps", dataset.applications)):
            rows = stream.rows.append_column("position", pa.array(range(stream.rows.num_rows)))
            connection.from_arrow(rows).create(f"raw_{name}")
            connection.execute(
                f"CREATE VIEW {name} AS SELECT DISTINCT * EXCLUDE (position) FROM raw_{name} WHERE id IS NOT NULL"
            )
        return connection.execute(query).fetchall()


def fingerprint(rows: pa.Table) -> str:
    return hashlib.sha256(json.dumps(rows.to_pylist()).encode()).hexdigest()[:16]


def test_the_same_seed_gives_the_same_rows_for_ever(made):
    again = generate()

    assert again.users.rows.equals(made.users.rows)
    assert again.applications.rows.equals(made.applications.rows)
    assert (fingerprint(made.users.rows), fingerprint(made.applications.rows)) == (
        "6289fa256f0084d8",
        "f50ebbb8f74df3a5",
    )


def test_another_seed_gives_other_rows(made):
    assert not generate(seed=8).users.rows.equals(made.users.rows)


def test_rows_have_the_raw_columns(made):
    assert made.users.rows.schema == schema.USERS
    assert made.applications.rows.schema == schema.APPLICATIONS


def test_sizes_count_distinct_ids(made):
    assert ask(made, "SELECT count(DISTINCT id), min(id), max(id) FROM users") == [(1_000, 1, 1_000)]
    assert ask(made, "SELECT count(DISTINCT id), min(id), max(id) FROM apps") == [(500, 1, 500)]


# 1,000 users in 1 + 0.3 + 0.02 + 0.02 + 0.1 + 0.05 versions each.
VERSIONS = 1_490


MESS_OF_USERS = {
    "id IS NOT NULL": VERSIONS,
    "text_of(email) = ''": 30,
    "text_of(email) <> '' AND NOT regexp_full_match(text_of(email), '[^@]+@[^@]+')": 15,
    "text_of(department_code) = ''": 30,
    "text_of(department_code) <> '' AND upper(text_of(department_code)) NOT IN (FROM codes)": 60,
    "upper(text_of(department_code)) IN (FROM codes) AND department_code NOT IN (FROM codes)": 149,
    "status IN ('on leave', 'blocked', 'aktiv')": 60,
    "text_of(full_name) = ''": 15,
    "text_of(full_name) <> '' AND full_name <> text_of(full_name)": 45,
    "text_of(hired_on) = ''": 45,
    "hired_on IN (FROM impossible)": 15,
}
MESS_OF_APPLICATIONS = {
    "id IS NOT NULL": 745,
    "owner_id > 1000": 23,
    "owner_id IS NULL": 23,
    "text_of(monthly_cost) = ''": 15,
    "text_of(monthly_cost) <> '' AND (monthly_cost = '1e3' OR try_cast(monthly_cost AS decimal(12, 2)) IS NULL)": 12,
    "try_cast(monthly_cost AS decimal(12, 2)) < 0": 8,
}
READINGS = """
    CREATE MACRO text_of(delivered) AS trim(coalesce(delivered, ''), E' \\t');
    CREATE TABLE codes AS SELECT unnest(['ENG', 'FIN', 'HR', 'MKT', 'OPS', 'SAL', 'LEG', 'ITS']);
    CREATE TABLE impossible AS SELECT unnest([
        '2023-02-30', '31/04/2022', '2021-13-01', '29/02/2023', 'soon', '2024/01/05', '1/2/2024', '0000-01-01'
    ]);
"""


@pytest.mark.parametrize(
    ("stream", "condition", "rows"),
    [
        *(("users", condition, rows) for condition, rows in MESS_OF_USERS.items()),
        *(("apps", condition, rows) for condition, rows in MESS_OF_APPLICATIONS.items()),
    ],
)
def test_mess_is_there_in_the_amount_it_says(made, stream, condition, rows):
    assert ask(made, f"{READINGS} SELECT count(*) FROM {stream} WHERE {condition}") == [(rows,)]


def test_rows_are_delivered_again_and_without_their_id(made):
    assert ask(made, f"SELECT count(*) - {VERSIONS} FROM raw_users WHERE id IS NOT NULL") == [(30,)]
    assert ask(made, "SELECT count(*) FROM raw_users WHERE id IS NULL") == [(8,)]


def test_three_in_a_hundred_users_are_somebody_else_again(made):
    twins = """
        WITH spelt AS (SELECT id, lower(trim(email, E' \\t')) AS person, email FROM users
                       WHERE email LIKE '%_@_%' AND email NOT LIKE '%@%@%')
        SELECT count(DISTINCT one.id) FROM spelt AS one JOIN spelt AS other
        ON one.person = other.person AND one.id < other.id
    """
    assert ask(made, twins) == [(30,)]


def test_dates_come_in_two_layouts(made):
    slashed = "SELECT count(*) FROM users WHERE regexp_full_match(trim(hired_on, E' \\t'), '../../....')"
    dashed = "SELECT count(*) FROM users WHERE regexp_full_match(trim(hired_on, E' \\t'), '....-..-..')"

    assert ask(made, slashed)[0][0] > 300
    assert ask(made, dashed)[0][0] > 800


@pytest.mark.parametrize(
    "name", ["José Peña", "Jose\u0301 Pen\u0303a", "Groß Weiß", "محمد عبد الله", "王小明", "Zoë 🦊 Fuchs"]
)
def test_names_come_in_many_scripts(made, name):
    with_name = {row for row in made.users.rows["full_name"].to_pylist() if row and row.strip(" \t") == name}

    assert with_name


def test_late_updates_come_a_wave_after_the_newer_version(made):
    late = """
        SELECT count(DISTINCT older.id) FROM raw_{0} AS older JOIN raw_{0} AS newer
        ON older.id = newer.id AND older.position > newer.position AND older.updated_at < newer.updated_at
        AND NOT EXISTS (FROM raw_{0} AS before WHERE before.id = older.id AND before.updated_at = older.updated_at
                        AND before.position < older.position)
    """
    assert ask(made, late.format("users")) == [(20,)]
    assert ask(made, late.format("apps")) == [(10,)]


@given(st.integers(0, 2**63), st.integers(0, 400), st.integers(0, 400))
@settings(max_examples=30, deadline=None)
def test_no_version_has_two_contents(seed, users, applications):
    made = generate(users, applications, seed=seed)

    for stream in (made.users, made.applications):
        versions: dict[tuple, dict] = {}
        for row in stream.rows.to_pylist():
            if row["id"] is not None:
                assert versions.setdefault((row["id"], row["updated_at"]), row) == row
        assert len({number for number, _ in versions}) == (users if stream is made.users else applications)


def test_every_wave_brings_rows_behind_those_before(made):
    for stream in (made.users, made.applications):
        sizes = [stream.as_of(wave).num_rows for wave in range(LAST_WAVE + 1)]

        assert sizes == sorted(set(sizes))
        assert sizes[-1] == stream.rows.num_rows
        assert stream.as_of(0).equals(stream.rows.slice(0, sizes[0]))


def test_a_reader_that_looks_ten_minutes_back_misses_nothing_new(made):
    for stream in (made.users, made.applications):
        seen, cursor = set(), ""
        for wave in range(LAST_WAVE + 1):
            rows = stream.as_of(wave).to_pylist()
            back = [row for row in rows if not cursor or minutes_between(row["updated_at"], cursor) <= 10]
            seen.update(tuple(row.values()) for row in back)
            cursor = max(row["updated_at"] for row in rows)
        assert seen == {tuple(row.values()) for row in stream.rows.to_pylist()}


def minutes_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds() / 60


def test_stamps_lie_in_the_year_before_the_time_given():
    stamps = generate(until=datetime(2030, 1, 1, tzinfo=UTC)).users.rows["updated_at"].to_pylist()

    assert min(stamps) >= "2029-01-01T"
    assert max(stamps) < "2030-01-01T"
    assert datetime(2026, 1, 31, tzinfo=UTC) == UNTIL


@pytest.mark.parametrize(("users", "applications"), [(0, 0), (0, 4), (4, 0), (1, 1)])
def test_small_sizes_are_sizes(users, applications):
    made = generate(users, applications)

    assert ask(made, "SELECT (SELECT count(DISTINCT id) FROM users), (SELECT count(DISTINCT id) FROM apps)") == [
        (users, applications)
    ]


@pytest.mark.parametrize("arguments", [{"users": -1}, {"applications": -1}, {"until": datetime(2026, 1, 1)}])  # noqa: DTZ001
def test_refuses_sizes_and_times_that_are_none(arguments):
    with pytest.raises(ValueError, match=r"size|zone"):
        generate(**arguments)


@pytest.mark.slow
def test_a_million_users_keep_their_proportions():
    made = generate(1_000_000, 1)

    assert made.users.rows.num_rows == math.ceil(1.49e6 * 1.025)
    assert ask(made, "SELECT count(DISTINCT id) FROM users") == [(1_000_000,)]


@pytest.mark.parametrize("file_format", ["csv", "parquet", "ndjson"])
def test_files_hold_the_rows_with_null_and_empty_text_apart(tmp_path, made, file_format):
    write_files({"users": made.users.rows}, tmp_path / "new", file_format)

    with duckdb.connect() as connection:
        path = str(tmp_path / "new" / f"users.{file_format}")
        text = {name: "varchar" for name in schema.USERS.names if name != "id"}
        readers = {
            "csv": lambda: connection.read_csv(
                path,
                columns={"id": "bigint", **text},
                header=True,
                quotechar='"',
                escapechar='"',
                allow_quoted_nulls=False,
            ),
            "parquet": lambda: connection.read_parquet(path),
            "ndjson": lambda: connection.read_json(path, columns={"id": "bigint", **text}),
        }
        assert readers[file_format]().to_arrow_table().to_pylist() == made.users.rows.to_pylist()
    assert [file.name for file in (tmp_path / "new").iterdir()] == [f"users.{file_format}"]


def test_duckdb_holds_the_rows_and_a_second_time_replaces_them(tmp_path, made):
    address = f"duckdb:{tmp_path / 'new' / 'raw.duckdb'}"
    write_into({"users": generate(5, 5).users.rows}, address)

    write_into({"users": made.users.rows, "applications": made.applications.rows}, address)

    with duckdb.connect(str(tmp_path / "new" / "raw.duckdb")) as connection:
        assert connection.table("raw.raw.users").to_arrow_table().equals(made.users.rows)
        assert connection.table("raw.raw.applications").to_arrow_table().equals(made.applications.rows)


def test_postgres_holds_the_rows_and_a_second_time_replaces_them(postgres_url, made):
    write_into({"users": generate(5, 5).users.rows}, postgres_url)

    write_into({"users": made.users.rows, "applications": made.applications.rows}, postgres_url)

    with psycopg.connect(postgres_url, row_factory=psycopg.rows.dict_row) as connection:
        assert connection.execute("SELECT * FROM raw.users").fetchall() == made.users.rows.to_pylist()
        assert connection.execute("SELECT * FROM raw.applications").fetchall() == made.applications.rows.to_pylist()


def test_the_command_writes_files_and_says_how_many_rows(tmp_path):
    options = ["--users", "10", "--applications", "4", "--seed", "3", "--out", str(tmp_path), "--format", "parquet"]
    command = [sys.executable, "-m", "inventory.generate", *options]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    made = generate(10, 4, seed=3)
    assert (done.returncode, done.stdout) == (0, "")
    assert (
        done.stderr
        == f"{made.users.rows.num_rows} rows of users, {made.applications.rows.num_rows} rows of applications\n"
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == ["applications.parquet", "users.parquet"]


@pytest.mark.parametrize(
    "arguments", [[], ["--into", "mysql://me:hunter2@host/db"], ["--users", "-1", "--into", "duckdb:never.duckdb"]]
)
def test_the_command_refuses_what_it_cannot_do(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)

    assert "hunter2" not in capsys.readouterr().err
