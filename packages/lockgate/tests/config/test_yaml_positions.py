"""Every key and value knows its line, and no file, however odd, does more than be refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.config.yaml_positions import LARGEST_FILE_BYTES, parse_yaml, read_yaml
from lockgate.errors import Problem, ProjectInvalid


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ProjectInvalid) as caught:
        parse_yaml(text, file="x.yml")
    return caught.value.problems


def test_keys_and_values_know_their_lines():
    document = parse_yaml("a: 1\nb:\n  - x\n  -\n    c: {d: 2,\n      e: 3}\nsql: |\n  select\n", file="x.yml")

    assert document.data == {"a": 1, "b": ["x", {"c": {"d": 2, "e": 3}}], "sql": "select\n"}
    assert document.line(("b",)) == 2
    assert document.value_line(("b",)) == 3
    assert document.line(("b", 1)) == 5
    assert document.line(("b", 1, "c", "d")) == 5
    assert document.line(("b", 1, "c", "e")) == 6
    assert document.line(("sql",)) == 7


def test_a_missing_path_is_where_its_nearest_part_is():
    document = parse_yaml("a: 1\nb:\n  c: 2\n", file="x.yml")

    assert document.line(("b", "missing", 3)) == 2
    assert document.line(("missing",)) == 1
    assert str(document.problem(("b", "x"), "x is missing", "Add it.")) == "x.yml:2: x is missing (Add it.)"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("off", "off"),
        ("no", "no"),
        ("2024-01-02", "2024-01-02"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("<<", "<<"),
        ("0123", 123),
        ("0x1F", 31),
        ("0o17", 15),
        ("-7", -7),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("True", True),
        ("~", None),
        ("null", None),
        ("", None),
        ("'1'", "1"),
        ("!!str 1", "1"),
    ],
)
def test_scalars_are_what_the_core_schema_says(written, read):
    assert parse_yaml(f"a: {written}", file="x.yml").data == {"a": read}


def test_keys_are_always_text():
    assert parse_yaml("on: 1\n2: 2\nnull: 3", file="x.yml").data == {"on": 1, "2": 2, "null": 3}


def test_an_empty_file_holds_nothing():
    assert parse_yaml("# only a comment\n", file="x.yml").data is None


@pytest.mark.parametrize(
    ("text", "line", "said", "remedy"),
    [
        ("a:\n  b: 1\n  b: 2\n", 3, "'b' stands twice: it already stands on line 2", "Keep one of them."),
        ("a:\n\tb: 1\n", 2, "\\t", "Indent with blanks, not with tabs."),
        ("a: 1\nb: c: d\n", 2, "mapping values are not allowed", "Quote the text that holds a colon"),
        ("a: [1, 2\n", 2, "not valid YAML", "brackets"),
        ("a: 1\n? [x, y]\n: 2\n", 2, "a key must be text", "Write `key: value`"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "has no meaning here", "Take the tag away."),
        ("a: 1\nb: !mine [1]\n", 2, "'!mine' has no meaning here", "Take the tag away."),
        ("a: !!int x\n", 1, "has no meaning here", "Take the tag away."),
        ("a: !!str [x]\n", 1, "has no meaning here", "Take the tag away."),
        ("a: 1\n---\nb: 2\n", 2, "another document", "indentation"),
        ("a: *gone\n", 1, "undefined alias", "Write the value out."),
        ("a: 1\nb: \x01\n", 2, "control character", "Take it out."),
        ("a: " + "9" * 5000, 1, "too large", "Quote it"),
        ('a: "x\\0y"', 1, "no database keeps", "Take the escape out."),
        ('a: "\\ud800"', 1, "no database keeps", "Take the escape out."),
        ("a: 1e999", 1, "too large", "Quote it"),
        ("a:\n  " + "[" * 5000, 2, "nested deeper than 50", "indentation"),
        ("a: &x [*x]", 1, "aliases make more than", "Write the values out."),
    ],
)
def test_what_cannot_be_read_is_one_problem_with_its_line(text, line, said, remedy):
    (problem,) = problems(text)

    assert (problem.file, problem.line) == ("x.yml", line)
    assert said in problem.message
    assert remedy in problem.remedy


def test_several_problems_come_together_in_the_order_of_the_file():
    found = problems("a: 1\nb:\n  c: 1\n  c: 2\na: 3\nd: !x y\n")

    assert [problem.line for problem in found] == [4, 5, 6]


def test_an_alias_repeats_what_its_anchor_holds():
    assert parse_yaml("a: &x {b: 1}\nc: *x\n", file="x.yml").data == {"a": {"b": 1}, "c": {"b": 1}}


def test_aliases_that_multiply_are_refused_at_once():
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))

    (problem,) = problems(f"l0: &l0 [x]\n{levels}\n")

    assert "100,000 values" in problem.message


def test_a_file_must_exist_be_small_and_be_utf8(tmp_path):
    (tmp_path / "large.yml").write_bytes(b"a: b\n" * LARGEST_FILE_BYTES)
    (tmp_path / "latin.yml").write_bytes("a: 1\nb: é\n".encode("latin-1"))
    (tmp_path / "bom.yml").write_bytes("\ufeffa: é\n".encode())

    assert read_yaml(tmp_path / "bom.yml", file="bom.yml").data == {"a": "é"}
    for name, line, said in (
        ("large.yml", 1, "1 MiB"),
        ("latin.yml", 2, "not UTF-8"),
        ("gone.yml", 1, "cannot be read"),
    ):
        with pytest.raises(ProjectInvalid) as caught:
            read_yaml(tmp_path / name, file=name)
        (problem,) = caught.value.problems
        assert (problem.file, problem.line) == (name, line)
        assert said in problem.message


@given(st.text() | st.text(alphabet="ab:- \n\t[]{}&*!|>'\"#%@?,0159.~<\\"))
def test_any_text_is_read_or_refused(text):
    found = ()
    try:
        parse_yaml(text, file="x.yml")
    except ProjectInvalid as error:
        found = error.problems

    assert all(1 <= problem.line <= len(text.splitlines()) + 1 for problem in found)


@given(
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
    | st.text(st.characters(exclude_characters="\0", codec="utf-8"))
)
def test_json_is_read_as_json(value):
    assert parse_yaml(json.dumps({"a": value}), file="x.yml").data == {"a": value}
