"""The decisions are numbered without gaps, have one shape, and stand in the index under their own titles."""

from __future__ import annotations

import re

import pytest

SECTIONS = ["Context", "Decision", "Rejected", "Consequences"]


@pytest.fixture(scope="module")
def decisions(root):
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((root / "docs/adr").glob("[0-9]*.md"))}


def test_numbers_have_no_gap(decisions):
    numbers = [int(name[:4]) for name in decisions]

    assert numbers == list(range(1, len(numbers) + 1))


def test_each_states_its_decision_within_a_page(decisions):
    long = {name: len(text.split()) for name, text in decisions.items() if len(text.split()) > 450}
    parts = {name: re.findall(r"^## (\w+)", text, flags=re.MULTILINE) for name, text in decisions.items()}

    assert long == {}
    assert [name for name, found in parts.items() if found != SECTIONS] == []


def test_the_index_lists_each_under_its_title(decisions, root):
    index = (root / "docs/adr/README.md").read_text(encoding="utf-8")

    listed = re.findall(r"^\| \[(\d{4})\]\((\S+)\) \| (.+?) \|$", index, flags=re.MULTILINE)

    assert listed == [(name[:4], name, text.splitlines()[0].removeprefix("# ")) for name, text in decisions.items()]
