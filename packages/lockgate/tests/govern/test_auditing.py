"""What the audit keeps is legible, bounded, and has no secret."""

from __future__ import annotations

from datetime import UTC, datetime

from lockgate.govern.auditing import kept_facts, kept_name


def hide(text: str) -> str:
    return text.replace("hunter2", "***")


def test_names_are_on_one_line_and_not_endless():
    assert kept_name("users\n\x1b[31m\u202e", str) == "users\\n\\x1b[31m\\u202e"
    assert kept_name("a" * 10_000_000, str) == "a" * 199 + "…"


def test_secrets_are_hidden_also_where_the_text_is_cut():
    assert kept_name(f"{'a' * 197}hunter2", hide) == f"{'a' * 197}***"
    assert kept_facts({"hunter2": {"url": "x:hunter2@y"}}, hide) == {"***": '{"url": "x:***@y"}'}


def test_numbers_stay_numbers_and_all_else_is_short_text():
    facts = {"n": 3, "x": 0.5, "yes": True, "no": None, "at": datetime(2026, 2, 28, tzinfo=UTC), "list": [1, "a"]}

    assert kept_facts(facts, str) == {
        "n": 3, "x": 0.5, "yes": True, "no": None, "at": "2026-02-28T00:00:00+00:00", "list": "1, a",
    }  # fmt: skip
    assert kept_facts({"big": 10**30, "nan": float("nan")}, str) == {"big": str(10**30), "nan": "NaN"}


def test_no_more_than_twenty_facts_are_kept():
    assert list(kept_facts({f"f{number}": "b" * 5000 for number in range(50)}, str)) == [f"f{n}" for n in range(20)]
    assert [len(str(text)) for text in kept_facts({"a": "b" * 5000}, str).values()] == [500]
