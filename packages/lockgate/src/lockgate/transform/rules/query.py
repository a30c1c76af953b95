"""A program as ONE query: every input row with its output columns, its outcome, and which rules had a part in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlglot import exp

from lockgate.core.relation import Relation
from lockgate.core.sql import column, sql_type
from lockgate.core.types import Kind
from lockgate.errors import Problem, RuleSetInvalid
from lockgate.transform.rules.binding import bound
from lockgate.transform.rules.language.spark import VARIABLE, without_variables
from lockgate.transform.rules.language.typed import Ref
from lockgate.transform.rules.program import Catalog, Change
from lockgate.transform.rules.rule_set import Outcome, RuleSet
from lockgate.transform.rules.weaver import BITS, Weaver, changed_columns, is_null

OUTCOME, RULE, REASON = "_outcome", "_rule", "_reason"


@lru_cache(maxsize=256)
def outcomes_query(rule_set: RuleSet, catalog: Catalog, dialect: str) -> exp.Select:
    """The query for an engine; made once for the same rules, columns and engine. Do not change it.

    Raises:
        RuleSetInvalid: the rules have problems, or a function that the engine does not offer.
    """
    program = bound(rule_set, catalog)
    weaver = Weaver(program, dialect, rule_set.entity)
    wanted = [ref.name for _, ref in program.output] + [ref.name for ref in program.positions]
    extra = [name for name in (weaver.ended, *weaver.changed.values()) if name]
    layers, last = weaver.layers([*wanted, *extra])
    final = exp.select(*_final(weaver)).from_(last)
    for name, select in (*weaver.sides(), *layers):
        final = final.with_(name, select, copy=False)
    return _for_spark(final) if dialect == "spark" else final


def refusals(rule_set: RuleSet, catalog: Catalog, dialect: str) -> tuple[Problem, ...]:
    """What an engine does not offer of a rule set that is right in itself."""
    try:
        outcomes_query(rule_set, catalog, dialect)
    except RuleSetInvalid as refusal:
        problems = refusal.fields.get("problems")
        return problems if isinstance(problems, tuple) else (rule_set.place.problem(refusal.message, refusal.remedy),)
    return ()


def _for_spark(query: exp.Select) -> exp.Select:
    """The query without what Spark would put something else for.

    Raises:
        RuleSetInvalid: two of its columns are one to Spark, or a name is read as a variable.
    """
    names = [select.alias_or_name for select in query.selects]
    twice = sorted(name for name in names if [other.lower() for other in names].count(name.lower()) > 1)
    if twice:
        message = f"{' and '.join(twice)} are one column on spark, which does not tell letters' case"
        raise RuleSetInvalid(message, hint="Rename one of them.")
    if read := sorted(found.name for found in query.find_all(exp.Identifier) if VARIABLE in found.name):
        message = f"the name {read[0]!r} is not offered on spark, which puts in the value of a variable"
        raise RuleSetInvalid(message, hint="Rename it.")
    without_variables(query)
    return query


def _final(weaver: Weaver) -> list[exp.Expr]:
    """The columns of the result."""
    program = weaver.program
    output = [_output(name, ref, weaver.dialect) for name, ref in program.output]
    outcomes = [exp.alias_(value, name, quoted=True) for name, value in _outcome(weaver).items()]
    return [*output, *outcomes, *(column(ref.name) for ref in program.positions)]


def _output(name: str, ref: Ref, dialect: str) -> exp.Expr:
    """An output column; decimals in their very digits, which some expressions lose on PostgreSQL."""
    value = column(ref.name)
    if (
        ref.type.kind is Kind.NUMERIC and ref.type.precision is not None and dialect != "bigquery"
    ):  # its casts take no digits
        return exp.alias_(exp.cast(value, sql_type(ref.type)), name, quoted=True)
    return value if ref.name == name else exp.alias_(value, name, quoted=True)


def _outcome(weaver: Weaver) -> dict[str, exp.Expr]:
    """What became of the row, by which rule, why, and which rules changed it before."""
    endings, ended = weaver.program.endings, weaver.ended
    outcomes = tuple(dict.fromkeys([Outcome.OK.value, *(ending.outcome.value for ending in endings)]))
    found: dict[str, exp.Expr] = {OUTCOME: weaver.label(Outcome.OK, outcomes)}
    if ended is None:
        found |= {name: exp.cast(exp.null(), "text") for name in (RULE, REASON)}
    else:
        code = column(ended)
        other = weaver.labelled([ending.outcome for ending in endings], code, outcomes)
        found[OUTCOME] = exp.Case(ifs=[exp.If(this=is_null(code), true=found[OUTCOME])], default=other)
        found[RULE] = weaver.labelled([ending.rule for ending in endings], code)
        found[REASON] = weaver.labelled([ending.reason for ending in endings], code)
    for place, name in enumerate(changed_columns(weaver.program)):
        changes = [change for change in weaver.program.changes if change.bit // BITS == place]
        zero = exp.cast(exp.Literal.number(0), "bigint")
        found[name] = _masked(weaver, column(weaver.changed[name]), changes) if changes else zero
    return found


def _masked(weaver: Weaver, bits: exp.Expr, changes: Sequence[Change]) -> exp.Expr:
    """The bits of the rules that came before the one that ended the row."""
    if weaver.ended is None:
        return bits
    ended, whole = column(weaver.ended), sum(1 << change.bit % BITS for change in changes)
    masks = [sum(1 << c.bit % BITS for c in changes if c.after_code < e.code) for e in weaver.program.endings]
    if all(mask == whole for mask in masks):
        return bits
    both = exp.BitwiseAnd(this=bits, expression=weaver.numbered(masks, ended))
    return exp.Case(ifs=[exp.If(this=is_null(ended), true=bits.copy())], default=both)


def reads(query: exp.Expr) -> frozenset[Relation]:
    """The raw relations that a compiled query reads."""
    return frozenset(Relation(found.db, found.name) for found in query.find_all(exp.Table) if found.db)
