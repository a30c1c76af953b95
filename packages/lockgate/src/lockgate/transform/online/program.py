"""A dbt model made ready for records of many requests: joined once, with what does not rest on them computed once.

Order that the SQL does not determine, such as that of `row_number()` over values that tie, may come out otherwise here
than in a batch: it cannot be told by analysis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import pyarrow as pa
from sqlglot import exp

from lockgate.core.ports import Memory
from lockgate.core.relation import Relation
from lockgate.core.stream import POSITION_COLUMN
from lockgate.transform.online.alone import Alone
from lockgate.transform.online.answering import ending
from lockgate.transform.online.asking import built_columns, checked_plan, marked_rows, refusals
from lockgate.transform.online.matching import by_key, by_mark, outcome_schema
from lockgate.transform.online.model import OnlineModel
from lockgate.transform.online.plan import OnlinePlan, given, reads, with_parts
from lockgate.transform.online.refusal import refused
from lockgate.transform.rules.record_values import readable
from lockgate.transform.rules.records import Record, cast_rows, plain_text, rejected_rows


class OnlineProgram:
    """Answers records as the model would, were they the rows of its source. Several threads may use it.

    Where each row rests on one record (`is_alone`), or the records of a request can be kept to themselves (`is_apart`),
    requests are answered together in one query; else every request by itself. It holds for the graph, the columns and
    the context that it was made of.
    """

    def __init__(self, model: OnlineModel, memory: Memory, *, context: Mapping[Relation, pa.Table]) -> None:
        """Keeps in `memory`, which is this program's alone, what the model makes of `context`.

        Raises:
            NotOnline: the model does not answer records, or a relation that it reads is not in `context`.
        """
        for refusal in refusals(model, memory):
            raise refusal
        plan = checked_plan(model, memory)
        self.is_apart, self.is_alone = plan.is_apart, plan.key is None
        self._memory = memory
        self._contract = model.contract
        self._columns = model.columns[model.records]
        self._source = given(model.records)
        _keep(plan, memory, {given(one): rows for one, rows in _brought(plan, model, context).items()})
        self.sql = self._sql_of(plan, model)

    def outcomes(self, requests: Sequence[Sequence[Record]]) -> list[pa.Table]:
        """The outcomes of each request's records, in their order: the contract's columns, `_outcome` and `_reason`.

        A record's outcome is `ok`, `rejected`, or `duplicate` of another one in its request.

        Raises:
            StatementFailed: the query failed, for some request or other.
        """
        if not self.is_apart:
            return [self._outcomes([request]) for request in requests]
        found, begin = [], 0
        together = self._outcomes(requests)
        for request in requests:
            found.append(together.slice(begin, len(request)))
            begin += len(request)
        return found

    def _outcomes(self, requests: Sequence[Sequence[Record]]) -> pa.Table:
        good, bad = readable(list(chain.from_iterable(requests)), self._columns)
        numbers = [number for number, request in enumerate(requests) for _ in request]
        positions = good[POSITION_COLUMN].to_pylist()
        schema = outcome_schema(self._contract)
        if not positions:
            return rejected_rows(bad, schema)
        rows = marked_rows(cast_rows(good, self._columns), positions, [numbers[one - 1] for one in positions])
        found = self._asked(rows)
        if self.is_alone:
            told = by_mark(found, positions, self._contract)
        else:
            alone = Alone(rows, self._contract, self._asked, is_apart=self.is_apart)
            told = by_key(found, positions, self._contract, alone)
        return pa.concat_tables([told, rejected_rows(bad, schema)]).sort_by(POSITION_COLUMN) if bad else told

    def _asked(self, rows: pa.Table) -> pa.Table:
        return plain_text(self._memory.query(self.sql, {self._source: rows}))

    def _sql_of(self, plan: OnlinePlan, model: OnlineModel) -> str:
        """The query of each request, over what is kept and the records."""
        moving = tuple(part for part in plan.parts if part.alias in plan.moving)
        none = {self._source: marked_rows(cast_rows(pa.table({}), self._columns), [], [])}
        end = ending(plan, model, built_columns(self._memory, plan, moving, none), self._memory.dialect)
        return with_parts(end.select, (*moving, *end.parts)).sql(self._memory.dialect, comments=False)


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
