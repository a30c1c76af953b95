"""What is refused before anything runs: each with its line, and what may stand there instead."""

from __future__ import annotations

import pytest

from lockgate.config.rules import parse_rule_set
from lockgate.core.relation import Contract, Relation
from lockgate.transform.rules.binding import check_rule_set, source_relations
from lockgate.transform.rules.program import Catalog

RAW = Relation("raw", "users")
COLUMNS = {
    "id": "bigint",
    "email": "text",
    "age": "integer",
    "cost": "numeric(12,2)",
    "score": "double",
    "born": "date",
    "seen": "timestamptz",
    "ok": "boolean",
    "doc": "json",
    "Mixed": "text",
    "_row": "bigint",
}


@pytest.fixture
def problems(tools):
    def check(rules: str, *, output: str = "[id]", others=(), contract: Contract | None = None) -> list[str]:
        text = f"entity: users\nfrom: raw.users\noutput: {output}\nrules:\n{rules}"
        rule_set = parse_rule_set(text, file="users.yml")
        found = check_rule_set(rule_set, Catalog(((RAW, tools.columns_of(COLUMNS)),), (rule_set, *others)), contract)
        return [str(problem) for problem in found]

    return check


EXPRESSIONS = [
    ("lower(emial)", "there is no column 'emial' at this point (Did you mean 'email'?)"),
    (
        "Mixed",
        "there is no column 'mixed' at this point (Names without quotes are read in lower case: write \"Mixed\".)",
    ),
    ("_row", "there is no column '_row' at this point"),
    ("t.email", "t.email is not a column here"),
    ("lowr(email)", "there is no function lowr() (Did you mean 'lower'?)"),
    ("now()", "`CURRENT_TIMESTAMP` is not in the rules' SQL"),
    ("count(id)", "there is no function count()"),
    ("random()", "there is no function random()"),
    ("concat(email, email)", "there is no function concat()"),
    ("initcap(email)", "there is no function initcap()"),
    ("(select 1)", "an expression reads the columns of its own row, no other rows (Use a lookup.)"),
    ("exists (select 1)", "an expression reads the columns of its own row, no other rows (Use a lookup.)"),
    ("id in (select 1)", "IN takes a list of constants, no query (Use a lookup.)"),
    ("id in (1, age)", "IN takes a list of constants without NULL"),
    ("id in (1, null)", "IN takes a list of constants without NULL"),
    ("row_number() over ()", "`ROW_NUMBER() OVER ()` is not in the rules' SQL"),
    ("lower(age)", "lower takes text, not integer (Cast it first.)"),
    ("age + email", "add takes numbers, not text (Cast it first.)"),
    ("age || email", "|| takes text, not integer (Cast it first.)"),
    ("age = email", "integer and text do not go together (Cast one of them.)"),
    ("born > '2024-01-01'", "date and text do not go together (Cast one of them.)"),
    ("not age", "NOT takes boolean, not integer"),
    ("age and ok", "AND takes boolean, not integer"),
    ("case when age then 1 end", "WHEN takes boolean, not integer"),
    ("case when ok then 1 else 'x' end", "integer and text do not go together"),
    ("coalesce(age, email)", "integer and text do not go together"),
    ("score * 2", "multiply takes exact numbers, not double (Cast it to numeric(p,s) or an integer first.)"),
    ("round(score, 2)", "round takes exact numbers, not double"),
    ("cost * cost * cost * cost", "the result can have 48 digits, more than the 38 that every engine has"),
    ("cast(cost as numeric(38,2)) / cost", "the division needs more digits than every engine has"),
    ("round(cost, 3)", "numeric(12,2) cannot be rounded to 3 decimals (Say 0 to 2.)"),
    ("round(cost, age)", "the decimals of round must be a whole number, written out"),
    ("email ~ '\\d+'", "'\\\\d' in the pattern '\\\\d+' does not mean the same everywhere"),
    ("email ~ '(?i)x'", "'?' cannot repeat here in the pattern '(?i)x'"),
    ("email ~ '(x'", "the pattern '(x' leaves a group open"),
    ("email ~ email", "a pattern must be a literal text"),
    ("email ~* 'x'", "`email ~* 'x'` is not in the rules' SQL"),
    ("email ilike 'x'", "`email ILIKE 'x'` is not in the rules' SQL"),
    ("email like email", "the pattern of LIKE must be a literal text"),
    ("email like 'x' escape '!'", "`email LIKE 'x' ESCAPE '!'` is not in the rules' SQL"),
    ("email like 'x\\'", "the pattern 'x\\\\' ends with a backslash that escapes nothing"),
    ("regexp_replace(email, 'a|b', '', 'g')", "engines do not agree on what 'a|b' replaces"),
    ("regexp_replace(email, 'a', '')", "regexp_replace replaces everywhere here (Add the flag 'g'.)"),
    ("regexp_replace(email, 'a', '\\1', 'g')", "the replacement may hold no backslash and no dollar sign"),
    ("trim(both 'x' from email)", "`TRIM(BOTH 'x' FROM email)` is written in a way that rules do not have"),
    ("round(cost, -1)", "the decimals of round must be a whole number, written out"),
    ("cast(doc as text)", "json cannot be cast to text"),
    ("cast(email as json)", "text cannot be cast to json"),
    ("cast(email as bigit)", "there is no type"),
    ("cast(email as numeric)", "numeric needs its digits here (Say numeric(precision, scale).)"),
    ("cast(score as text)", "double cannot be cast to text"),
    ("cast(score as numeric(20,15))", "a double has no 15 exact decimals (Say at most 12.)"),
    ("'abc'::integer", "'abc' is not readable as integer"),
    ("date '2023-02-29'", "'2023-02-29' is not readable as date"),
    ("timestamptz '2024-01-01'", "'2024-01-01' is not readable as timestamptz"),
    ("1e3", "the number 1e3 is not written plainly"),
    ("extract(dow from born)", "cannot be extracted (There are year, quarter, month, day, hour, minute.)"),
    ("extract(hour from born)", "extract(hour …) takes timestamp or timestamptz, not date"),
    ("date_trunc('week', born)", "date_trunc cuts a date to its year, quarter or month"),
    ("date_trunc('month', seen)", "date_trunc takes date, not timestamptz"),
    ("born + interval '1 day'", "an interval takes timestamp or timestamptz, not date"),
    ("seen + interval '1 month'", "an interval is written INTERVAL '90 minutes'"),
    ("born + cost", "a day plus takes bigint or integer or smallint, not numeric(12,2)"),
    ("lpad(email, 5)", "what lpad fills with must be a literal text"),
    ("split_part(email, '', 1)", "the delimiter of split_part is empty"),
    ("split_part(email, ',', 0)", "the part of split_part must be 1 to 10,000"),
    ("left(email, -1)", "the length of left must be a whole number, written out"),
    ("doc = doc", "'equal' takes"),
    ("doc < doc", "'less' takes"),
    ("ok < ok", "'less' takes"),
    ("null", "'x' would be a bare NULL (Give it a type: cast(null as text).)"),
    ("age +", "this is not an SQL expression"),
    ("age; drop table users", "one expression stands here, no statements"),
    ("email ->> 'x'", "is not in the rules' SQL"),
    ("$1", "is not in the rules' SQL"),
    ("E'x'", "is not in the rules' SQL"),
    ("age & 1", "is not in the rules' SQL"),
    ("2 ^ 3", "there is no function power()"),
    ("current_date", "`CURRENT_DATE` is not in the rules' SQL"),
    ("if(ok, 1, 2)", "`CASE WHEN ok THEN 1 ELSE 2 END` is not in the rules' SQL"),
    ("email at time zone 'UTC'", "is not in the rules' SQL"),
    ("age is 5", "IS is followed by NULL, TRUE or FALSE"),
    ("x" * 10_001, "the expression is longer than 10,000 characters"),
]


@pytest.mark.parametrize(("expression", "message"), EXPRESSIONS, ids=lambda value: str(value)[:40])
def test_refuses_an_expression_outside_the_language(problems, expression, message):
    quoted = expression.replace("'", "''")

    [problem] = problems(f"  - derive: {{x: '{quoted}'}}\n")

    assert problem.startswith("users.yml:5: ")
    assert message in problem


RULES = [
    ("rename: {idd: user}", ["there is no column 'idd' at this point (Did you mean 'id'?)"]),
    ("rename: {email: id}", ["there is a column 'id' already (Rename that one too.)"]),
    ("derive: {_x: id}", ["a column cannot be called '_x' (Names that start with _ are Lockgate's own.)"]),
    ("cast: {email: json}", ["email: text cannot be cast to json"]),
    ("cast: {email: {type: date, formats: [YYYY]}}", ["email: date has no format 'YYYY'; it has YYYY-MM-DD"]),
    ("cast: {email: {type: date, formats: [DD/MM/YYYY, MM/DD/YYYY]}}", ["DD/MM/YYYY and MM/DD/YYYY cannot be told"]),
    ("cast: {email: {type: bigint, formats: [x]}}", ["email: bigint takes no formats"]),
    ("cast: {age: {type: date, formats: [YYYY-MM-DD]}}", ["age: formats are for text that becomes a date"]),
    ("default: {age: young}", ["'young' is not readable as integer"]),
    ("default: {age: 1.5}", ["1.5 is no integer (The column is integer.)"]),
    ("default: {email: 5}", ["5 is no text (Put it in quotes.)"]),
    ("default: {ok: 1}", ["1 is no boolean"]),
    ("default: {cost: 1.005}", ["1.005 is no numeric(12,2)"]),
    ("default: {age: {sql: email}}", ["integer and text do not go together"]),
    ("default: {cost: {sql: cost * 2}}", ["the default of 'cost' is numeric(13,2), the column numeric(12,2)"]),
    ("filter: {where: age}", ["`where` takes boolean, not integer"]),
    ("validate: {that: email, reason: r}", ["`that` takes boolean, not text"]),
    ("deduplicate: {key: [score], order: [id]}", ["'score' is double, which has no such order (Cast it first.)"]),
    ("deduplicate: {key: [id], order: [doc]}", ["'doc' is json, which has no such order (Cast it first.)"]),
    ("deduplicate: {key: [idd], order: [agee]}", ["no column 'idd'", "no column 'agee'"]),
    ("lookup: {map: {a: 1, b: x}, on: email, take: n}", ["integer and text do not go together"]),
    ("lookup: {map: {a: 1}, on: age, take: n}", ["'a' is not readable as integer"]),
    ("lookup: {map: {a: 1}, on: email, take: n, default: z}", ["'z' is not readable as integer"]),
    ("lookup: {in: raw.user, on: {id: id}, take: {n: email}}", ["nothing is known of raw.user (Did you mean"]),
    (
        "lookup: {in: raw.users, on: {id: email}, take: {n: emial}}",
        ["what is looked up has no column 'emial'", "id and email: bigint and text do not go together"],
    ),
    ("lookup: {in: entity:teams, on: {id: id}, take: {n: name}}", ["there are no rules for the entity 'teams'"]),
    ("lookup: {in: entity:users, on: {id: id}, take: {n: id}}", ["users looks up users: a circle"]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "messages"), RULES, ids=lambda value: str(value)[:50])
def test_refuses_a_rule_that_cannot_run(problems, rule, messages):
    found = problems(f"  - {rule}\n")

    assert len(found) == len(messages)
    assert all(message in " ".join(found) for message in messages)
    assert all(problem.startswith("users.yml:5: ") for problem in found)


def test_tells_all_problems_at_once_each_on_its_line_and_none_twice(problems):
    rules = """\
  - derive:
      a: lowr(email)
      b: |
        case when agee > 1
             then 1
             else upper(id) end
  - derive: {c: a || b, d: a + b}
  - validate: {that: emial is null, reason: r}
  - cast: {born: json}
  - filter: {where: born > date '2024-01-01'}
"""

    all_columns = "Mixed, a, age, b, born, c, cost, d, doc, email, id, ok, score, seen"
    assert problems(rules, output="[id, a, e, id]") == [
        f"users.yml:3: there is no column 'e' after the last rule (There are: {all_columns}.)",
        "users.yml:3: the output names 'id' twice",
        "users.yml:6: there is no function lowr() (Did you mean 'lower'?)",
        "users.yml:8: there is no column 'agee' at this point (Did you mean 'age'?)",
        "users.yml:10: upper takes text, not bigint (Cast it first.)",
        "users.yml:12: there is no column 'emial' at this point (Did you mean 'email'?)",
        "users.yml:13: born: date cannot be cast to json",
    ]


DEEP = [
    "(" * 2_000 + "1" + ")" * 2_000,
    "trim(" * 45 + "email" + ")" * 45,
    "case when ok then " * 45 + "1" + " end" * 45,
    "id" + " - 1" * 45,
]


@pytest.mark.parametrize("expression", DEEP, ids=lambda expression: expression[:20])
def test_an_expression_nested_too_deep_is_a_problem_not_a_crash(problems, expression):
    [problem] = problems(f"  - derive: {{x: '{expression}'}}\n")

    assert problem.startswith("users.yml:5: the expression is nested")


@pytest.mark.parametrize("expression", [" || ".join(["email"] * 800), " or ".join(["id = 1"] * 700)], ids=["||", "or"])
def test_a_chain_may_be_as_long_as_an_expression(problems, expression):
    assert problems(f"  - derive: {{x: '{expression}'}}\n") == []


def test_holds_the_output_against_the_contract(problems, tools):
    contract = Contract(
        tools.columns_of({"id": "integer", "email": "text", "age": "bigint", "cost": "numeric(12,1)", "born": "date"}),
        ("id",),
    )

    cure = "(Add a cast rule: rows that do not fit are then rejected, with a reason.)"
    assert problems("  - derive: {x: id}\n", output="[id, email, age, cost, ok]", contract=contract) == [
        "users.yml:3: the contract has a column 'born' that the output has not (There are: id, email, age, cost, ok.)",
        "users.yml:3: the output has a column 'ok' that the contract has not (Take it out of one of them.)",
        f"users.yml:3: 'id' is bigint, which does not always fit the contract's integer {cure}",
        f"users.yml:3: 'cost' is numeric(12,2), which does not always fit the contract's numeric(12,1) {cure}",
    ]


def entity(name: str, looks_up: str):
    rule = f"{{in: 'entity:{looks_up}', on: {{id: id}}, take: {{n: id}}}}"
    text = f"entity: {name}\nfrom: raw.users\nrules:\n  - lookup: {rule}\noutput: [id]\n"
    return parse_rule_set(text, file=f"{name}.yml")


def test_refuses_rule_sets_that_look_each_other_up_in_a_circle(problems):
    [problem] = problems(
        "  - lookup: {in: 'entity:a', on: {id: id}, take: {n: id}}\n", others=(entity("a", "b"), entity("b", "users"))
    )

    assert "users.yml:5: the rules of a have problems of their own" in problem
    assert "b.yml:4: users looks up a looks up b looks up users: a circle" in problem


def test_refuses_a_rule_that_the_other_rule_set_has_not(problems):
    other = parse_rule_set(
        "entity: a\nfrom: raw.users\nrules:\n  - {name: one, derive: {x: id}}\noutput: [id]\n", file="a.yml"
    )

    [problem] = problems("  - lookup: {in: 'entity:a', after: won, on: {id: id}, take: {n: x}}\n", others=(other,))

    assert "users.yml:5: a has no rule 'won' (Did you mean 'one'?)" in problem


def test_knows_every_relation_that_rules_read_through_others(tools):
    other = parse_rule_set("entity: a\nfrom: raw.a\nrules:\n  - {derive: {x: id}}\noutput: [id]\n", file="a.yml")
    first, second = "{in: 'entity:a', on: id, take: {n: id}}", "{in: raw.c, on: id, take: {m: id}}"
    rules = f"entity: b\nfrom: raw.b\nrules:\n  - lookup: {first}\n  - lookup: {second}\noutput: [id]\n"
    rule_set = parse_rule_set(rules, file="b.yml")

    found = source_relations(rule_set, Catalog((), (rule_set, other)))

    assert found == (Relation("raw", "b"), Relation("raw", "c"), Relation("raw", "a"))
