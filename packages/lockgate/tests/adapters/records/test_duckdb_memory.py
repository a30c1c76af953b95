"""Queries over tables in memory: each sees its own tables, and nothing of the machine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.errors import StatementFailed


@pytest.fixture
def memory():
    found = DuckDBMemory()
    yield found
    found.close()


def test_reads_the_tables_by_their_names(memory):
    found = memory.query('SELECT a + 1 AS b FROM "raw.x" ORDER BY 1', {"raw.x": pa.table({"a": [2, 1]})})

    assert found.to_pydict() == {"b": [2, 3]}


def test_a_query_does_not_see_the_tables_of_another(memory):
    memory.query("SELECT * FROM mine", {"mine": pa.table({"a": [1]})})

    with pytest.raises(StatementFailed, match="mine"):
        memory.query("SELECT * FROM mine", {})


def test_what_is_kept_is_read_by_every_later_query(memory):
    memory.keep('odd "name"', "SELECT a * 2 AS b FROM mine", {"mine": pa.table({"a": [1, 2]})})

    found = [memory.query('SELECT sum(b) AS s FROM "odd ""name"""', {}).to_pydict() for _ in range(2)]

    assert found == [{"s": [6]}] * 2


def test_a_query_that_cannot_be_kept_says_why(memory):
    with pytest.raises(StatementFailed, match="nowhere"):
        memory.keep("kept", "SELECT * FROM nowhere", {})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM 'file.parquet'",
        "COPY (SELECT 1) TO 'out.csv'",
        "ATTACH 'other.duckdb'",
        "SET enable_external_access = true",
        "SELECT * FROM tables",
    ],
)
def test_nothing_of_the_machine_is_in_reach(memory, sql, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(StatementFailed):
        memory.query(sql, {})

    assert list(tmp_path.iterdir()) == []


def test_instants_are_in_utc(memory):
    found = memory.query("SELECT CAST('2024-01-31T08:00:00Z' AS TIMESTAMPTZ) AS t", {})

    assert found.schema.field("t").type.tz in {"UTC", "Etc/UTC"}


def test_several_threads_ask_at_once(memory):
    def total(number: int) -> int:
        table = pa.table({"a": [number] * 50})
        return memory.query("SELECT sum(a) AS s FROM t", {"t": table})["s"][0].as_py()

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(total, range(60)))

    assert found == [number * 50 for number in range(60)]


def test_can_be_used_again_after_it_was_closed(memory):
    memory.query("SELECT 1", {})
    memory.close()
    memory.close()

    assert memory.query("SELECT 1 AS one", {}).to_pydict() == {"one": [1]}
