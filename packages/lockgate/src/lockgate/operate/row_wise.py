"""Whether each row of a query's output rests on rows of one key alone, so that those of other keys may stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, ScopeType, find_all_in_scope, traverse_scope

from lockgate.operate.relations import node_of, volatile

# A stream and a column of its key.
Key: TypeAlias = tuple[str, str]


class TooWide(Exception):
    """A query whose rows rest on others, and why."""


@dataclass(frozen=True, slots=True)
class Passing:
    """What a relation passes on: which columns are columns of a stream's key, as they are, and all keys beneath.

    `is_keyed` says that rows of one key were put together, so that a new row changes all that is there of its key.
    """

    columns: Mapping[str, Key]
    keys: frozenset[Key]
    is_keyed: bool = False

    def has(self, names: Iterable[str]) -> bool:
        """Whether these columns hold every key beneath."""
        return bool(self.keys) and self.keys <= {self.columns[name] for name in names if name in self.columns}


def passing(tree: exp.Query, sources: Callable[[str], Passing]) -> Passing:
    """What a query passes on; `sources` gives that of a node.

    Raises:
        TooWide: rows of its output rest on rows of other keys, or on what is not known.
    """
    unknown = sorted({each.name.lower() for each in tree.find_all(exp.Anonymous)} | set(volatile(tree)))
    if unknown:
        raise TooWide(f"it calls {unknown[0]}(), which may answer otherwise for a row that has not changed")
    found: dict[int, Passing] = {}
    for scope in traverse_scope(tree):
        found[id(scope.expression)] = _scope(scope, found, sources)
    if id(tree) not in found:
        raise TooWide("it is no plain query")
    return found[id(tree)]


def _scope(scope: Scope, found: Mapping[int, Passing], sources: Callable[[str], Passing]) -> Passing:
    expression = scope.expression
    if scope.scope_type is ScopeType.SUBQUERY:
        raise TooWide("a query inside of an expression looks at other rows")
    if isinstance(expression, exp.Select):
        return _select(expression, _source(scope, found, sources))
    if isinstance(expression, exp.Union) and not expression.args.get("distinct"):
        _refuse_limits(expression)
        left, right = (_of(found, one) for one in scope.set_operation_scopes)
        return _together(left, right)
    raise TooWide(f"it is made by {expression.key.upper()}")


def _source(scope: Scope, found: Mapping[int, Passing], sources: Callable[[str], Passing]) -> Passing:
    """What the only relation that a SELECT reads passes on."""
    names = [name for name, _ in scope.references]
    if len(names) != 1 or scope.expression.args.get("joins") or scope.expression.args.get("laterals"):
        what = f"it joins {', '.join(sorted(names)[1:])}" if len(names) > 1 else "it reads no relation"
        raise TooWide(f"{what}, of which other rows may change" if len(names) > 1 else what)
    source = scope.sources[names[0]]
    if isinstance(source, Scope):
        return _of(found, source)
    for name in ("pivots", "sample", "laterals"):
        if source.args.get(name):
            raise TooWide(f"it reads {node_of(source) or source.name} by {name.removesuffix('s').upper()}")
    if not node_of(source):
        raise TooWide(f"it reads {source.name or 'a function'}, which is no node")
    return sources(node_of(source))


def _of(found: Mapping[int, Passing], scope: Scope) -> Passing:
    if id(scope.expression) not in found:
        raise TooWide("it reads itself")
    return found[id(scope.expression)]


def _together(left: Passing, right: Passing) -> Passing:
    """What a UNION ALL passes on: columns that are the same key's on both sides."""
    both = {name: key for name, key in left.columns.items() if right.columns.get(name) == key}
    return Passing(both, left.keys | right.keys, left.is_keyed or right.is_keyed)


def _select(select: exp.Select, source: Passing) -> Passing:
    _refuse_limits(select)
    if select.args.get("distinct"):
        raise TooWide("DISTINCT looks at all rows")
    for window in find_all_in_scope(select, exp.Window):
        if window.alias or not source.has(_names(window.args.get("partition_by") or ())):
            raise TooWide("a window looks at rows of several keys")
        source = replace(source, is_keyed=True)
    return Passing(dict(_columns(select, source)), source.keys, source.is_keyed | _groups(select, source))


def _groups(select: exp.Select, source: Passing) -> bool:
    """Whether a SELECT puts rows of one key together.

    Raises:
        TooWide: it puts rows of several keys together.
    """
    group = select.args.get("group")
    if group is None:
        sums = (one for one in find_all_in_scope(select, exp.AggFunc) if not one.find_ancestor(exp.Window))
        if next(sums, None) is not None:
            raise TooWide("it puts all rows together")
        return False
    if any(group.args.get(name) for name in ("all", "cube", "grouping_sets", "rollup", "totals")):
        raise TooWide("its groups are of several keys")
    if not source.has(_names(_meant(one, select) for one in group.expressions)):
        raise TooWide("its groups are of several keys")
    return True


def _meant(expression: exp.Expr, select: exp.Select) -> exp.Expr:
    """What an expression of GROUP BY means: a number, or the name of an output column, is that column."""
    if isinstance(expression, exp.Literal) and expression.is_int:
        at = int(expression.name) - 1
        return select.selects[at].unalias() if 0 <= at < len(select.selects) else expression
    return expression


def _names(expressions: Iterable[exp.Expr]) -> Iterator[str]:
    return (one.name for one in expressions if isinstance(one, exp.Column))


def _columns(select: exp.Select, source: Passing) -> Iterator[tuple[str, Key]]:
    """The output columns that are key columns of the source as they are."""
    for each in select.selects:
        if isinstance(each, exp.Star) or (isinstance(each, exp.Column) and isinstance(each.this, exp.Star)):
            star = each if isinstance(each, exp.Star) else each.this
            changed = {
                one.output_name for name in ("except_", "replace", "rename") for one in star.args.get(name) or ()
            }
            yield from ((name, key) for name, key in source.columns.items() if name not in changed)
        else:
            inner = each.unalias()
            if isinstance(inner, exp.Column) and inner.name in source.columns:
                yield each.output_name, source.columns[inner.name]


def _refuse_limits(query: exp.Query) -> None:
    for name in ("limit", "offset", "fetch"):
        if query.args.get(name):
            raise TooWide(f"{name.upper()} looks at all rows")
