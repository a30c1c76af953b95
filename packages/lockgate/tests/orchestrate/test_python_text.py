"""Values as Python source: they mean what they were, and a formatter leaves them."""

from __future__ import annotations

import ast
import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.orchestrate.python_text import (
    WIDTH,
    class_names,
    docstring,
    duration,
    filled,
    identifiers,
    listed,
    literal,
    spread,
)

PLACES = {"{start}": "start", "{end}": "end"}
TEXTS = st.text(st.one_of(st.sampled_from("\"'\\{}\n ab"), st.characters(codec="utf-8")), max_size=40)


@given(TEXTS)
def test_a_literal_means_the_text(text):
    assert ast.literal_eval(literal(text)) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", '"plain"'),
        ('say "it"', "'say \"it\"'"),
        ("don't", '"don\'t"'),
        ("\"a\" 'b'", '"\\"a\\" \'b\'"'),
        ("a\nb\\c", '"a\\nb\\\\c"'),
        ("Łódź", '"Łódź"'),
    ],
)
def test_a_literal_is_written_as_a_formatter_would(text, written):
    assert literal(text) == written


@given(st.lists(st.one_of(TEXTS, st.sampled_from(["{start}", "{end}", "{other}"])), max_size=6).map("".join))
def test_places_are_filled_and_everything_else_stays(text):
    found = eval(filled(text, PLACES), {"start": "S", "end": "E"})  # noqa: S307

    assert found == text.replace("{start}", "S").replace("{end}", "E")


def test_one_place_alone_is_its_own_expression():
    assert filled("{start}", PLACES) == "start"
    assert filled("from {start}", PLACES) == 'f"from {start}"'
    assert filled("{other}", PLACES) == '"{other}"'


@given(st.lists(st.text("ab {}'\"", max_size=30), max_size=12).map(" ".join))
def test_text_that_is_too_wide_is_spread_and_means_the_same(text):
    assert ast.literal_eval(spread(text, {}, indent=8, beside=10)) == text


def test_a_place_that_comes_last_in_wide_text_is_a_string_too():
    text = "word " * 36 + "{end}"

    found = spread(text, PLACES, indent=4, beside=30)

    assert eval(found, {"end": "E"}) == "word " * 36 + "E"  # noqa: S307


def test_a_list_is_on_one_line_where_that_fits():
    assert listed(["a", "{end}"], PLACES, indent=4, beside=9) == '["a", end]'
    assert listed(["a" * 60, "b" * 60], {}, indent=4, beside=9).splitlines() == [
        "[",
        f'        "{"a" * 60}",',
        f'        "{"b" * 60}",',
        "    ]",
    ]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.lists(st.text("ab {}'\"\\", max_size=50), min_size=1, max_size=6), min_size=20, max_size=40))
def test_a_formatter_leaves_lists(lists):
    written = [f"command = {listed(texts, PLACES, indent=0, beside=len('command = '))}\n" for texts in lists]
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={WIDTH}", "--diff", "-"]

    done = subprocess.run(command, input="".join(written), capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_a_formatter_leaves_texts_of_every_width():
    texts = ["word " * (length // 5) + "x" * (length % 5) for length in range(60, 260)]
    calls = [f"call(\n    command={spread(text, PLACES, indent=4, beside=9)},\n)\n" for text in texts]
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={WIDTH}", "--diff", "-"]

    done = subprocess.run(command, input="".join(calls), capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("length", "written"),
    [
        (timedelta(hours=4), "timedelta(hours=4)"),
        (timedelta(minutes=90), "timedelta(hours=1, minutes=30)"),
        (timedelta(days=8, seconds=1), "timedelta(days=8, seconds=1)"),
        (timedelta(0), "timedelta(0)"),
    ],
)
def test_a_duration_is_written_in_the_largest_units(length, written):
    assert duration(length) == written


def test_names_give_way_to_words_of_the_language_and_to_each_other():
    assert identifiers(["load", "import", "match", "dag"], {"dag"}) == {
        "load": "load",
        "import": "import_",
        "match": "match_",
        "dag": "dag_",
    }
    assert class_names(["load_users", "step", "a_1", "a1"], {"Step"}) == {
        "load_users": "LoadUsers",
        "step": "Step_",
        "a_1": "A1",
        "a1": "A1_",
    }


def test_a_docstring_ends_no_string_and_fits():
    found = docstring('It says """no""" and \\ ' + "word " * 60)

    assert ast.literal_eval(f'"""{found}"""').split() == ["It", "says", "'''no'''", "and", "\\"] + ["word"] * 60
    assert max(map(len, found.splitlines())) <= WIDTH
