"""A dbt model made ready for records of many requests: joined once, with what does not rest on them computed once.

Order that the SQL does not determine, such as that of `row_number()` over values that tie, may come out otherwise here
than in a batch: it cannot be told by analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

import pyarrow as pa
from sqlglot import exp

from lockgate.core.ports import Memory
from lockgate.core.relation import Contract, Relation
from lockgate.core.stream import POSITION_COLUMN
from lockgate.transform.online.answering import ending
from lockgate.transform.online.asking import built_columns, checked_plan, marked_rows, refusals
from lockgate.transform.online.marking import MARK
from lockgate.transform.online.matching import Row, by_key, by_mark, outcome_schema, rows_alone
from lockgate.transform.online.model import OnlineModel
from lockgate.transform.online.plan import OnlinePlan, given, reads, with_parts
from lockgate.transform.online.refusal import refused
from lockgate.transform.rules.record_values import readable
from lockgate.transform.rules.records import Record, cast_rows, plain_text, rejected_rows

# How many different records of a request are asked alone at most: what is left is told by keys only.
MOST_ALONE = 200


class OnlineProgram:
    """Answers records as the model would, were they the rows of its source. Several threads may use it.

    Where each row rests on one record (`is_apart`, `is_alone`), requests are answered together in one query; else every
    request by itself. It holds for the graph, the columns and the context that it was made of.
    """

    def __init__(self, model: OnlineModel, memory: Memory, *, context: Mapping[Relation, pa.Table]) -> None:
        """Keeps in `memory`, which is this program's alone, what the model makes of `context`.

        Raises:
            NotOnline: the model does not answer records, or a relation that it reads is not in `context`.
        """
        for refusal in refusals(model, memory):
            raise refusal
        plan = checked_plan(model, memory)
        self.is_apart = self.is_alone = plan.key is None
        self._memory = memory
        self._contract = model.contract
        self._columns = model.columns[model.records]
        self._source = given(model.records)
        _keep(plan, memory, {given(one): rows for one, rows in _brought(plan, model, context).items()})
        moving = tuple(part for part in plan.parts if part.alias in plan.moving)
        none = {self._source: marked_rows(cast_rows(pa.table({}), self._columns), [])}
        end = ending(plan, model, built_columns(memory, plan, moving, none), memory.dialect)
        self.sql = with_parts(end.select, (*moving, *end.parts)).sql(memory.dialect, comments=False)

    def outcomes(self, requests: Sequence[Sequence[Record]]) -> list[pa.Table]:
        """The outcomes of each request's records, in their order: the contract's columns, `_outcome` and `_reason`.

        A record's outcome is `ok`, `rejected`, or `duplicate` of another one in its request.

        Raises:
            StatementFailed: the query failed, for some request or other.
        """
        if not self.is_apart:
            return [self._outcomes(request) for request in requests]
        found, begin = [], 0
        together = self._outcomes(list(chain.from_iterable(requests)))
        for request in requests:
            found.append(together.slice(begin, len(request)))
            begin += len(request)
        return found

    def _outcomes(self, records: Sequence[Record]) -> pa.Table:
        good, bad = readable(records, self._columns)
        positions = good[POSITION_COLUMN].to_pylist()
        schema = outcome_schema(self._contract)
        if not positions:
            return rejected_rows(bad, schema)
        rows = marked_rows(cast_rows(good, self._columns), positions)
        found = self._asked(rows)
        if self.is_apart:
            told = by_mark(found, positions, self._contract)
        else:
            told = by_key(found, positions, self._contract, _Alone(self._asked, self._contract, rows))
        return pa.concat_tables([told, rejected_rows(bad, schema)]).sort_by(POSITION_COLUMN) if bad else told

    def _asked(self, rows: pa.Table) -> pa.Table:
        return plain_text(self._memory.query(self.sql, {self._source: rows}))


class _Alone:
    """Records of a request asked alone, each value of a record once."""

    def __init__(self, ask: Callable[[pa.Table], pa.Table], contract: Contract, rows: pa.Table) -> None:
        self._ask = ask
        self._contract = contract
        self._rows = rows
        positions = rows[MARK].to_pylist()
        self._places = {position: place for place, position in enumerate(positions)}
        self._known: dict[str, Sequence[Row]] = {}

    def value(self, position: int) -> str:
        """What a record is, without its place."""
        row = self._rows.slice(self._places[position], 1).to_pylist()[0]
        return repr(list(row.values())[:-1])

    def rows(self, position: int) -> Sequence[Row]:
        """The rows that a record has alone; none beyond so many records."""
        value = self.value(position)
        if value not in self._known and len(self._known) < MOST_ALONE:
            found = self._ask(self._rows.slice(self._places[position], 1))
            self._known[value] = rows_alone(found, self._contract)
        return self._known.get(value, ())


def _brought(plan: OnlinePlan, model: OnlineModel, context: Mapping[Relation, pa.Table]) -> Mapping[Relation, pa.Table]:
    """The rows of what is looked up.

    Raises:
        NotOnline: some were not given.
    """
    wanted = {relation for relation in model.columns if str(relation) in {part.alias for part in plan.parts}}
    for relation in sorted(wanted - {model.records} - set(context)):
        raise refused(model.node, f"the rows of {relation} were not given", "Give them along with the model.")
    return {relation: context[relation] for relation in wanted - {model.records}}


def _keep(plan: OnlinePlan, memory: Memory, rows: Mapping[str, pa.Table]) -> None:
    """Computes what does not rest on records, as far as what does reads it."""
    fixed = [part for part in plan.parts if part.alias not in plan.moving]
    read = {name for part in plan.parts if part.alias in plan.moving for name in reads(part.this)}
    for part in fixed:
        if part.alias in read:
            every = exp.select("*").from_(exp.Table(this=exp.to_identifier(part.alias, quoted=True)))
            memory.keep(part.alias, with_parts(every, fixed).sql(memory.dialect, comments=False), rows)
