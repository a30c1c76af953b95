"""The bench's memory: rows that only pass through are never held, and what was set for them does not last."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lockgate.adapters.relations.bench import opened_bench

ROWS, BATCHES = 10_000, 100


def passing() -> pa.RecordBatchReader:
    """A million rows of some 200 bytes, made as they are read."""
    schema = pa.schema([("c0", pa.int64()), ("c1", pa.string())])
    batches = (
        pa.record_batch([pa.array(range(n * ROWS, (n + 1) * ROWS)), pa.array([f"{n:0200d}"] * ROWS)], schema=schema)
        for n in range(BATCHES)
    )
    return pa.RecordBatchReader.from_batches(schema, batches)


@pytest.fixture
def bench(tmp_path):
    """A bench of 100 MB that may put nothing on disk."""
    with opened_bench(tmp_path / "spill", memory_bytes=100_000_000) as bench:
        bench.run("set max_temp_directory_size = '0 KB'")
        yield bench


def test_rows_that_pass_by_a_join_are_not_held(bench):
    bench.run("create temp table few as select i * 1000 as c0 from range(1000) as numbers(i)")

    bench.meet(
        "met", passing(), "select a.c0 from arriving as a full outer join few as f on a.c0 = f.c0 where f.c0 < 3000"
    )

    assert bench.query("select c0 from met order by c0").column(0).to_pylist() == [0, 1000, 2000]


def test_rows_kept_whole_are_bounded_by_its_memory(bench):
    with pytest.raises(Exception, match=r"(?i)memory"):
        bench.keep("whole", passing(), "c0, c1 || c0 as c1")


def test_joins_are_planned_anew_after_rows_have_passed(bench):
    bench.meet("met", passing(), "select count(*) as n from arriving")

    assert bench.query("select current_setting('disabled_optimizers') as s").column(0).to_pylist() == [""]
