"""The examples that a rule set carries, and the SQL it shows."""

from __future__ import annotations

import pytest

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.config.rules import parse_rule_set
from lockgate.core.relation import Relation
from lockgate.transform.rules.cases import CaseResult, test_cases
from lockgate.transform.rules.explain import explain
from lockgate.transform.rules.program import Catalog

RULES = """
entity: items
from: raw.items
rules:
  - name: priced
    cast: {price: {type: "numeric(8,2)", reason: no price}}
  - name: dated
    cast: {day: date, seen: timestamptz}
  - name: team
    lookup: {in: raw.teams, on: {team: code}, take: {team_name: name}, default: {team_name: none}}
output: [id, price, day, seen, team_name]
cases:
"""
COLUMNS = {"id": "bigint", "price": "text", "day": "text", "seen": "text", "team": "text"}


@pytest.fixture
def run(tools):
    def results(cases: str, *, known: bool = True) -> tuple[CaseResult, ...]:
        relations = [(Relation("raw", "items"), tools.columns_of(COLUMNS))] if known else []
        relations += [(Relation("raw", "teams"), tools.columns_of({"code": "text", "name": "text"}))] if known else []
        return test_cases(parse_rule_set(RULES + cases, file="i.yml"), Catalog(tuple(relations)), DuckDBMemory())

    return results


def test_passes_where_every_expected_row_comes_and_no_other(run):
    cases = """
  - name: values are compared by what they are
    given:
      raw.items:
        - {id: 1, price: "1.5", day: 2024-01-31, seen: "2024-01-31T10:00:00+02:00", team: a}
        - {id: 2, price: "x"}
      raw.teams: [{code: a, name: Alpha}]
    expect: [{id: 1, price: 1.50, day: 2024-01-31, seen: "2024-01-31T08:00:00Z", team_name: Alpha}]
    rejected: [{rule: priced, reason: no price, id: 2}]
"""

    assert run(cases) == (CaseResult("values are compared by what they are", passed=True),)


def test_says_what_is_missing_and_what_came_instead(run):
    cases = """
  - name: wrong
    given: [{id: 1, price: "1.5"}, {id: 2, price: "2"}, {id: 3, price: x}]
    expect: [{id: 1, price: 1.51}, {id: 2, team_name: none}]
"""

    [result] = run(cases)

    assert not result.passed
    assert result.difference == (
        "no row {id: 1, price: 1.51}; unexpected row {id: 1, price: 1.50, day: null, seen: null, team_name: none}; "
        "unexpected rejection {id: 3, price: null, day: null, seen: null, team_name: none, "
        "rule: priced, reason: no price}"
    )


def test_a_misspelt_column_is_no_match(run):
    [result] = run("  - {name: c, given: [{id: 1, price: '1'}], expect: [{idd: 1}]}\n")

    assert not result.passed


def test_shows_the_columns_itself_where_nothing_is_known_of_a_relation(run):
    case = """
  - name: alone
    given:
      raw.items: [{id: 1, price: "1", day: null, seen: null, team: a}]
      raw.teams: [{code: a, name: Alpha}]
    expect: [{id: 1, team_name: Alpha}]
"""

    assert run(case, known=False) == (CaseResult("alone", passed=True),)


def test_a_case_that_cannot_run_fails_with_the_reason(run):
    [result] = run("  - {name: c, given: [{id: 1}], expect: []}\n", known=False)

    assert not result.passed
    assert result.difference == "nothing is known of raw.teams, which the rules read"


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "spark", "bigquery"])
def test_explains_with_every_rule_named(tools, dialect):
    catalog = Catalog(
        (
            (Relation("raw", "items"), tools.columns_of(COLUMNS)),
            (Relation("raw", "teams"), tools.columns_of({"code": "text", "name": "text"})),
        )
    )

    sql = explain(parse_rule_set(RULES.replace("cases:\n", ""), file="items.yml"), catalog, dialect)

    assert sql.splitlines()[:4] == [
        "-- items from raw.items, by items.yml",
        "--   1. priced (cast, line 5)",
        "--   2. dated (cast, line 7)",
        "--   3. team (lookup, line 9)",
    ]
    assert all(f"/* {rule}" in sql for rule in ("priced", "dated", "team"))
