"""SQL that sqlglot writes otherwise than it read it, told from SQL that is only spelled otherwise."""

from __future__ import annotations

import pytest
import sqlglot

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.core.compiled import CompiledQuery
from lockgate.core.relation import Relation

TOP = Relation("build", "top")


@pytest.fixture(scope="module")
def memory():
    memory = DuckDBMemory(threads=1)
    yield memory
    memory.close()


def told(memory, sql):
    written = sqlglot.parse_one(sql, dialect="duckdb").sql("duckdb", comments=False)
    return [one.reason for one in memory.obstacles([CompiledQuery(TOP, sql, written)], {})[TOP]]


@pytest.mark.parametrize(
    "sql",
    [
        "select substr(a, 1, 2), a || b, a::int, date '2020-01-01' + interval 1 day, len(b), a[1], {'x': 1} from t",
        "select date_diff('day', a, b), datepart('YEAR', a), date_add(a, interval 1 day), a at time zone 'UTC' from t",
        (
            "select count(*) filter (where a), string_agg(a, ',' order by b), bool_and(a), sum(x) over w from t"
            " group by all window w as (partition by y order by z rows between 1 preceding and current row)"
        ),
        "select j -> 'a', j ->> '$.a', json_extract(j, '$.a'), j -> 'a b', j -> 0 from t",
        "select a from t, unnest([1]) as u(x) where a is not null and a not in (1, 2) order by a desc nulls last",
        "select list_transform(l, lambda x: x + 1), x::decimal, x::text, x::timestamptz, x = 'it''s -- ß' from t",
    ],
)
def test_what_is_only_spelled_otherwise_is_the_same(memory, sql):
    assert told(memory, sql) == []


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select j -> 'a.b' from t", "its SQL does not mean the same once it is written again"),
        ("select log2(x) from t", "its SQL does not mean the same once it is written again: log, log2"),
    ],
)
def test_what_means_something_else_is_told(memory, sql, reason):
    assert told(memory, sql) == [reason]
