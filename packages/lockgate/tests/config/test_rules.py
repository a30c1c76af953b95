"""A rule set's file becomes a rule set, or every problem of it at once, each on its line."""

from __future__ import annotations

import pytest

from lockgate.config.rules import load_rule_set, parse_rule_set
from lockgate.core.relation import Relation
from lockgate.core.types import ColumnType
from lockgate.errors import ProjectInvalid
from lockgate.transform.rules.rule_set import (
    Case,
    Cast,
    CastColumn,
    Deduplicate,
    Default,
    Derive,
    EntityRows,
    Expression,
    Filter,
    GivenRows,
    MapLookup,
    Order,
    Place,
    Rename,
    RowLookup,
    Validate,
    Value,
)

EVERY_KIND = """\
entity: people
from: raw.people
rules:
  - {name: renamed, rename: {id: person_id}}
  - map: {mail: email}
  - cast:
      cost: numeric(12,2)
      born: {type: date, formats: [YYYY-MM-DD, DD/MM/YYYY], reason: no date}
  - derive:
      name: trim(name)
      kind: |
        case when cost > 1
             then 'dear' end
  - lookup: {on: code, take: team, map: {a: Alpha, b: 2}, default: none}
  - lookup:
      in: entity:teams
      after: newest
      on: {team: id}
      take: {boss: boss, size: people}
      order: [size desc nulls first, name]
      default: {size: 0}
  - default: {cost: 0, name: {sql: mail}}
  - filter: {where: cost > 0}
  - name: adult
    validate: {that: "born < date '2010-01-01'", reason: too young}
  - deduplicate: {key: [person_id], order: ["born DESC", "given name asc nulls last"]}
output: [person_id, name]
cases:
  - name: one
    given: [{id: 1, born: 2001-02-03, ok: true, cost: 1.5, mail: null}]
    expect: [{person_id: 1}]
    rejected: [{rule: adult}]
"""


@pytest.fixture
def rule_set():
    return parse_rule_set(EVERY_KIND, file="people.yml")


def test_reads_every_kind_of_rule(rule_set):
    numeric, date = ColumnType.parse("numeric(12,2)"), ColumnType.parse("date")
    at = lambda line: Place("people.yml", line)  # noqa: E731
    assert (rule_set.entity, rule_set.source) == ("people", Relation("raw", "people"))
    assert [rule.action for rule in rule_set.rules] == [
        Rename((("id", "person_id"),)),
        Rename((("email", "mail"),)),
        Cast((CastColumn("cost", numeric), CastColumn("born", date, ("YYYY-MM-DD", "DD/MM/YYYY"), "no date"))),
        Derive(
            (
                ("name", Expression("trim(name)", at(10))),
                ("kind", Expression("case when cost > 1\n     then 'dear' end", at(12))),
            )
        ),
        MapLookup("code", "team", (("a", "Alpha"), ("b", 2)), Value("none", at(14))),
        RowLookup(
            EntityRows("teams", "newest"),
            (("team", "id"),),
            (("boss", "boss"), ("size", "people")),
            (Order("size", descending=True, nulls_first=True), Order("name")),
            (("size", Value(0, at(21))),),
        ),
        Default((("cost", Value(0, at(22))), ("name", Expression("mail", at(22))))),
        Filter(Expression("cost > 0", at(23))),
        Validate(Expression("born < date '2010-01-01'", at(25)), "too young"),
        Deduplicate(("person_id",), (Order("born", descending=True), Order("given name"))),
    ]


def test_names_rules_that_have_no_name_by_kind_and_number(rule_set):
    names = "renamed map_2 cast_3 derive_4 lookup_5 lookup_6 default_7 filter_8 adult deduplicate_10"
    assert " ".join(rule.name for rule in rule_set.rules) == names
    assert [rule.place.line for rule in rule_set.rules] == [4, 5, 6, 9, 14, 15, 22, 23, 24, 26]


def test_reads_cases(rule_set):
    given = (("id", 1), ("born", "2001-02-03"), ("ok", True), ("cost", 1.5), ("mail", None))
    assert rule_set.cases == (
        Case(
            "one",
            (GivenRows(Relation("raw", "people"), (given,)),),
            ((("person_id", 1),),),
            ((("rule", "adult"),),),
            Place("people.yml", 29),
        ),
    )


def test_two_files_that_differ_in_a_value_s_kind_are_two_rule_sets():
    text = "entity: a\nfrom: raw.a\nrules:\n  - default: {x: %s}\noutput: [x]\n"

    assert parse_rule_set(text % "1", file="a.yml") != parse_rule_set(text % "true", file="a.yml")


def test_reads_a_file(tmp_path):
    path = tmp_path / "people.yml"
    path.write_text(EVERY_KIND, encoding="utf-8")

    assert load_rule_set(path, file="people.yml") == parse_rule_set(EVERY_KIND, file="people.yml")


def test_tells_every_problem_of_the_shape_at_once():
    text = """\
entity: People
frm: raw.people
rules:
  - {nam: x, rename: {a: b}}
  - {cast: {a: bigit, b: {type: date, format: [x]}}}
  - {validate: {that: a}}
  - {default: {a: [1]}}
output: []
"""

    with pytest.raises(ProjectInvalid) as refused:
        parse_rule_set(text, file="p.yml")

    assert [(problem.line, problem.message) for problem in refused.value.problems] == [
        (1, "entity: the name 'People' is not made of lower-case letters, digits and single underscores"),
        (1, "from: the key is missing"),
        (2, "frm: unknown key"),
        (4, "rules.0.nam: unknown key"),
        (5, "rules.1.cast.a: there is no type 'bigit'"),
        (5, "rules.1.cast.b.format: unknown key"),
        (6, "rules.2.validate.reason: the key is missing"),
        (7, "rules.3.default.a: must be a mapping of keys to values"),
        (7, "rules.3.default.a: must be text, a number, true or false"),
        (8, "output: must not be empty"),
    ]


MEANINGS = [
    ("- {rename: {a: b}, filter: {where: c}}", "rules.0: both rename and filter stand here"),
    ("- {name: x}", "rules.0: no kind of rule stands here"),
    ("- {name: x, rename: {a: b}}\n  - {name: x, rename: {b: a}}", "rules.1: there is a rule 'x' already, on line 4"),
    ("- lookup: {on: a, take: b}", "rules.0.lookup: a lookup has either `map` or `in`"),
    ("- lookup: {on: a, take: b, map: {x: y}, in: raw.x}", "rules.0.lookup: a lookup has either `map` or `in`"),
    ("- lookup: {on: a, take: b, map: {}}", "rules.0.lookup.map: must not be empty"),
    ("- lookup: {on: {a: b}, take: b, map: {x: y}}", "rules.0.lookup.on: must be one column with `map`"),
    (
        "- lookup: {on: a, take: b, map: {x: y}, default: {b: z}}",
        "rules.0.lookup.default: must be one value with `map`",
    ),
    ("- lookup: {on: a, take: b, map: {x: y}, order: [z]}", "rules.0.lookup.order: goes with `in`, not with `map`"),
    ("- lookup: {on: a, take: b, in: raw.x, after: y}", "rules.0.lookup.after: goes with `in: entity:NAME` alone"),
    ("- lookup: {on: a, take: b, in: things}", "rules.0.lookup.in: 'things' is no relation"),
    ("- lookup: {on: {}, take: b, in: raw.x}", "rules.0.lookup.on: must not be empty"),
    ("- lookup: {on: a, take: b, in: raw.x, default: {c: 1}}", "rules.0.lookup.default.c: is not among the columns"),
]


@pytest.mark.parametrize(("rules", "message"), MEANINGS, ids=[rules for rules, _ in MEANINGS])
def test_refuses_what_the_shape_alone_cannot(rules, message):
    with pytest.raises(ProjectInvalid) as refused:
        parse_rule_set(f"entity: a\nfrom: raw.a\nrules:\n  {rules}\noutput: [a]\n", file="a.yml")

    [problem] = refused.value.problems
    assert problem.message.startswith(message)
    assert problem.remedy


def test_a_rejection_says_why():
    case = "cases: [{name: c, given: [], rejected: [{id: 1}]}]"

    with pytest.raises(ProjectInvalid) as refused:
        parse_rule_set(f"entity: a\nfrom: raw.a\nrules:\n  - rename: {{a: b}}\noutput: [b]\n{case}\n", file="a.yml")

    assert [str(problem) for problem in refused.value.problems] == [
        "a.yml:6: cases.0.rejected.0: it says not why (Add `rule: name` or `reason: text`.)"
    ]
