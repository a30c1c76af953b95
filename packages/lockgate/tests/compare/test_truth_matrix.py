"""Every cell of the truth matrix, between any two of DuckDB, PostgreSQL, Parquet and CSV."""

from __future__ import annotations

import pytest

from lockgate.adapters.relations.references import opened as opened_relations
from lockgate.adapters.relations.references import reference
from lockgate.testing.comparisons import CELLS, TruthMatrixConformance, place


@pytest.fixture(scope="module")
def placed(tmp_path_factory, postgres_server):
    """The references of every cell's tables."""
    return place(CELLS, tmp_path_factory.mktemp("cells"), postgres_server)


@pytest.fixture(scope="module")
def opening(tmp_path_factory):
    with opened_relations(tmp_path_factory.mktemp("bench"), memory_bytes=1_000_000_000) as opening:
        yield opening


class TestTruthMatrix(TruthMatrixConformance):
    @pytest.fixture
    def opened(self, placed, opening):
        def open_cell(cell, left, right):
            sides = [
                opening.side(reference(placed[cell.name, side, engine]))
                for side, engine in (("left", left), ("right", right))
            ]
            return (*sides, opening.bench)

        return open_cell
