"""Every error that a user can meet has a code of its own, a hint, and a heading in the reference."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lockgate import errors
from lockgate.errors import FatalError, LockgateError, RetryableError
from lockgate.server.problems import Fault


def descendants(error: type[LockgateError]) -> Iterator[type[LockgateError]]:
    for child in error.__subclasses__():
        if child.__module__.startswith(f"{errors.__name__}."):
            yield child
            yield from descendants(child)


def leaves() -> list[type[LockgateError]]:
    return [error for error in descendants(LockgateError) if error not in _branches()]


def _branches() -> set[type[LockgateError]]:
    return {parent for error in descendants(LockgateError) for parent in error.__bases__}


def test_codes_are_unique_and_well_formed():
    codes = [leaf.code for leaf in leaves()]

    assert [code for code in codes if not re.fullmatch(r"LG\d{3}", code)] == []
    assert len(codes) == len(set(codes))


def test_the_service_answers_by_other_codes():
    service = [entry.value[0] for entry in Fault]

    assert sorted({*service} & {leaf.code for leaf in leaves()}) == []
    assert len(service) == len(set(service))


def test_only_leaves_carry_a_code():
    assert [branch.__name__ for branch in _branches() if getattr(branch, "code", "")] == []


def test_every_leaf_says_whether_trying_again_helps():
    undecided = [leaf.__name__ for leaf in leaves() if issubclass(leaf, FatalError) == issubclass(leaf, RetryableError)]

    assert undecided == []


@pytest.mark.parametrize("leaf", leaves(), ids=lambda leaf: leaf.__name__)
def test_every_leaf_has_a_one_line_meaning_and_a_hint(leaf):
    assert (leaf.__doc__ or "").strip().splitlines()[0].endswith(".")
    assert "hint" in vars(leaf)
    assert leaf.hint


def test_the_reference_has_one_heading_a_code(root):
    page = (root / "docs/reference/errors.md").read_text(encoding="utf-8")

    headings = re.findall(r"^## (LG\d{3}) (\w+)$", page, flags=re.MULTILINE)

    assert headings == sorted((leaf.code, leaf.__name__) for leaf in leaves())


def test_the_tree_drawn_at_the_top_is_the_tree():
    drawn = re.findall(r"─ (\w+)(?: +(LG\d{3}))?$", errors.__doc__ or "", flags=re.MULTILINE)

    assert {(name, code) for name, code in drawn if code} == {(leaf.__name__, leaf.code) for leaf in leaves()}


def test_the_tree_grows_in_its_own_room_alone(sources):
    branches = "|".join(error.__name__ for error in (LockgateError, *descendants(LockgateError)))
    grown = [
        f"{source}: {found}"
        for source in sources
        if "lockgate/errors/" not in source.name
        for found in re.findall(rf"^class \w+\((?:{branches})\)", source.text, flags=re.MULTILINE)
    ]

    assert grown == []
