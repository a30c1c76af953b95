"""Runs a rule set in a workshop: every row's outcome in one pass, then the rows that are right."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from sqlglot import exp

from lockgate.core.execution import Execution, RuleCount
from lockgate.core.ports import Workshop
from lockgate.core.relation import Relation
from lockgate.core.sql import column, table
from lockgate.transform.rules.binding import bound, source_relations
from lockgate.transform.rules.program import Catalog, Change, Program
from lockgate.transform.rules.query import OUTCOME, REASON, RULE, outcomes_query
from lockgate.transform.rules.rule_set import Outcome, RuleSet
from lockgate.transform.rules.weaver import BITS, changed_columns

OUTCOMES_SUFFIX = "__outcomes"
ROWS, CHANGED = "rows", "changed"


class RuleEngine:
    """Executes rule sets; `rule_sets` are all of the project's, which these may look up."""

    def __init__(self, rule_sets: Sequence[RuleSet] = ()) -> None:
        """Know the project's rule sets."""
        self._rule_sets = tuple(rule_sets)

    def execute(self, rule_set: RuleSet, workshop: Workshop, *, implementation: str = "rules") -> Execution:
        """Builds `<entity>__outcomes`, a row for every input row, and `<entity>`, the rows whose outcome is ok.

        Raises:
            RuleSetInvalid: the rules do not fit the columns that the workshop reads.
            StatementFailed: the database failed the query; what was built before stays.
        """
        started, read_before = perf_counter(), workshop.read_bytes()
        catalog = self.catalog(rule_set, workshop)
        outcomes = Relation(workshop.name, rule_set.entity + OUTCOMES_SUFFIX)
        workshop.build(outcomes.name, outcomes_query(rule_set, catalog, workshop.dialect).copy())
        rows = workshop.build(rule_set.entity, right_rows(rule_set, table(outcomes)))
        counts = _counts(bound(rule_set, catalog), outcomes, workshop)
        built = Relation(workshop.name, rule_set.entity)
        read = workshop.read_bytes()
        return Execution(
            rule_set.entity,
            implementation,
            built,
            rows,
            perf_counter() - started,
            counts,
            read_bytes=None if read is None else read - (read_before or 0),
        )

    def catalog(self, rule_set: RuleSet, workshop: Workshop) -> Catalog:
        """What the workshop knows of the relations that a rule set reads."""
        known = Catalog((), self._rule_sets)
        relations = source_relations(rule_set, known)
        columns = ((relation, workshop.columns(relation)) for relation in relations)
        return Catalog(tuple((relation, found) for relation, found in columns if found), self._rule_sets)


def right_rows(rule_set: RuleSet, outcomes: exp.Expr) -> exp.Select:
    """The output columns of the rows whose outcome is ok."""
    is_ok = exp.EQ(this=column(OUTCOME), expression=exp.Literal.string(Outcome.OK))
    return exp.select(*(column(name) for name in rule_set.output)).from_(outcomes).where(is_ok)


def _counts(program: Program, outcomes: Relation, workshop: Workshop) -> tuple[RuleCount, ...]:
    """How many rows each rule ended or changed, in the order of the rules; rules that met no row are left out."""
    ended, changed = _ended(outcomes, workshop), _changed(program, outcomes, workshop)
    found = []
    for rule in program.rule_set.rules:
        found += [count for count in ended if count.rule == rule.name]
        if changed.get(rule.name):
            found.append(RuleCount(rule.name, CHANGED, changed[rule.name]))
    return tuple(found)


def _ended(outcomes: Relation, workshop: Workshop) -> list[RuleCount]:
    """How many rows each rule ended, by outcome and reason."""
    by = [column(name) for name in (RULE, OUTCOME, REASON)]
    count = exp.alias_(exp.Count(this=exp.Star()), ROWS, quoted=True)
    is_ended = exp.NEQ(this=column(OUTCOME), expression=exp.Literal.string(Outcome.OK))
    query = exp.select(*by, count).from_(table(outcomes)).where(is_ended).group_by(*(name.copy() for name in by))
    rows = sorted(workshop.query(query).to_pylist(), key=lambda row: row[REASON])
    return [RuleCount(row[RULE], row[OUTCOME], row[ROWS], row[REASON]) for row in rows]


def _changed(program: Program, outcomes: Relation, workshop: Workshop) -> dict[str, int]:
    """How many rows each rule changed."""
    if not program.changes:
        return {}
    names = changed_columns(program)
    counts = [exp.alias_(exp.Count(this=_is_set(change, names)), f"bit_{change.bit}") for change in program.changes]
    [row] = workshop.query(exp.select(*counts).from_(table(outcomes))).to_pylist()
    return {change.rule: row[f"bit_{change.bit}"] for change in program.changes}


def _is_set(change: Change, names: Sequence[str]) -> exp.Case:
    """1 for the rows that a rule changed, else NULL."""
    bit = exp.Literal.number(1 << change.bit % BITS)
    both = exp.paren(exp.BitwiseAnd(this=column(names[change.bit // BITS]), expression=bit))
    test = exp.NEQ(this=both, expression=exp.Literal.number(0))
    return exp.Case(ifs=[exp.If(this=test, true=exp.Literal.number(1))])
