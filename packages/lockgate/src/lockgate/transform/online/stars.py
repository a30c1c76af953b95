"""Stars written out, for engines that have no word to leave one column out of a star, as a record's number must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from lockgate.core.relation import Column, Relation

# Whose stars can leave a column out.
_LEAVE_OUT = frozenset({"duckdb"})
_Names = tuple[str, ...]


def without_stars(query: exp.Query, columns: Mapping[Relation, Sequence[Column]], dialect: str) -> exp.Query:
    """The query with its stars written out where all that they stand for is known; others stay.

    `columns` has those of the relations that it reads. Names that are not quoted are lower case.
    """
    if dialect in _LEAVE_OUT:
        return query
    query = query.copy()
    known: dict[int, _Names] = {}
    for scope in traverse_scope(query):
        expression = scope.expression
        if isinstance(expression, exp.Select):
            _write_out(expression, dict(_sources(scope, columns, known)))
            names = _names_of(expression)
        elif isinstance(expression, exp.SetOperation):
            names = known.get(id(scope.set_operation_scopes[0]))
        else:
            names = None
        if names is not None:
            known[id(scope)] = names
    return query


def _sources(
    scope: Scope, columns: Mapping[Relation, Sequence[Column]], known: Mapping[int, _Names]
) -> Iterator[tuple[str, _Names | None]]:
    """What a SELECT reads, in order, with the names of its columns where they are known."""
    select = scope.expression
    read = [one.this for one in (select.args.get("from_"), *select.args.get("joins", ())) if one is not None]
    for one in read:
        alias, origin = one.args.get("alias"), scope.sources.get(one.alias_or_name)
        if alias is not None and alias.args.get("columns"):
            yield one.alias_or_name, None
        elif isinstance(origin, exp.Table) and isinstance(origin.this, exp.Identifier):
            own = columns.get(Relation(origin.db, origin.name))
            yield one.alias_or_name, None if own is None else tuple(column.name for column in own)
        else:
            yield one.alias_or_name, known.get(id(origin))


def _write_out(select: exp.Select, sources: Mapping[str, _Names | None]) -> None:
    """Puts columns in the place of stars."""
    joins = select.args.get("joins", ())
    is_merged = select.args.get("laterals") or any(one.args.get("using") or one.method for one in joins)
    written: list[exp.Expr] = []
    for projection in select.expressions:
        star = projection.this if isinstance(projection, exp.Column) else projection
        table = projection.text("table") if isinstance(projection, exp.Column) else ""
        read = [table] if table else list(sources)
        is_known = all(sources.get(one) is not None for one in read) and (table or not is_merged)
        if not isinstance(star, exp.Star) or any(star.args.values()) or not is_known:
            written.append(projection)
            continue
        written += [exp.column(name, table=one, quoted=True) for one in read for name in sources[one] or ()]
    select.set("expressions", written)


def _names_of(select: exp.Select) -> _Names | None:
    """The names of what a SELECT gives; None where one is not plainly said."""
    names = []
    for projection in select.expressions:
        named = projection.args.get("alias") if isinstance(projection, exp.Alias) else projection.this
        if not isinstance(projection, exp.Alias | exp.Column) or not isinstance(named, exp.Identifier):
            return None
        names.append(named.name if named.quoted else named.name.lower())
    return tuple(names)
