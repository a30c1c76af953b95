"""What an engine does not offer of rules that are right in themselves is refused before anything runs."""

from __future__ import annotations

import pytest

from lockgate.config.rules import parse_rule_set
from lockgate.core.relation import Relation
from lockgate.errors import RuleSetInvalid
from lockgate.transform.rules.binding import check_rule_set
from lockgate.transform.rules.program import Catalog
from lockgate.transform.rules.query import outcomes_query, refusals

RAW = Relation("raw", "users")
COLUMNS = {"id": "bigint", "p": "numeric(30,8)", "q": "numeric(8,2)", "t": "text"}
FEWER = "(Cast the operands to fewer digits first.)"
BOUND = "(Repeat a character or a class instead, or say how often: {0,20}.)"
VALUE = "the value of a variable (Rename it.)"
REFUSED = [
    ("derive: {x: p * q}", f"users.yml:5: a product of 38 digits with 10 decimals is not offered on spark {FEWER}"),
    (
        'derive: {x: "cast(p as numeric(25,12)) / cast(q as numeric(14,10))"}',
        f"users.yml:5: a quotient of 42 digits with 12 decimals is not offered on spark {FEWER}",
    ),
    (
        "validate: {that: \"t ~ '^(a|b)*$'\", reason: r}",
        f"users.yml:5: a group that repeats more than 255 times is not offered on spark {BOUND}",
    ),
    (
        "derive: {x: id, X: id + 1}",
        "users.yml:1: X and x are one column on spark, which does not tell letters' case (Rename one of them.)",
    ),
    (
        "derive: {'${env:HOME}': t}",
        f"users.yml:1: the name '${{env:HOME}}' is not offered on spark, which puts in {VALUE}",
    ),
]


def given(rule: str, tools):
    output = [name for name in ("x", "X", "${env:HOME}") if f"{name}: " in rule or f"{name}': " in rule] or ["id"]
    text = f"entity: users\nfrom: raw.users\noutput: {output}\nrules:\n  - {rule}\n"
    return parse_rule_set(text, file="users.yml"), Catalog(((RAW, tools.columns_of(COLUMNS)),))


@pytest.mark.parametrize(("rule", "problem"), REFUSED, ids=lambda value: value[:40])
def test_what_spark_cannot_give_exactly_is_refused_with_the_reason(rule, problem, tools):
    rule_set, catalog = given(rule, tools)

    assert check_rule_set(rule_set, catalog) == ()
    assert [str(found) for found in refusals(rule_set, catalog, "spark")] == [problem]
    with pytest.raises(RuleSetInvalid):
        outcomes_query(rule_set, catalog, "spark")


@pytest.mark.parametrize("rule", [rule for rule, _ in REFUSED], ids=lambda value: value[:40])
def test_other_engines_offer_the_same_rules(rule, tools):
    rule_set, catalog = given(rule, tools)

    assert [refusals(rule_set, catalog, dialect) for dialect in ("duckdb", "postgres")] == [(), ()]
