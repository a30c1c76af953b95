"""Each rule between the parts of a project file is held, on the line that breaks it, and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

CASES = yaml.safe_load(Path(__file__).with_name("references.yml").read_text(encoding="utf-8"))


def line_of(text: str, part: str) -> int:
    """The line, from 1, on which the only occurrence of `part` starts."""
    assert text.count(part) == 1
    return text.count("\n", 0, text.index(part)) + 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['to'].strip()[:40]} {case['says'][:40]}")
def test_the_line_that_breaks_a_rule_is_named_with_what_to_do(problems, full, case):
    assert full.count(case["change"]) == 1
    text = full.replace(case["change"], case["to"])

    found = problems(text)

    line = line_of(text, case.get("line", case["to"]))
    assert [p for p in found if p.line == line and case["says"] in p.message and case["remedy"] in p.remedy], found


def test_no_two_sources_show_a_stream_in_one_place(problems, full):
    text = full.replace("    schema: raw_files\n", "").replace("      people: {", "      users: {")

    (problem,) = problems(text)

    assert (problem.line, problem.message) == (
        line_of(text, "      users: {path"),
        "sources.files.streams.users: raw.users is already a stream of 'discovery'",
    )


def test_a_group_moves_by_a_column_that_has_buckets(problems, full):
    text = full.replace("email: text", "email: boolean").replace("bucket_by: user_id", "bucket_by: email")

    (problem,) = problems(text)

    assert (problem.line, problem.message) == (
        line_of(text, "bucket_by"),
        "entities.users.bucket_by: a column of type boolean has no buckets",
    )


def test_several_implementations_need_a_route(problems, full):
    start, end = full.index("    route:\n"), full.index("    group:")

    text = full[:start] + full[end:]

    (problem,) = problems(text)

    assert problem.line == line_of(text, "  users:\n")
    assert problem.remedy == "Add `route: {incumbent: rules, candidate: dbt}`."


def test_one_workshop_has_one_program(problems, full):
    more = """\
  teams:
    key: [id]
    contract: {id: bigint}
    implementations: {dbt: {rules: rules/users.yml}}
gates:
"""

    text = full.replace("gates:\n", more)

    (problem,) = problems(text)

    assert problem.line == line_of(text, "{dbt: {rules")
    assert "users's implementation 'dbt' is another program" in problem.message


@pytest.mark.parametrize("name", ["editions", "log"])
def test_names_that_would_meet_our_own_schemas_are_refused(problems, full, name):
    text = full.replace("      rules: {rules:", f"      {name}: {{rules:").replace(
        "incumbent: rules", f"incumbent: {name}"
    )

    (problem,) = problems(text)

    assert (problem.line, problem.remedy) == (line_of(text, f"{name}: {{rules"), "Choose another name.")
    assert f"'analytics__{name}'" in problem.message


def test_a_workshop_s_name_must_fit(problems, full):
    schema, name = "s" * 40, "i" * 22
    text = full.replace("schema: analytics", f"schema: {schema}").replace("      rules: {", f"      {name}: {{")

    text = text.replace("incumbent: rules", f"incumbent: {name}")

    (problem,) = problems(text)

    assert problem.line == line_of(text, f"{name}: {{")
    assert "takes more than 63 bytes" in problem.message


def test_what_was_refused_elsewhere_is_not_reported_as_unknown(problems, full):
    text = full.replace("{rules: rules/users.yml}", "[]").replace("user_id: bigint", "user_id: bigit")

    found = problems(text)

    assert [(problem.line, problem.message) for problem in found] == [
        (line_of(text, "bigit"), "entities.users.contract.user_id: there is no type 'bigit'"),
        (line_of(text, "rules: []"), "entities.users.implementations.rules: must be a mapping of keys to values"),
    ]
