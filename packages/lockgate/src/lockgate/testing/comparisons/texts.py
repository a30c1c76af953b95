"""The truth matrix's cells about text: exact by code point."""

from __future__ import annotations

from lockgate.testing.comparisons.cell import Cell, changed, differs, equal, extra, missing, table

_WORD = {"id": "bigint", "word": "text"}
_KEYED = {"code": "text", "n": "bigint"}
_COMPOSED, _DECOMPOSED = "caf\u00e9", "cafe\u0301"
_LONG = "0123456789abcdef" * 65_536

TEXTS = (
    Cell(
        "null_and_empty",
        "NULL and ''",
        table(_WORD, ("1", None), ("2", ""), ("3", "x"), ("4", None), ("5", "")),
        table(_WORD, ("1", ""), ("2", None), ("3", "x"), ("4", None), ("5", "")),
        differs((5, 5), changed("word", "1"), changed("word", "2")),
    ),
    Cell(
        "char_padding",
        "CHAR(5), which its engine may pad, and text",
        table({"id": "bigint", "word": "char(5)"}, ("1", "ab"), ("2", "abcde")),
        table(_WORD, ("1", "ab"), ("2", "abcde")),
        equal(2),
    ),
    Cell(
        "trailing_blank",
        "a trailing blank, and a leading one",
        table(_WORD, ("1", "ab"), ("2", "ab"), ("3", "ab ")),
        table(_WORD, ("1", "ab "), ("2", " ab"), ("3", "ab ")),
        differs((3, 3), changed("word", "1"), changed("word", "2")),
    ),
    Cell(
        "normal_forms",
        "the letter é as one code point and as two",
        table(_WORD, ("1", _COMPOSED), ("2", _DECOMPOSED), ("3", _COMPOSED)),
        table(_WORD, ("1", _DECOMPOSED), ("2", _DECOMPOSED), ("3", _COMPOSED)),
        differs((3, 3), changed("word", "1")),
    ),
    Cell(
        "normal_forms_in_keys",
        "keys with the letter é as one code point and as two",
        table(_KEYED, (_COMPOSED, "1"), ("tea", "2")),
        table(_KEYED, (_DECOMPOSED, "1"), ("tea", "2")),
        differs((2, 2), missing(_COMPOSED), extra(_DECOMPOSED)),
        key=("code",),
    ),
    Cell(
        "case",
        "upper case and lower case",
        table(_WORD, ("1", "Tea"), ("2", "STRASSE"), ("3", "x")),
        table(_WORD, ("1", "tea"), ("2", "straße"), ("3", "x")),
        differs((3, 3), changed("word", "1"), changed("word", "2")),
    ),
    Cell(
        "case_of_keys",
        "keys in upper case and in lower case",
        table(_KEYED, ("A", "1"), ("b", "2"), ("Ä", "3"), ("z", "4")),
        table(_KEYED, ("a", "1"), ("b", "2"), ("ä", "3"), ("z", "4")),
        differs((4, 4), missing("A"), missing("Ä"), extra("a"), extra("ä")),
        key=("code",),
    ),
    Cell(
        "both_cases_in_keys",
        "keys that are told apart by case alone, their values swapped",
        table(_KEYED, ("a", "1"), ("A", "2"), ("c", "3")),
        table(_KEYED, ("a", "2"), ("A", "1"), ("c", "3")),
        differs((3, 3), changed("n", "a"), changed("n", "A"), largest={"n": 1.0}),
        key=("code",),
    ),
    Cell(
        "delimiter_inside",
        "delimiters, quotes and line ends inside values that would move a border",
        table(
            {"id": "bigint", "a": "text", "b": "text"},
            ("1", "x;y", "z"),
            ("2", "3:ab", "c"),
            ("3", 'say "no"', "a\nb"),
            ("4", "~", None),
            ("5", "a,b", "|"),
        ),
        table(
            {"id": "bigint", "a": "text", "b": "text"},
            ("1", "x", "y;z"),
            ("2", "3", "ab:c"),
            ("3", 'say "no"', "a\nb"),
            ("4", None, "~"),
            ("5", "a,b", "|"),
        ),
        differs(
            (5, 5),
            *(changed(column, key) for column in ("a", "b") for key in ("1", "2", "4")),
        ),
    ),
    Cell(
        "very_long_text",
        "texts of a mebibyte whose last characters differ, and equal ones",
        table(_WORD, ("1", _LONG + "x"), ("2", _LONG)),
        table(_WORD, ("1", _LONG + "y"), ("2", _LONG)),
        differs((2, 2), changed("word", "1")),
    ),
    Cell(
        "numbers_as_text",
        "the texts 7 and 007",
        table(_WORD, ("1", "7"), ("2", "1.50"), ("3", "x")),
        table(_WORD, ("1", "007"), ("2", "1.5"), ("3", "x")),
        differs((3, 3), changed("word", "1"), changed("word", "2")),
    ),
)
