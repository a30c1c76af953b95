"""A key is the fewest columns that identify every row, by count, and the likeliest of them by name and type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.adapters.discover.keys import find_key
from lockgate.core.relation import Column
from lockgate.core.types import ColumnType


class Rows:
    """Counts over rows in memory, and how often it was asked."""

    def __init__(self, names, rows):
        self.names, self.data, self.asked = names, rows, 0

    def rows(self):
        return len(self.data)

    def _values(self, names, rows):
        places = [self.names.index(name) for name in names]
        return [tuple(row[place] for place in places) for row in rows]

    def each(self, names):
        values = {name: [value for (value,) in self._values([name], self.data) if value is not None] for name in names}
        return {name: (len(found), len(set(found))) for name, found in values.items()}

    def distinct(self, names, *, first=None):
        self.asked += 1
        return len(set(self._values(names, self.data[:first])))


def key_of(types: dict[str, str], rows) -> tuple[str, ...]:
    columns = [Column(name, ColumnType.parse(type_)) for name, type_ in types.items()]
    return find_key(columns, Rows(list(types), rows))


@pytest.mark.parametrize(
    ("types", "rows", "key"),
    [
        ({"name": "text", "user_id": "bigint"}, [("a", 1), ("b", 2)], ("user_id",)),
        ({"user_id": "bigint", "id": "bigint"}, [(5, 1), (6, 2)], ("id",)),
        ({"position": "bigint", "code": "text"}, [(1, "x"), (2, "y")], ("code",)),
        ({"price": "double", "name": "text"}, [(1.5, "x"), (2.5, "y")], ("name",)),
        ({"id": "bigint", "name": "text"}, [(1, "x"), (None, "y")], ("name",)),
        ({"id": "bigint", "name": "text"}, [(1, "x"), (1, "y")], ("name",)),
        ({"a": "bigint", "b": "text"}, [(1, "x"), (1, "y"), (2, "x")], ("a", "b")),
        ({"a": "text", "b": "text", "c": "text"}, [tuple(f"{n:03b}") for n in range(8)], ("a", "b", "c")),
        ({"a": "text", "b": "text"}, [("x", "y"), ("x", "y")], ()),
        ({"price": "double"}, [(1.5,), (2.5,)], ()),
        ({"name": "text"}, [("x",)], ("name",)),
        ({"name": "text", "user_id": "bigint"}, [], ("user_id",)),
        ({"name": "text"}, [], ()),
        ({}, [], ()),
    ],
)
def test_the_key_is_found(types, rows, key):
    assert key_of(types, rows) == key


def test_a_key_that_holds_at_first_and_breaks_later_is_none():
    rows = [(n,) for n in range(20_000)] + [(7,)]

    assert key_of({"id": "bigint"}, rows) == ()


def test_a_wide_table_without_a_key_is_given_up_soon():
    names = [f"column_{n}" for n in range(60)]
    counter = Rows(names, [tuple(range(60)), tuple(range(1, 61))] * 2)

    assert find_key([Column(name, ColumnType.parse("bigint")) for name in names], counter) == ()
    assert counter.asked <= 1500


@given(st.lists(st.tuples(*[st.integers(0, 2) | st.none()] * 4), max_size=12))
def test_what_is_found_identifies_every_row_and_nothing_shorter_does(rows):
    names = ["a", "b", "c", "d"]

    key = key_of(dict.fromkeys(names, "bigint"), rows)

    values = [tuple(row[names.index(name)] for name in key) for row in rows]
    assert key == () or (len(set(values)) == len(rows) and all(None not in value for value in values))
    for name in names:
        alone = [row[names.index(name)] for row in rows]
        if rows and None not in alone and len(set(alone)) == len(rows):
            assert len(key) == 1
