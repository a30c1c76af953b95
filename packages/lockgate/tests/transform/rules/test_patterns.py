"""Patterns: the portable subset, and its spelling for each engine."""

from __future__ import annotations

import re
from datetime import date

import pytest

from lockgate.core.types import ColumnType
from lockgate.transform.rules.language import grammar
from lockgate.transform.rules.language.patterns import check_depth, check_pattern, spelled
from lockgate.transform.rules.language.typed import Mismatch

TAKEN = [
    "abc",
    "^a.c$",
    "[a-z0-9_]+",
    "[^@]+@[^@]+",
    "(ab|c)*",
    "(?:x){2,3}",
    "\\.\\*\\[\\]\\\\",
    "[a\\]b]",
    "é+",
    "a{0,255}",
    "[.$^]",
]
REFUSED = [
    "\\d",
    "\\w+",
    "\\s",
    "\\b",
    "\\1",
    "\\n",
    "[[:alpha:]]",
    "(?i)a",
    "(?=a)",
    "(?<n>a)",
    "a*?",
    "a++",
    "a**",
    "*a",
    "^*",
    "(*a)",
    "a{256}",
    "a{3,2}",
    "(a",
    "a)",
    "[",
    "[]",
    "[^]",
    "a|*",
    "[z-a]",
    "[a&&b]",
    "[a--b]",
    "x{",
    "}",
    "a{,3}",
    "\\",
]


@pytest.mark.parametrize("pattern", ["", *TAKEN])
def test_takes_what_means_the_same_everywhere(pattern):
    check_pattern(pattern)


@pytest.mark.parametrize("pattern", REFUSED)
def test_refuses_what_does_not(pattern):
    with pytest.raises(Mismatch):
        check_pattern(pattern)


def test_spells_the_dot_and_the_end_for_each_engine():
    spellings = {dialect: spelled(r"^a.b\.[.$]c$", dialect) for dialect in ("postgres", "duckdb", "bigquery", "spark")}

    assert spellings == {
        "postgres": r"^a.b\.[.$]c$",
        "duckdb": r"^a(?s:.)b\.[.$]c$",
        "bigquery": r"^a(?s:.)b\.[.$]c$",
        "spark": r"(?s)^a.b\.[.$]c\z",
    }


@pytest.mark.parametrize("pattern", ["(ab|c)*", "(ab)+", "(?:x){2,}", "((a|b){16}c){16}"])
def test_groups_that_java_would_repeat_until_its_stack_ends_are_found(pattern):
    check_pattern(pattern)

    with pytest.raises(Mismatch, match="a group that repeats more than 255 times"):
        check_depth(pattern)


@pytest.mark.parametrize("pattern", ["[ab]*.+x{2,}", "(ab|c)?(d{255}){255}", "((a|b){15}c){17}", "^a|(b?)$"])
def test_characters_repeat_without_bound_and_groups_with_one(pattern):
    check_depth(pattern)


def exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", ["YYYY-MM-DD", "DD/MM/YYYY", "MM/DD/YYYY", "YYYYMMDD"])
def test_dates_match_exactly_the_days_that_the_calendar_has(name):
    """The calendar is Python's own, `datetime.date`; leap years around every kind of century are in."""
    [form] = grammar.forms(ColumnType.parse("date"), (name,))
    layout = name.replace("YYYY", "{y:04}").replace("MM", "{m:02}").replace("DD", "{d:02}")
    wrong = [
        text
        for y in (0, 1, 4, 99, 100, 400, 999, 1582, 1900, 1999, 2000, 2023, 2024, 2100, 9996, 9999)
        for m in range(14)
        for d in range(33)
        if bool(re.search(form.pattern.replace("$", r"\Z"), text := layout.format(y=y, m=m, d=d)))
        is not exists(y, m, d)
    ]

    assert wrong == []


def test_every_form_is_in_the_portable_subset():
    types = [ColumnType.parse(name) for name in ("date", "timestamp", "timestamptz")]
    forms = [form for type_ in types for form in (*grammar.forms(type_, ()), *grammar._FORMS[type_.kind])]
    patterns = [form.pattern for form in forms]
    patterns += [
        grammar.INTEGER,
        grammar.DOUBLE,
        grammar.UUID,
        grammar.numeric_pattern(ColumnType.parse("numeric(9,2)")),
    ]

    for pattern in patterns:
        check_pattern(pattern)
