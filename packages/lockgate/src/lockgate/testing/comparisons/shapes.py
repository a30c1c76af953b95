"""The truth matrix's cells about whole tables: empty ones, and other columns."""

from __future__ import annotations

from lockgate.core.comparison import RowCounts, Verdict
from lockgate.testing.comparisons.cell import Cell, Expected, differs, equal, extra, missing, table, unproven

_WORD = {"id": "bigint", "word": "text"}
_THREE = {"id": "bigint", "word": "text", "n": "bigint"}

SHAPES = (
    Cell("both_empty", "both sides are empty", table(_WORD), table(_WORD), unproven(0)),
    Cell(
        "right_empty",
        "the right side is empty",
        table(_WORD, ("1", "a"), ("2", "b")),
        table(_WORD),
        differs((2, 0), missing("1"), missing("2")),
    ),
    Cell(
        "left_empty",
        "the left side is empty",
        table(_WORD),
        table(_WORD, ("1", "a"), ("2", "b")),
        differs((0, 2), extra("1"), extra("2")),
    ),
    Cell(
        "column_renamed",
        "a column has another name, and nobody said so",
        table(_WORD, ("1", "a"), ("2", "b")),
        table({"id": "bigint", "label": "text"}, ("1", "a"), ("2", "b")),
        Expected(Verdict.FAIL, RowCounts(2, 2, 2, 0, 0, 0), added=("label",), removed=("word",)),
    ),
    Cell(
        "column_renamed_and_mapped",
        "a column has another name, and the request says so",
        table(_WORD, ("1", "a"), ("2", "b")),
        table({"id": "bigint", "label": "text"}, ("1", "a"), ("2", "b")),
        equal(2),
        renamed={"word": "label"},
    ),
    Cell(
        "column_added",
        "a column was added",
        table(_WORD, ("1", "a"), ("2", "b")),
        table(_THREE, ("1", "a", "7"), ("2", "b", "8")),
        Expected(Verdict.FAIL, RowCounts(2, 2, 2, 0, 0, 0), added=("n",)),
    ),
    Cell(
        "column_dropped",
        "a column was dropped",
        table(_THREE, ("1", "a", "7"), ("2", "b", "8")),
        table(_WORD, ("1", "a"), ("2", "b")),
        Expected(Verdict.FAIL, RowCounts(2, 2, 2, 0, 0, 0), removed=("n",)),
    ),
    Cell(
        "columns_reordered",
        "the columns stand in another order",
        table(_THREE, ("1", "a", "7"), ("2", "b", "8")),
        table({"n": "bigint", "word": "text", "id": "bigint"}, ("7", "a", "1"), ("8", "b", "2")),
        equal(2, is_reordered=True),
    ),
    Cell(
        "rows_reordered",
        "the rows stand in another order",
        table(_WORD, ("1", "a"), ("2", "b"), ("3", "c")),
        table(_WORD, ("3", "c"), ("1", "a"), ("2", "b")),
        equal(3),
    ),
)
