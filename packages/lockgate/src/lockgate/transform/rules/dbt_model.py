"""A rule set as dbt models: the same query, with `source()` for what it reads and the tests that its contract asks for.

Three models and one YAML file: `<entity>__outcomes` (every input row), `<entity>` (the rows that are right),
`<entity>_rejected` (the others that are wrong, with rule and reason). Where engines need different SQL, the model
chooses by `target.type`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from sqlglot import exp

from lockgate.core.relation import Contract, Relation
from lockgate.core.sql import column
from lockgate.transform.rules.engine import OUTCOMES_SUFFIX
from lockgate.transform.rules.program import Catalog
from lockgate.transform.rules.query import OUTCOME, outcomes_query, reads, refusals
from lockgate.transform.rules.rule_set import MapLookup, Outcome, RuleSet

DIALECTS = ("duckdb", "postgres", "spark")
_CONFIG = "{{ config(materialized='table') }}"
_JINJA = ("{{", "{%", "{#")


def export(
    rule_set: RuleSet, catalog: Catalog, contract: Contract, dialects: Sequence[str] = DIALECTS
) -> Mapping[str, str]:
    """The files of the models, by name; an engine that refuses the rules is left out of them.

    Raises:
        RuleSetInvalid: the rules have problems, or the first of the engines refuses them.
    """
    name = rule_set.entity
    offered = [dialect for dialect in dialects[1:] if not refusals(rule_set, catalog, dialect)]
    queries = {dialect: outcomes_query(rule_set, catalog, dialect) for dialect in (dialects[0], *offered)}
    bodies = {dialect: _body(name, query, dialect) for dialect, query in queries.items()}
    relations = sorted(set().union(*(reads(query) for query in queries.values())))
    return {
        f"{name}{OUTCOMES_SUFFIX}.sql": f"{_about(rule_set)}\n{_CONFIG}\n\n{_chosen(bodies)}\n",
        f"{name}.sql": f"{_CONFIG}\n\n{_chosen({dialect: _kept(rule_set, dialect) for dialect in queries})}\n",
        f"{name}_rejected.sql": f"{_CONFIG}\n\n{_chosen({d: _rejected(rule_set, d) for d in queries})}\n",
        f"{name}.yml": yaml.safe_dump(_schema(rule_set, contract, relations), sort_keys=False, allow_unicode=True),
    }


def _about(rule_set: RuleSet) -> str:
    """Where the model comes from; in Jinja's comments, which no database sees."""
    rules = ", ".join(rule.name for rule in rule_set.rules)
    return f"{{# Every row of {rule_set.source} with what became of it. Exported from the rules: {rules}. #}}"


def _body(entity: str, query: exp.Select, dialect: str) -> str:
    """The query as dbt writes it: relations by `source()`."""
    query = query.copy()
    places: dict[str, str] = {}
    for number, found in enumerate([table for table in query.find_all(exp.Table) if table.db]):
        place = f"lockgate_source_{number}"
        places[place] = f"{{{{ source('{_source(entity, found.db)}', '{found.name}') }}}}"
        found.replace(exp.to_table(place))
    sql = query.sql(dialect, pretty=True)
    for mark in _JINJA:
        sql = sql.replace(mark, f"{{{{ '{mark}' }}}}")
    for place in sorted(places, key=len, reverse=True):
        sql = sql.replace(place, places[place])
    return sql


def _chosen(bodies: Mapping[str, str]) -> str:
    """The one body, or the one of the target's engine."""
    targets: dict[str, list[str]] = {}
    for dialect, body in bodies.items():
        targets.setdefault(body, []).append(f"target.type == '{dialect}'")
    if len(targets) == 1:
        return next(iter(targets))
    parts = [
        f"{{% {'elif' if number else 'if'} {' or '.join(tests)} %}}\n\n{body}\n"
        for number, (body, tests) in enumerate(targets.items())
    ]
    refusal = f"{{{{ exceptions.raise_compiler_error('this model was exported for {' and '.join(bodies)}') }}}}"
    return "\n".join([*parts, f"{{% else %}}\n\n{refusal}\n\n{{% endif %}}"])


def _kept(rule_set: RuleSet, dialect: str) -> str:
    """The rows that are right."""
    return _from_outcomes(rule_set, [column(name) for name in rule_set.output], Outcome.OK, dialect)


def _rejected(rule_set: RuleSet, dialect: str) -> str:
    """The rows that are wrong, with all that is known of them."""
    return _from_outcomes(rule_set, [exp.Star()], Outcome.REJECTED, dialect)


def _from_outcomes(rule_set: RuleSet, columns: Sequence[exp.Expr], outcome: Outcome, dialect: str) -> str:
    """Columns of the rows with one outcome."""
    is_so = exp.EQ(this=column(OUTCOME), expression=exp.Literal.string(outcome))
    sql = exp.select(*columns).from_("outcomes").where(is_so).sql(dialect, pretty=True)
    return sql.replace("FROM outcomes", f"FROM {{{{ ref('{rule_set.entity}{OUTCOMES_SUFFIX}') }}}}")


def _source(entity: str, schema: str) -> str:
    """The name of a dbt source; each entity has its own, so that two exports do not get in each other's way."""
    return f"{entity}_{schema}"


def _schema(rule_set: RuleSet, contract: Contract, relations: Sequence[Relation]) -> dict[str, Any]:
    """Sources, and models with their columns and tests."""
    name, schemas = rule_set.entity, dict.fromkeys(relation.schema for relation in relations)
    return {
        "version": 2,
        "sources": [
            {
                "name": _source(name, schema),
                "schema": schema,
                "tables": [{"name": relation.name} for relation in relations if relation.schema == schema],
            }
            for schema in schemas
        ],
        "models": [
            {"name": f"{name}{OUTCOMES_SUFFIX}", "description": f"Every row of {rule_set.source} and its outcome."},
            {"name": f"{name}_rejected", "description": f"Rows of {rule_set.source} that a rule rejected, and why."},
            {"name": name, "description": f"One row a {' and '.join(contract.key)}.", **_columns(rule_set, contract)},
        ],
    }


def _columns(rule_set: RuleSet, contract: Contract) -> dict[str, Any]:
    """The entity's columns with their tests: a single key is unique, keys are there, mapped values are known ones."""
    found = []
    for told in contract.columns:
        tests: list[Any] = ["not_null"] if told.name in contract.key else []
        tests += ["unique"] if contract.key == (told.name,) else []
        if values := _values(rule_set, told.name):
            tests.append({"accepted_values": {"arguments": {"values": values}}})
        described: dict[str, Any] = {"name": told.name, "data_type": str(told.type)}
        described |= {"description": told.description} if told.description else {}
        found.append(described | ({"data_tests": tests} if tests else {}))
    return {"columns": found}


def _values(rule_set: RuleSet, name: str) -> list[str]:
    """The values that a mapping in the file gives a column, if the last rule for it is one with a default."""
    for rule in reversed(rule_set.rules):
        action = rule.action
        if isinstance(action, MapLookup) and action.take == name:
            values = [value for _, value in action.entries] + ([action.default.value] if action.default else [])
            return (
                list(dict.fromkeys(str(value) for value in values)) if all(isinstance(v, str) for v in values) else []
            )
        if name in _written(action):
            return []
    return []


def _written(action: object) -> tuple[str, ...]:
    """The columns that another kind of rule gives values to."""
    pairs = getattr(action, "columns", ()) or getattr(action, "take", ())
    return tuple(name for pair in pairs if isinstance(pair, tuple) for name in pair if isinstance(name, str))
