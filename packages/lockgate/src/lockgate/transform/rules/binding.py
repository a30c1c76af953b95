"""Checks a rule set against the columns it reads, and turns it into a program; all problems at once."""

from __future__ import annotations

from functools import lru_cache

from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN
from lockgate.errors import Problem, RuleSetInvalid
from lockgate.transform.rules.actions import ACTIONS
from lockgate.transform.rules.bench import Bench
from lockgate.transform.rules.language.reading import nearest
from lockgate.transform.rules.language.typed import Ref, fits
from lockgate.transform.rules.program import Catalog, Program
from lockgate.transform.rules.rule_set import EntityRows, RuleSet


def check_rule_set(rule_set: RuleSet, catalog: Catalog, contract: Contract | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with a rule set, sorted by line; nothing where it can run.

    With a contract, the output must have its columns, each of a type that the contract's holds without loss.
    """
    program, problems = bind(rule_set, catalog)
    if program is not None and contract is not None:
        problems += _against(program, contract)
    return tuple(sorted(problems, key=lambda problem: (problem.file, problem.line)))


def bound(rule_set: RuleSet, catalog: Catalog) -> Program:
    """The rule set's program.

    Raises:
        RuleSetInvalid: it has problems; all are named.
    """
    program, problems = bind(rule_set, catalog)
    if program is None:
        lines = "\n".join(str(problem) for problem in problems)
        raise RuleSetInvalid(f"the rules of {rule_set.entity} cannot run:\n{lines}", problems=problems)
    return program


@lru_cache(maxsize=256)
def bind(
    rule_set: RuleSet, catalog: Catalog, above: tuple[str, ...] = ()
) -> tuple[Program | None, tuple[Problem, ...]]:
    """The program, None where there are problems. `above` names the entities whose rules are just being bound."""
    bench = Bench(rule_set, catalog)
    if not _open(bench, above):
        return None, tuple(bench.problems)
    for rule in rule_set.rules:
        ACTIONS[type(rule.action)](bench, rule)
        bench.note(rule)
    _close(bench)
    return (None if bench.problems else bench.program()), tuple(bench.problems)


def _open(bench: Bench, above: tuple[str, ...]) -> bool:
    """Brings in the source's columns and the programs that are looked up; whether the rules can be read at all."""
    rule_set, catalog = bench.rule_set, bench.catalog
    columns = catalog.columns(rule_set.source)
    if columns is None:
        known = [str(relation) for relation, _ in catalog.relations]
        bench.report(
            rule_set.place, f"nothing is known of {rule_set.source}", nearest(str(rule_set.source), known, "source")
        )
        return False
    bench.begin(columns, tuple(column for column in columns if column.name in {LOAD_ID_COLUMN, POSITION_COLUMN}))
    for rule in rule_set.rules:
        rows = getattr(rule.action, "rows", None)
        if isinstance(rows, EntityRows) and rows.entity not in bench.looked_up:
            bench.looked_up[rows.entity] = _other(bench, rows.entity, rule.place.line, (*above, rule_set.entity))
    return True


def _other(bench: Bench, entity: str, line: int, above: tuple[str, ...]) -> Program | None:
    """The program of another entity; None, with a problem noted, where it has none."""
    other = bench.catalog.rule_set(entity)
    message, remedy = "", ""
    if other is None:
        known = [rule_set.entity for rule_set in bench.catalog.rule_sets if rule_set.entity != bench.rule_set.entity]
        message, remedy = f"there are no rules for the entity {entity!r}", nearest(entity, known, "other rule set")
    elif entity in above:
        message = f"{' looks up '.join((*above[above.index(entity) :], entity))}: a circle"
    else:
        program, problems = bind(other, bench.catalog, above)
        if program is not None:
            return program
        message = f"the rules of {entity} have problems of their own, the first: {problems[0]}"
    bench.problems.append(Problem(message, bench.rule_set.place.file, line, remedy))
    return None


def _close(bench: Bench) -> None:
    """Notes output columns that are not there, or stand twice."""
    seen: set[str] = set()
    for name in bench.rule_set.output:
        if name in seen:
            bench.report(bench.rule_set.output_place, f"the output names {name!r} twice")
        elif name not in bench.scope:
            hint = nearest(name, sorted(bench.scope), "column")
            bench.report(bench.rule_set.output_place, f"there is no column {name!r} after the last rule", hint)
        seen.add(name)


def _against(program: Program, contract: Contract) -> tuple[Problem, ...]:
    """What keeps an output from its contract."""
    place, types = program.rule_set.output_place, dict(program.output)
    found = [
        place.problem(
            f"the contract has a column {name!r} that the output has not", nearest(name, list(types), "column")
        )
        for name in contract.names
        if name not in types
    ]
    found += [
        place.problem(f"the output has a column {name!r} that the contract has not", "Take it out of one of them.")
        for name in types
        if name not in contract.names
    ]
    found += [problem for column in contract.columns if (problem := _misfit(program, types.get(column.name), column))]
    return tuple(found)


def _misfit(program: Program, ref: Ref | None, column: Column) -> Problem | None:
    """The problem with an output column whose type the contract's does not hold."""
    if ref is None or fits(ref.type, column.type):
        return None
    message = f"{column.name!r} is {ref.type}, which does not always fit the contract's {column.type}"
    remedy = "Add a cast rule: rows that do not fit are then rejected, with a reason."
    return program.rule_set.output_place.problem(message, remedy)


def source_relations(rule_set: RuleSet, catalog: Catalog, above: frozenset[str] = frozenset()) -> tuple[Relation, ...]:
    """Every raw relation that a rule set reads, through the rule sets that it looks up as well."""
    found = dict.fromkeys(rule_set.relations())
    for entity in rule_set.entities():
        other = catalog.rule_set(entity)
        if other is not None and entity not in above:
            found |= dict.fromkeys(source_relations(other, catalog, above | {rule_set.entity}))
    return tuple(found)
