"""Which rows an engine can join."""

from __future__ import annotations

import pytest

from lockgate.compare.forms import paired
from lockgate.compare.joining import can_join
from lockgate.compare.scope import Scope
from lockgate.core.comparison import ComparedColumn, SchemaDifference
from lockgate.core.types import ColumnType, Kind

COLUMN = ComparedColumn("x", ColumnType(Kind.BIGINT), "bigint")


@pytest.mark.parametrize(
    ("columns", "dialect", "can"), [(831, "postgres", True), (832, "postgres", False), (5000, "duckdb", True)]
)
def test_postgresql_answers_with_1664_columns_at_most(columns, dialect, can):
    scope = Scope((paired(COLUMN, COLUMN),) * columns, 1, SchemaDifference())

    assert can_join(scope, dialect) is can
