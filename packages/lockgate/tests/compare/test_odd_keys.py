"""Keys that are NULL or repeated, against multisets counted in Python."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.adapters.relations.bench import opened_bench
from lockgate.adapters.relations.duckdb import columns
from lockgate.compare import compare
from lockgate.core.comparison import ComparisonRequest, RowCounts, Verdict
from lockgate.core.ports import Side

SCHEMA = pa.schema([("k", pa.int64()), ("x", pa.string())])
rows = st.lists(st.tuples(st.none() | st.integers(0, 3), st.none() | st.sampled_from(["a", "b", ""])), max_size=8)


def expected(left: list[tuple], right: list[tuple]) -> RowCounts:
    """Equal rows cancel; what is left of a key pairs as far as it goes."""
    ones, others = Counter(left) - Counter(right), Counter(right) - Counter(left)
    mine, yours = Counter(), Counter()
    for (key, _), many in ones.items():
        mine[key] += many
    for (key, _), many in others.items():
        yours[key] += many
    changed = sum((mine & yours).values())
    missing, extra = mine.total() - changed, yours.total() - changed
    return RowCounts(len(left), len(right), len(left) - changed - missing, missing, extra, changed)


def held(left: list[tuple], right: list[tuple], **said):
    with TemporaryDirectory() as folder, opened_bench(Path(folder), memory_bytes=1_000_000_000) as bench:
        sides = []
        for name, given_rows in (("left", left), ("right", right)):
            table = pa.table([[row[0] for row in given_rows], [row[1] for row in given_rows]], schema=SCHEMA)
            bench.keep(f"{name}_side", table.to_reader(), "*")
            sides.append(Side(name, bench, f"{name}_side", columns(bench, f"{name}_side")))
        request = ComparisonRequest(key=("k",), **said)
        return compare(*sides, bench, request, today=date(2026, 1, 1), progress=lambda *_: None)


@given(rows, rows)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rows_pair_as_multisets_within_the_key(left, right):
    found = held(left, right)

    assert found.rows == expected(left, right)
    if found.rows.differing:
        assert found.verdict is Verdict.FAIL
    keys = Counter(key for key, _ in left), Counter(key for key, _ in right)
    is_odd = any(key is None or many > 1 for counts in keys for key, many in counts.items())
    if not found.rows.differing:
        assert (found.verdict is Verdict.PASS) == (not is_odd and bool(left))


def test_a_row_lost_of_a_key_that_is_there_twice_is_missed():
    found = held([(1, "a"), (1, "a"), (2, "b")], [(1, "a"), (2, "b"), (2, "b")])

    assert found.rows == RowCounts(left=3, right=3, matched=2, missing=1, extra=1, changed=0)


def test_repeated_keys_on_one_side_alone_are_noticed_whichever_side_it_is():
    once, twice = [(1, "a"), (2, "b")], [(1, "a"), (2, "b"), (2, "b")]

    assert held(once, twice).rows == RowCounts(2, 3, 2, 0, 1, 0)
    assert held(twice, once).rows == RowCounts(3, 2, 2, 1, 0, 0)


def test_repeated_keys_among_extra_rows_alone_are_told():
    found = held([(1, "a")], [(1, "a"), (7, "x"), (7, "x")])

    assert found.rows == RowCounts(1, 3, 1, 0, 2, 0)
    assert "in 1 row of the right side the key is there already" in found.reasons
