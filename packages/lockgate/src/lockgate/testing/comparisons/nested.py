"""The truth matrix's cells about lists, JSON and bytes."""

from __future__ import annotations

from lockgate.testing.comparisons.cell import Cell, Engine, changed, differs, equal, table

_LIST = {"id": "bigint", "tags": "integer[]"}
_WORDS = {"id": "bigint", "tags": "text[]"}
_JSON = {"id": "bigint", "body": "json"}
_BYTES = {"id": "bigint", "body": "bytea"}
_NO_LISTS = {Engine.CSV: "a CSV file has no lists"}
_NO_JSON = {Engine.CSV: "JSON in a CSV file is text like any other"}
_NO_BYTES = {Engine.CSV: "bytes in a CSV file are text like any other"}

NESTED = (
    Cell(
        "list_in_another_order",
        "a list in another order, and one in the same",
        table(_LIST, ("1", "[1, 2, 3]"), ("2", "[1, 2]"), ("3", "[]")),
        table(_LIST, ("1", "[3, 2, 1]"), ("2", "[1, 2]"), ("3", "[]")),
        differs((3, 3), changed("tags", "1")),
        without=_NO_LISTS,
    ),
    Cell(
        "list_of_text",
        "lists of text that only case, an empty element or NULL tells apart",
        table(_WORDS, ("1", '["a", "b"]'), ("2", '["a"]'), ("3", '["x"]'), ("4", "[]"), ("5", '["a,b"]')),
        table(_WORDS, ("1", '["a", "B"]'), ("2", '["a", ""]'), ("3", '["x"]'), ("4", None), ("5", '["a", "b"]')),
        differs((5, 5), *(changed("tags", key) for key in ("1", "2", "4", "5"))),
        without=_NO_LISTS,
    ),
    Cell(
        "json_key_order",
        "JSON with its keys in another order and other blanks",
        table(_JSON, ("1", '{"a": 1, "b": {"c": [1, 2], "d": null}}'), ("2", '{"a": "x"}')),
        table(_JSON, ("1", '{"b":{"d":null,"c":[1,2]},"a":1}'), ("2", '{"a":"x"}')),
        equal(2),
        without=_NO_JSON,
    ),
    Cell(
        "json_content",
        "JSON that differs: a list's order, null and nothing, text and number, a digit that a double loses",
        table(
            _JSON,
            ("1", '{"a": [1, 2]}'),
            ("2", '{"a": null}'),
            ("3", '{"a": "1"}'),
            ("4", '{"a": 9007199254740993}'),
            ("5", "null"),
            ("6", '{"a": 1.50, "é": "\\u00e9"}'),
        ),
        table(
            _JSON,
            ("1", '{"a": [2, 1]}'),
            ("2", "{}"),
            ("3", '{"a": 1}'),
            ("4", '{"a": 9007199254740992}'),
            ("5", None),
            ("6", '{"\\u00e9": "é", "a": 1.5}'),
        ),
        differs((6, 6), *(changed("body", key) for key in ("1", "2", "3", "4", "5"))),
        without=_NO_JSON,
    ),
    Cell(
        "bytes",
        "bytes, a zero byte and a byte that is no UTF-8 among them",
        table(_BYTES, ("1", "\\x00ff"), ("2", "\\xdeadbeef"), ("3", "\\x"), ("4", "\\x")),
        table(_BYTES, ("1", "\\x00fe"), ("2", "\\xdeadbeef"), ("3", None), ("4", "\\x")),
        differs((4, 4), changed("body", "1"), changed("body", "3")),
        without=_NO_BYTES,
    ),
    Cell(
        "uuid",
        "a UUID, and the same as text in upper case, which is other text",
        table(
            {"id": "bigint", "mark": "uuid"},
            ("1", "c0ffee00-1234-5678-9abc-def012345678"),
            ("2", "c0ffee00-1234-5678-9abc-def012345678"),
        ),
        table(
            {"id": "bigint", "mark": "text"},
            ("1", "c0ffee00-1234-5678-9abc-def012345678"),
            ("2", "C0FFEE00-1234-5678-9ABC-DEF012345678"),
        ),
        differs((2, 2), changed("mark", "2")),
    ),
)
