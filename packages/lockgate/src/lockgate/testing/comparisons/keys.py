"""The truth matrix's cells about keys: repeated, NULL, swapped, composite."""

from __future__ import annotations

from lockgate.core.comparison import RowCounts, Verdict
from lockgate.testing.comparisons.cell import Cell, Expected, changed, differs, extra, missing, table, unproven

_WORD = {"id": "bigint", "word": "text"}
_COMPOSITE = {"shop": "text", "day": "date", "n": "bigint"}

KEYS = (
    Cell(
        "row_of_duplicate_key_lost",
        "a key is there twice, and one of its rows is lost",
        table(_WORD, ("1", "a"), ("1", "b"), ("2", "c")),
        table(_WORD, ("1", "a"), ("2", "c")),
        differs((3, 2), missing("1")),
    ),
    Cell(
        "row_of_duplicate_key_changed",
        "a key is there twice on both sides, and one of its rows changed",
        table(_WORD, ("1", "a"), ("1", "b"), ("2", "c")),
        table(_WORD, ("1", "b"), ("1", "z"), ("2", "c")),
        differs((3, 3), changed("word", "1")),
    ),
    Cell(
        "duplicate_rows_equal",
        "whole rows are there twice on both sides",
        table(_WORD, ("1", "a"), ("1", "a"), ("2", "c")),
        table(_WORD, ("2", "c"), ("1", "a"), ("1", "a")),
        unproven(3),
    ),
    Cell(
        "duplicate_row_added",
        "a whole row is there twice on the left and three times on the right",
        table(_WORD, ("1", "a"), ("1", "a"), ("2", "c")),
        table(_WORD, ("1", "a"), ("1", "a"), ("1", "a"), ("2", "c")),
        differs((3, 4), extra("1")),
    ),
    Cell(
        "two_pairs_of_duplicates",
        "two pairs of equal rows, whose exclusive or of hashes would be nothing on both sides",
        table(_WORD, ("1", "a"), ("1", "a"), ("2", "c")),
        table(_WORD, ("1", "b"), ("1", "b"), ("2", "c")),
        Expected(Verdict.FAIL, RowCounts(3, 3, 1, 0, 0, 2), (changed("word", "1"), changed("word", "1"))),
    ),
    Cell(
        "null_key_changed",
        "a changed row whose key is NULL",
        table(_WORD, (None, "a"), ("2", "c")),
        table(_WORD, (None, "b"), ("2", "c")),
        differs((2, 2), changed("word", None)),
    ),
    Cell(
        "null_key_lost",
        "a lost row whose key is NULL",
        table(_WORD, (None, "a"), (None, "b"), ("2", "c")),
        table(_WORD, (None, "b"), ("2", "c")),
        differs((3, 2), missing(None)),
    ),
    Cell(
        "null_key_equal",
        "equal rows whose key is NULL",
        table(_WORD, (None, "a"), ("2", "c")),
        table(_WORD, (None, "a"), ("2", "c")),
        unproven(2),
    ),
    Cell(
        "swapped_keys",
        "two rows have each other's key",
        table(_WORD, ("1", "a"), ("2", "b"), ("3", "c")),
        table(_WORD, ("1", "b"), ("2", "a"), ("3", "c")),
        differs((3, 3), changed("word", "1"), changed("word", "2")),
    ),
    Cell(
        "composite_key",
        "a key of two columns: a value changed, a row lost, a row added",
        table(_COMPOSITE, ("a", "2024-01-01", "1"), ("a", "2024-01-02", "2"), ("b", "2024-01-01", "3")),
        table(_COMPOSITE, ("a", "2024-01-01", "1"), ("a", "2024-01-02", "9"), ("b", "2024-01-02", "3")),
        differs(
            (3, 3),
            changed("n", "a", "2024-01-02"),
            missing("b", "2024-01-01"),
            extra("b", "2024-01-02"),
            largest={"n": 7.0},
        ),
        key=("shop", "day"),
    ),
    Cell(
        "composite_key_with_delimiters",
        "keys of two columns that are the same text one after the other",
        table({"a": "text", "b": "text", "n": "bigint"}, ("x;", "y", "1"), ("p", "q", "3")),
        table({"a": "text", "b": "text", "n": "bigint"}, ("x", ";y", "1"), ("p", "q", "3")),
        differs((2, 2), missing("x;", "y"), extra("x", ";y")),
        key=("a", "b"),
    ),
    Cell(
        "composite_key_with_null",
        "a key of two columns, one of them NULL, in a row that changed",
        table(_COMPOSITE, ("a", None, "1"), ("a", "2024-01-02", "2")),
        table(_COMPOSITE, ("a", None, "4"), ("a", "2024-01-02", "2")),
        differs((2, 2), changed("n", "a", None), largest={"n": 3.0}),
        key=("shop", "day"),
    ),
    Cell(
        "key_alone",
        "tables of nothing but a key",
        table({"id": "bigint"}, ("1",), ("2",)),
        table({"id": "bigint"}, ("2",), ("3",)),
        differs((2, 2), missing("1"), extra("3")),
    ),
)
