"""A rule set made ready for records of many requests: compiled once, with what it looks up computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import pyarrow as pa
from sqlglot import exp

from lockgate.core.ports import Memory
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN
from lockgate.core.types import ColumnType, Kind
from lockgate.transform.rules.binding import source_relations
from lockgate.transform.rules.program import Catalog
from lockgate.transform.rules.record_values import readable
from lockgate.transform.rules.records import (
    Record,
    cast_rows,
    context_rows,
    own_columns,
    plain_text,
    query_in_memory,
    rejected_rows,
)
from lockgate.transform.rules.rule_set import Deduplicate, RowLookup, RuleSet

# Records of one load meet each other in the rules, those of two do not: so a request is a load.
_ORIGIN = (Column(LOAD_ID_COLUMN, ColumnType(Kind.BIGINT)), Column(POSITION_COLUMN, ColumnType(Kind.BIGINT)))


class RecordProgram:
    """Gives what `transform_records` gives, for several requests in one query. Several threads may use it.

    It holds for the catalog and the context that it was made of.
    """

    def __init__(
        self, rule_set: RuleSet, memory: Memory, *, catalog: Catalog, context: Mapping[Relation, pa.Table]
    ) -> None:
        """Compiles the rules, and keeps in `memory` what they look up: it is this program's alone.

        Raises:
            RuleSetInvalid: the rules do not fit the catalog, or a relation that they read is not in `context`.
        """
        self._memory = memory
        self._source = str(rule_set.source)
        self._columns = own_columns(rule_set.source, catalog)
        self.is_apart = keeps_apart(rule_set, catalog)
        self.is_alone = stand_alone(rule_set, catalog)
        query = query_in_memory(rule_set, _with_origin(rule_set, catalog), memory.dialect)
        others = [relation for relation in source_relations(rule_set, catalog) if relation != rule_set.source]
        rows = {str(relation): context_rows(relation, catalog, context) for relation in others}
        moving = _moving(query, self._source)
        self._keep(query, moving, rows)
        if self.is_apart:
            _part(query, moving)
        self._tables = {name: table for name, table in rows.items() if name in _read(query)}
        self._sql = query.sql(memory.dialect, comments=False)

    def outcomes(self, requests: Sequence[Sequence[Record]]) -> list[pa.Table]:
        """The outcomes of each request's records, as `transform_records` gives them, but for the numbers of rows.

        Raises:
            StatementFailed: the query failed, for some request or other.
        """
        assert self.is_apart or len(requests) == 1  # noqa: S101  else records of one change those of another
        records = list(chain.from_iterable(requests))
        good, bad = readable(records, self._columns)
        numbers = [number for number, request in enumerate(requests) for _ in request]
        origin = pa.array([numbers[row - 1] for row in good[POSITION_COLUMN].to_pylist()], pa.int64())
        rows = cast_rows(good, self._columns).append_column(LOAD_ID_COLUMN, origin)
        rows = rows.append_column(POSITION_COLUMN, good[POSITION_COLUMN])
        found = plain_text(self._memory.query(self._sql, {**self._tables, self._source: rows}))
        if bad:
            found = pa.concat_tables([found, rejected_rows(bad, found.schema)])
        found = found.sort_by(POSITION_COLUMN).drop_columns([LOAD_ID_COLUMN])
        return _sliced(found, [len(request) for request in requests])

    def _keep(self, query: exp.Select, moving: frozenset[str], rows: Mapping[str, pa.Table]) -> None:
        """Computes what does not depend on the records, and takes it out of the query."""
        clause = query.args["with_"]
        fixed = [cte for cte in clause.expressions if cte.alias not in moving]
        for cte in fixed:
            if cte.alias in _read(query, but=fixed):
                wanted = exp.select("*").from_(exp.to_table(cte.alias))
                for each in fixed:
                    wanted = wanted.with_(each.alias, each.this.copy(), copy=False)
                self._memory.keep(cte.alias, wanted.sql(self._memory.dialect, comments=False), rows)
        clause.set("expressions", [cte for cte in clause.expressions if cte.alias in moving])


def keeps_apart(rule_set: RuleSet, catalog: Catalog) -> bool:
    """Whether the records of one request cannot change those of another: none is looked up by the rules."""
    if any(isinstance(rule.action, RowLookup) and rule.action.rows == rule_set.source for rule in rule_set.rules):
        return False
    others = (catalog.rule_set(name) for name in rule_set.entities())
    return all(other is None or rule_set.source not in source_relations(other, catalog) for other in others)


def stand_alone(rule_set: RuleSet, catalog: Catalog) -> bool:
    """Whether a record's outcome depends on no other record: none is a duplicate of another, none is looked up."""
    if any(isinstance(rule.action, Deduplicate) for rule in rule_set.rules):
        return False
    return keeps_apart(rule_set, catalog)


def _with_origin(rule_set: RuleSet, catalog: Catalog) -> Catalog:
    """The catalog in which the source's rows alone say where they come from."""
    own = ((relation, own_columns(relation, catalog)) for relation, _ in catalog.relations)
    relations = ((r, (*columns, *_ORIGIN) if r == rule_set.source else columns) for r, columns in own)
    return Catalog(tuple(relations), catalog.rule_sets)


def _moving(query: exp.Select, source: str) -> frozenset[str]:
    """The named SELECTs of a query that depend on the rows of the source."""
    found = {source}
    for cte in query.args["with_"].expressions:
        if any(read.name in found for read in cte.this.find_all(exp.Table)):
            found.add(cte.alias)
    return frozenset(found)


def _read(query: exp.Select, but: Sequence[exp.Expr] = ()) -> frozenset[str]:
    """The names that a query reads; what the named SELECTs in `but` read does not count."""
    left = {id(read) for cte in but for read in cte.find_all(exp.Table)}
    return frozenset(read.name for read in query.find_all(exp.Table) if id(read) not in left)


def _part(query: exp.Select, moving: frozenset[str]) -> None:
    """Lets every window see the rows of one request alone."""
    for cte in query.args["with_"].expressions:
        for window in cte.find_all(exp.Window) if cte.alias in moving else ():
            window.append("partition_by", column(LOAD_ID_COLUMN))


def _sliced(rows: pa.Table, lengths: Sequence[int]) -> list[pa.Table]:
    found, begin = [], 0
    for length in lengths:
        found.append(rows.slice(begin, length))
        begin += length
    return found
