"""Runs the examples that a rule set carries: rows that go in, rows and rejections that must come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa

from lockgate.core.arrow import arrow_schema
from lockgate.core.ports import Memory
from lockgate.core.relation import Column, Relation
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import LockgateError
from lockgate.transform.rules.binding import source_relations
from lockgate.transform.rules.program import Catalog
from lockgate.transform.rules.query import OUTCOME
from lockgate.transform.rules.record_values import readable
from lockgate.transform.rules.records import transform_records
from lockgate.transform.rules.rule_set import Case, Outcome, RuleSet, Scalar

Row = Mapping[str, object]
_KINDS = {bool: Kind.BOOLEAN, int: Kind.BIGINT, float: Kind.DOUBLE, str: Kind.TEXT}


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went; `difference` says what is missing and what came instead, empty where it passed."""

    name: str
    passed: bool
    difference: str = ""


def test_cases(rule_set: RuleSet, catalog: Catalog, memory: Memory) -> tuple[CaseResult, ...]:
    """How each case went. Columns of relations that the catalog does not know are those of the given rows."""
    return tuple(_result(rule_set, catalog, memory, case) for case in rule_set.cases)


test_cases.__test__ = False  # type: ignore[attr-defined]  # pytest takes it for a test otherwise


def _result(rule_set: RuleSet, catalog: Catalog, memory: Memory, case: Case) -> CaseResult:
    """How one case went."""
    try:
        difference = _difference(rule_set, _completed(rule_set, catalog, case), memory, case)
    except LockgateError as error:
        return CaseResult(case.name, passed=False, difference=error.message)
    return CaseResult(case.name, passed=not difference, difference=difference)


def _completed(rule_set: RuleSet, catalog: Catalog, case: Case) -> Catalog:
    """The catalog, with the columns that the case shows of relations that are not known."""
    known = dict(catalog.relations)
    for given in case.given:
        if given.relation not in known:
            known[given.relation] = _shown([dict(row) for row in given.rows])
    rule_sets = catalog.rule_sets if rule_set in catalog.rule_sets else (*catalog.rule_sets, rule_set)
    return Catalog(tuple(known.items()), rule_sets)


def _shown(rows: Sequence[Mapping[str, Scalar]]) -> tuple[Column, ...]:
    """Columns with the types of the first values that are not NULL; text where there is none."""
    values: dict[str, Scalar] = {}
    for row in rows:
        values |= {name: value for name, value in row.items() if values.get(name) is None}
    return tuple(Column(name, ColumnType(_KINDS.get(type(value), Kind.TEXT))) for name, value in values.items())


def _difference(rule_set: RuleSet, catalog: Catalog, memory: Memory, case: Case) -> str:
    """What does not come out as the case says; empty where everything does."""
    given = {rows.relation: [dict(row) for row in rows.rows] for rows in case.given}
    others = [relation for relation in source_relations(rule_set, catalog) if relation != rule_set.source]
    context = {relation: _table(relation, catalog, given.get(relation, [])) for relation in others}
    records = given.get(rule_set.source, [])
    found = transform_records(rule_set, records, memory, catalog=catalog, context=context).to_pylist()
    ok = [row for row in found if row[OUTCOME] == Outcome.OK]
    rejected = [
        {**row, "rule": row["_rule"], "reason": row["_reason"]} for row in found if row[OUTCOME] == Outcome.REJECTED
    ]
    said = _unlike("row", [dict(row) for row in case.rows], ok)
    return "; ".join([*said, *_unlike("rejection", [dict(row) for row in case.rejected], rejected)])


def _table(relation: Relation, catalog: Catalog, rows: Sequence[Mapping[str, Scalar]]) -> pa.Table:
    """The given rows of a relation that is looked up."""
    columns = catalog.columns(relation) or ()
    return readable(rows, columns)[0] if rows else arrow_schema(columns).empty_table()


def _unlike(what: str, expected: Sequence[Row], found: Sequence[Row]) -> list[str]:
    """Expected rows without a found one that has their values, and found rows that nobody expected."""
    left, said = list(found), []
    for row in expected:
        like = next((other for other in left if _is_like(row, other)), None)
        if like is None:
            said.append(f"no {what} {_words(row)}")
        else:
            left.remove(like)
    return said + [f"unexpected {what} {_words(row)}" for row in left]


def _is_like(expected: Row, found: Row) -> bool:
    """Whether a found row has all the values of an expected one."""
    return all(name in found and _plain(found[name]) == _plain(value, found[name]) for name, value in expected.items())


def _plain(value: object, like: object = None) -> object:
    """A value so that equal ones are equal: numbers by value, dates and instants as ISO text, instants in UTC."""
    if isinstance(value, str) and isinstance(like, datetime):
        read = datetime.fromisoformat(value)
        return _plain(read if read.tzinfo or not like.tzinfo else read.replace(tzinfo=UTC))
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Decimal(str(value))
    return value


def _words(row: Row) -> str:
    """A row as a person reads it, without Lockgate's own columns."""
    shown = {name: _plain(value) for name, value in row.items() if not name.startswith("_")}
    return "{" + ", ".join(f"{name}: {'null' if value is None else value}" for name, value in shown.items()) + "}"
