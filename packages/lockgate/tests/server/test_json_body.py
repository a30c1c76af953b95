"""Reading JSON strictly: nothing that is fine is refused, nothing breaks the reader."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.server.json_body import digest_of, parse, pointer_to, shape_flaw
from lockgate.server.options import Options
from lockgate.server.problems import Refusal

OPTIONS = Options(depth=6)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
DOCUMENTS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)


def depth_of(value) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(DOCUMENTS, st.booleans())
def test_every_document_within_the_depth_is_read_as_it_is(document, is_ascii):
    body = json.dumps(document, ensure_ascii=is_ascii).encode()

    if depth_of(document) <= OPTIONS.depth:
        assert parse(body, OPTIONS) == document
    else:
        with pytest.raises(Refusal, match="is nested more than 6 deep"):
            parse(body, OPTIONS)


@given(st.binary() | TEXT.map(str.encode) | st.text('[]{}",:\\u0019aeE+-. nulltruefalse').map(str.encode))
def test_any_bytes_are_read_or_refused(body):
    with contextlib.suppress(Refusal):
        assert parse(body, OPTIONS) == json.loads(body)


@given(st.text('[]{}"\\a').map(str.encode))
def test_brackets_in_text_are_not_counted(body):
    flaw = shape_flaw(json.dumps(body.decode()).encode(), OPTIONS)

    assert flaw is None


@given(DOCUMENTS)
def test_the_digest_is_of_the_content_not_of_the_writing(document):
    pretty = parse(json.dumps(document, indent=2, sort_keys=True).encode(), Options(depth=64))

    assert digest_of(pretty) == digest_of(document)


@pytest.mark.parametrize(
    ("one", "other"), [({"a": 1}, {"a": "1"}), ({"a": None}, {}), ([1, 2], [2, 1]), ([[1], 2], [[1, 2]]), (True, 1)]
)
def test_other_content_has_another_digest(one, other):
    assert digest_of(one) != digest_of(other)


def test_pointers_escape_as_the_rfc_says():
    assert pointer_to(("a/b", 0, "m~n", "")) == "/a~1b/0/m~0n/"


def test_no_more_than_twenty_flaws_are_told():
    with pytest.raises(Refusal) as caught:
        parse(b"[" + b",".join([b"NaN"] * 50) + b"]", OPTIONS)

    assert [flaw.pointer for flaw in caught.value.flaws] == [f"/{number}" for number in range(20)]
