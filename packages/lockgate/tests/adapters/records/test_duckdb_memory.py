"""Queries over tables in memory, by DuckDB: the shared suite, and that nothing of the machine is in reach."""

from __future__ import annotations

import pytest

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.errors import StatementFailed
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
