"""Two small relations in one bench, and a comparison of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from lockgate.adapters.relations.bench import opened_bench
from lockgate.adapters.relations.duckdb import columns
from lockgate.compare import compare
from lockgate.core.comparison import ComparisonRequest
from lockgate.core.ports import Side

TODAY = date(2026, 11, 21)


@pytest.fixture
def bench(tmp_path: Path):
    with opened_bench(tmp_path / "spill", memory_bytes=1_000_000_000) as bench:
        yield bench


@pytest.fixture
def compared(bench):
    """Compares two queries; what is said of the comparison goes by keyword."""

    def run(left: str, right: str, key: str = "id", **said):
        sides = []
        for name, query in (("left", left), ("right", right)):
            bench.run(f"create or replace temp table {name}_side as {query}")
            sides.append(Side(name, bench, f"{name}_side", columns(bench, f"{name}_side")))
        request = ComparisonRequest(key=tuple(key.split(",")), **{"show_values": True, **said})
        return compare(*sides, bench, request, today=TODAY, progress=lambda *_: None)

    return run
