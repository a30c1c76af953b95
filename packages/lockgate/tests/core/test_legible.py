"""Values on one line: nothing invisible, nothing that a terminal obeys."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lockgate.core.legible import cut, cut_alike, legible, shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("Łukasz 漢字 🙂 עברית", "Łukasz 漢字 🙂 עברית"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b2J", r"\x9b2J"),
        ("no\u00a0break", r"no\xa0break"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("photo\u202egnp.exe", r"photo\u202egnp.exe"),
        ("\x00\x7f", r"\x00\x7f"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text, seen) -> None:
    assert legible(text) == seen


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (None, "NULL"),
        ("NULL", "'NULL'"),
        ("", "''"),
        ("a ", "'a '"),
        ("***", "***"),
        (7, "7"),
        (Decimal("1.50"), "1.50"),
        (0.1 + 0.2, "0.30000000000000004"),
        (float("nan"), "NaN"),
        (True, "true"),
        (b"\x00\xff", "0x00ff"),
        (datetime(2026, 1, 31, 5, tzinfo=UTC), "2026-01-31 05:00:00+00:00"),
        ([1, "é\n"], '[1, "é\\n"]'),
    ],
)
def test_values_are_told_from_each_other(value, seen) -> None:
    assert shown(value, "***") == seen


def test_long_text_is_cut() -> None:
    assert (cut("x" * 60), cut("x" * 61)) == ("x" * 60, "x" * 59 + "…")


def test_two_long_texts_are_cut_where_they_differ() -> None:
    left, right = "a" * 1000 + "left" + "z" * 1000, "a" * 1000 + "right" + "z" * 1000

    assert cut_alike(left, right, 40) == (
        "…" + "a" * 20 + "left" + "z" * 14 + "…",
        "…" + "a" * 20 + "right" + "z" * 13 + "…",
    )
    assert cut_alike("short", "shore", 40) == ("short", "shore")
    assert cut_alike("a" * 100, "a" * 101, 40) == ("…" + "a" * 20, "…" + "a" * 21)
