"""Lookups into other relations: at most one row of them for each of ours."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.core.relation import Relation
from lockgate.transform.rules.bench import BROKEN, Bench
from lockgate.transform.rules.constants import constant
from lockgate.transform.rules.language.reading import nearest
from lockgate.transform.rules.language.signatures import case, compare
from lockgate.transform.rules.language.typed import BOOLEAN, Call, Mismatch, Ref, Typed
from lockgate.transform.rules.program import Join, Program, Stand, Tap
from lockgate.transform.rules.rule_set import EntityRows, RowLookup, Rule, Value


def look_up_rows(bench: Bench, rule: Rule) -> None:
    """Bind a lookup: join the other rows, take columns from them, put defaults where none matches."""
    action = rule.action
    assert isinstance(action, RowLookup)  # noqa: S101  # the table of actions sends no other
    theirs = _their_columns(bench, rule, action.rows)
    on = _pairs(bench, rule, action, theirs)
    take = {ours: _their(bench, rule, name, theirs) for ours, name in action.take}
    order = [(_their(bench, rule, by.column, theirs), by) for by in action.order]
    if theirs is None or None in (*take.values(), *(ref for ref, _ in order)) or len(on) < len(action.on):
        bench.scope |= {ours: BROKEN for ours, _ in action.take}
        return
    versions = {ours: Ref(bench.version(ours), ref.type) for ours, ref in take.items() if ref is not None}
    join = Join(
        name=bench.version(rule.name),
        rows=_rows(bench, action.rows),
        on=tuple(on),
        take=tuple((versions[ours].name, ref) for ours, ref in take.items() if ref is not None),
        order=tuple((ref, by) for ref, by in order if ref is not None),
        matched=bench.version(f"{rule.name} matched"),
        is_unique=_is_key(bench, action.rows, {their for _, their in on}),
    )
    bench.steps.append(join)
    defaults = dict(action.defaults)
    for ours, ref in versions.items():
        bench.replace(ours, _defaulted(bench, ref, join, defaults.get(ours)), rule)


def _their_columns(bench: Bench, rule: Rule, rows: Relation | EntityRows) -> Mapping[str, Ref] | None:
    """The columns of what is looked up; None, with a problem noted, where that is unknown."""
    if isinstance(rows, Relation):
        columns = bench.catalog.columns(rows)
        if columns is None:
            known = [str(relation) for relation, _ in bench.catalog.relations]
            bench.report(rule.place, f"nothing is known of {rows}", nearest(str(rows), known, "relation"))
        return None if columns is None else {c.name: Ref(c.name, c.type) for c in columns}
    program = bench.looked_up.get(rows.entity)
    if program is None:
        return None
    if rows.after is None:
        return dict(program.output)
    stand = _stand(program, rows.after)
    if stand is not None:
        return stand.scope
    names = [stand.rule.name for stand in program.stands]
    bench.report(rule.place, f"{rows.entity} has no rule {rows.after!r}", nearest(rows.after, names, "rule"))
    return None


def _pairs(bench: Bench, rule: Rule, action: RowLookup, theirs: Mapping[str, Ref] | None) -> list[tuple[Ref, Ref]]:
    """Our columns with theirs; pairs that have problems are left out."""
    found = []
    for our_name, their_name in action.on:
        ours, their = bench.column(our_name, rule.place), _their(bench, rule, their_name, theirs)
        if not isinstance(ours, Ref) or their is None:
            continue
        try:
            compare("equal", ours, their)
        except Mismatch as mismatch:
            bench.report(rule.place, f"{our_name} and {their_name}: {mismatch.message}", mismatch.remedy)
            continue
        found.append((ours, their))
    return found


def _their(bench: Bench, rule: Rule, name: str, theirs: Mapping[str, Ref] | None) -> Ref | None:
    """One of their columns; None, with a problem noted, where they have no such."""
    if theirs is None or name in theirs:
        return None if theirs is None else theirs[name]
    bench.report(rule.place, f"what is looked up has no column {name!r}", nearest(name, sorted(theirs), "column"))
    return None


def _rows(bench: Bench, rows: Relation | EntityRows) -> Relation | Tap:
    """What is joined."""
    if isinstance(rows, Relation):
        return rows
    program = bench.looked_up[rows.entity]
    assert program is not None  # noqa: S101  # its columns were found
    stand = _stand(program, rows.after)
    return Tap(program, stand.code if stand else 0)


def _stand(program: Program, after: str | None) -> Stand | None:
    """How things stand in a program after a rule; after the last where none is named."""
    named = [stand for stand in program.stands if after is None or stand.rule.name == after]
    return named[-1] if named else None


def _is_key(bench: Bench, rows: Relation | EntityRows, columns: set[Ref]) -> bool:
    """Whether the rules that were looked up left at most one row for each value of these columns."""
    program = bench.looked_up[rows.entity] if isinstance(rows, EntityRows) else None
    stand = _stand(program, rows.after) if program is not None and isinstance(rows, EntityRows) else None
    return stand is not None and bool(stand.key) and set(stand.key) <= columns


def _defaulted(bench: Bench, taken: Ref, join: Join, default: Value | None) -> Typed:
    """What was taken, or the default where nothing matched."""
    if default is None:
        return taken
    matched = Ref(join.matched, BOOLEAN)
    try:
        return case([(Call("is_null", (matched,), BOOLEAN), constant(default.value, taken.type))], taken)
    except Mismatch as mismatch:
        bench.report(default.place, mismatch.message, mismatch.remedy)
        return BROKEN
