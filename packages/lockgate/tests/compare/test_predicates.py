"""Text is exact by code point, whatever a column's collation takes for equal.

The collations that take other text for equal need ICU, which not every PostgreSQL is built with; so what is asserted is
that no comparison of PostgreSQL's is left to a collation: "C" compares bytes (PostgreSQL manual, 24.2.2).
"""

from __future__ import annotations

import pytest

from lockgate.compare.forms import paired
from lockgate.compare.predicates import differs, keys_equal
from lockgate.core.comparison import ComparedColumn
from lockgate.core.types import ColumnType, Kind

TEXT = ComparedColumn("code", ColumnType(Kind.TEXT), "text")
UUID = ComparedColumn("code", ColumnType(Kind.UUID), "uuid")
WORDS = ComparedColumn("words", ColumnType(Kind.JSON), "text[]")


@pytest.mark.parametrize("other", [TEXT, UUID])
def test_text_is_compared_by_its_bytes(other):
    pair = paired(TEXT, other)

    assert keys_equal([pair], "postgres") == 'cast(l.c0 as text) collate "C" = cast(r.c0 as text) collate "C"'
    assert differs(pair, "a", "b", "postgres") == (
        'cast(a as text) collate "C" is distinct from cast(b as text) collate "C"'
    )


def test_lists_of_text_are_compared_as_json():
    assert differs(paired(WORDS, WORDS), "a", "b", "postgres") == "to_jsonb(a) is distinct from to_jsonb(b)"
