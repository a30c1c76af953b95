"""Queries over tables in memory, by DuckDB: the shared suite, and that nothing of the machine is in reach."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lockgate.adapters.records.duckdb import MOST_PLANS, DuckDBMemory, _Plan
from lockgate.core.deadline import within
from lockgate.errors import StatementFailed, WarehouseUnavailable
from lockgate.testing.records import MemoryConformance


@pytest.fixture
def memory():
    found = DuckDBMemory()
    yield found
    found.close()


class TestDuckDBMemory(MemoryConformance):
    pass


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


def test_the_same_query_over_other_rows_is_planned_once(memory, monkeypatch):
    planned, init = [], _Plan.__init__

    def counted(self, *given) -> None:
        planned.append(given[1])
        init(self, *given)

    monkeypatch.setattr(_Plan, "__init__", counted)
    asked = [[3, 1], [], [2], list(range(5_000))]
    found = [memory.query("SELECT count(*) n, max(a) a FROM t", {"t": ints(rows)}).to_pylist() for rows in asked]

    assert found == [
        [{"n": 2, "a": 3}],
        [{"n": 0, "a": None}],
        [{"n": 1, "a": 2}],
        [{"n": 5_000, "a": 4_999}],
    ]
    assert len(planned) == 1


def ints(rows: list[int]) -> pa.Table:
    return pa.table({"a": pa.array(rows, pa.int64())})


def test_columns_of_another_type_are_planned_for_anew(memory):
    sql = "SELECT typeof(any_value(a)) AS t FROM t"
    tables = (pa.table({"a": ["x"]}), ints([1]), pa.table({"a": ["y"]}))

    assert [memory.query(sql, {"t": each})["t"][0].as_py() for each in tables] == ["VARCHAR", "BIGINT", "VARCHAR"]


def test_a_table_that_a_plan_reads_twice_is_whole_each_time(memory):
    sql = "SELECT count(*) AS n FROM t AS one JOIN t AS other ON one.a <= other.a"

    assert [memory.query(sql, {"t": ints(rows)})["n"][0].as_py() for rows in ([1, 2, 3], [1, 2])] == [6, 3]


def test_a_plan_whose_execution_failed_does_not_stand_in_the_way(memory):
    sql = "SELECT CAST(a AS integer) AS a FROM t"
    with pytest.raises(StatementFailed, match="Could not convert string … to INT32"):
        memory.query(sql, {"t": pa.table({"a": ["one"]})})

    assert memory.query(sql, {"t": pa.table({"a": ["1"]})}).to_pydict() == {"a": [1]}


def test_a_query_ends_at_its_deadline_and_the_next_one_is_answered(memory):
    with pytest.raises(WarehouseUnavailable, match="there was no answer in time"), within(0.2):
        memory.query("SELECT count(*) AS n FROM range(10_000_000) a, range(10_000_000) b", {})

    with within(60):
        assert memory.query("SELECT 1 AS one", {}).to_pydict() == {"one": [1]}


def test_a_plan_sees_what_is_kept_after_it_was_made(memory):
    memory.keep("kept", "SELECT 1 AS a", {})
    sql = "SELECT sum(t.a) AS s FROM t JOIN kept ON kept.a = t.a"
    assert memory.query(sql, {"t": ints([1, 2])}).to_pydict() == {"s": [1]}
    memory.keep("other", "SELECT 2 AS a", {})

    assert memory.query(sql, {"t": ints([1, 1])}).to_pydict() == {"s": [2]}


def test_a_query_is_planned_with_nothing_of_the_rows_or_of_the_moment_in_it(memory):
    sql = "SELECT epoch_us(now()) AS at, max(a) AS a FROM t"
    first, second = (memory.query(sql, {"t": ints([number])}).to_pylist()[0] for number in (1, 2))

    assert second["at"] > first["at"]
    assert (first["a"], second["a"]) == (1, 2)


def test_plans_that_nobody_uses_are_few(memory):
    for number in range(MOST_PLANS + 5):
        memory.query(f"SELECT {number} AS n", {})

    assert len(memory._idle) == MOST_PLANS
