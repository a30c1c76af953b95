"""Queries of GoogleSQL as DuckDB has to be asked for them: names become those of DuckDB, scope by scope."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from lockgate.sandbox.bigquery_api.catalog import Table
from lockgate.sandbox.bigquery_api.fields import quoted, stored
from lockgate.sandbox.bigquery_api.names import Names
from lockgate.sandbox.bigquery_api.operators import Operators, typed_null
from lockgate.sandbox.bigquery_api.refusals import bad_query, unknown
from lockgate.sandbox.bigquery_api.scopes import Columns, Scope, position
from lockgate.sandbox.bigquery_api.scripts import Plain, script

_CLAUSES = ("where", "group", "having", "qualify", "windows", "order")
_SELECT = frozenset({"expressions", "from_", "joins", "with_", "distinct", "limit", "offset", "hint", *_CLAUSES})
_DEEPEST = 16
DUCK = "duck"


class Planner:
    """Makes trees of GoogleSQL into trees of DuckDB, in place, and tells the columns of what they answer."""

    def __init__(
        self, names: Names, describe: Callable[[str], Columns], values: Mapping[str, exp.Expr], *, depth: int = 0
    ) -> None:
        """Tables come from `names`, types from `describe`, parameters and variables are `values`."""
        self._names = names
        self._describe = describe
        self._values = values
        self._depth = depth
        self._operators = Operators(describe)
        self.read: list[Table] = []

    # --- queries --------------------------------------------------------------------------------------------------

    def query(self, node: exp.Expr, around: Scope | None = None) -> Columns:
        """The columns of a query, which is made into DuckDB's.

        Raises:
            Refusal: it names what is not there, or what the stand-in does not know.
        """
        scope = Scope(around)
        self._named(node, scope)
        if isinstance(node, exp.Subquery):
            self._refuse_others(node, {"this", "alias", "with_", "order", "limit", "offset"})
            columns = self.query(node.this, scope)
            scope.aliases = {name.casefold(): kind for name, kind in columns}
            self._clauses(node, scope, ("order",))
            return columns
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, scope)
        if isinstance(node, exp.Select):
            return self._select(node, scope)
        raise unknown(f"a query of the form {type(node).__name__}")

    def _named(self, node: exp.Expr, scope: Scope) -> None:
        given = node.args.get("with_")
        if given is None:
            return
        if given.args.get("recursive"):
            raise unknown("WITH RECURSIVE")
        for each in given.expressions:
            columns = self.query(each.this, scope)
            scope.named[each.alias.casefold()] = columns

    def _set_operation(self, node: exp.SetOperation, scope: Scope) -> Columns:
        self._refuse_others(node, {"this", "expression", "with_", "distinct", "order", "limit", "offset"})
        left, right = self.query(node.this, scope), self.query(node.expression, scope)
        if len(left) != len(right):
            said = f"Queries in {node.key.upper()} have mismatched column count"
            raise bad_query(f"{said}; query 1 has {len(left)} columns, query 2 has {len(right)} columns")
        kinds = []
        for number, ((name, one), (_, other)) in enumerate(zip(left, right, strict=True), 1):
            kinds.append((name, self._operators.common([one, other], f"column {number} in {node.key.upper()}")))
        scope.aliases = {name.casefold(): kind for name, kind in kinds}
        self._clauses(node, scope, ("order",))
        return kinds

    def _select(self, node: exp.Select, scope: Scope) -> Columns:
        self._refuse_others(node, _SELECT)
        if node.args.get("from_"):
            self.source(node.args["from_"].this, scope)
        for join in node.args.get("joins") or ():
            self.source(join.this, scope)
            if join.args.get("on"):
                join.set("on", self.condition(join.args["on"], scope))
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            raise unknown("DISTINCT ON")
        columns = self._projections(node, scope)
        scope.aliases = {name.casefold(): kind for name, kind in columns}
        self._clauses(node, scope, _CLAUSES)
        return columns

    def _projections(self, node: exp.Select, scope: Scope) -> Columns:
        columns: Columns = []
        aliases, scope.aliases = scope.aliases, {}
        unnamed = 0
        for each in list(node.expressions):
            if isinstance(each, exp.Star) or (isinstance(each, exp.Column) and isinstance(each.this, exp.Star)):
                columns += self._star(each, node, scope)
                continue
            name = each.alias or _name(each)
            if not name:
                name, unnamed = f"f{unnamed}_", unnamed + 1
            inner = each.this if isinstance(each, exp.Alias) else each
            lowered = self.expression(inner.copy(), scope)
            columns.append((name, self._operators.type_of(lowered)))
            each.replace(exp.alias_(lowered, name, quoted=True))
        scope.aliases = aliases
        return columns

    def _star(self, node: exp.Expr, select: exp.Select, scope: Scope) -> Columns:
        star = node if isinstance(node, exp.Star) else node.this
        alias = node.text("table")
        sources = [scope.names_of(alias)] if alias else list(scope.sources.values())
        shared = {
            name.name.casefold() for join in select.args.get("joins") or () for name in join.args.get("using") or ()
        }
        left = {each.name.casefold() for each in star.args.get("except_") or ()}
        other = {}
        for each in star.args.get("replace") or ():
            lowered = self.expression(each.this.copy(), scope)
            other[each.alias.casefold()] = self._operators.type_of(lowered)
            each.this.replace(lowered)
        found: Columns = []
        for columns in sources:
            for name, kind in columns:
                known = {each.casefold() for each, _ in found}
                if name.casefold() not in left and not (name.casefold() in shared and name.casefold() in known):
                    found.append((name, other.get(name.casefold(), kind)))
        if not found:
            raise bad_query("SELECT * would have no columns")
        return found

    def _clauses(self, node: exp.Expr, scope: Scope, clauses: tuple[str, ...]) -> None:
        for name in clauses:
            clause = node.args.get(name)
            for each in clause if isinstance(clause, list) else [clause]:
                if isinstance(each, exp.Where | exp.Having | exp.Qualify):
                    each.set("this", self.condition(each.this, scope))
                elif each is not None:
                    self._parts(each, scope)

    def _parts(self, node: exp.Expr, scope: Scope) -> None:
        """Each expression of GROUP BY, ORDER BY or WINDOW; whole numbers there are places of columns."""
        for child in list(node.iter_expressions()):
            if isinstance(child, exp.Ordered | exp.Order | exp.PartitionedByProperty | exp.Rollup | exp.Cube):
                self._parts(child, scope)
            elif not (isinstance(child, exp.Literal) and child.is_int) and not isinstance(child, exp.WindowSpec):
                child.replace(self.expression(child.copy(), scope))

    # --- sources --------------------------------------------------------------------------------------------------

    def source(self, node: exp.Expr, scope: Scope) -> None:
        """Makes what stands in FROM into DuckDB's, and adds it to the scope.

        Raises:
            Refusal: there is none such, or the stand-in does not know it.
        """
        if isinstance(node, exp.Table):
            self.table(node, scope)
        elif isinstance(node, exp.Unnest):
            self._unnest(node, scope)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            self._refuse_others(node, {"this", "alias", "with_", "order", "limit", "offset"})
            scope.add(node.alias or f"_query{len(scope.sources)}", self._derived(node, scope))
        else:
            raise unknown(f"{type(node).__name__.upper()} in FROM")

    def _derived(self, node: exp.Subquery, scope: Scope) -> Columns:
        """A query in FROM sees the names of WITH, and what is around, not its neighbours."""
        beside = Scope(scope.around)
        beside.named = scope.named
        return self.query(node.this, beside)

    def table(self, node: exp.Table, scope: Scope) -> Table | None:
        """Makes a table's name into DuckDB's and adds it as a source; the table, where it is one that keeps rows.

        Raises:
            Refusal: there is none such.
        """
        self._refuse_others(node, {"this", "db", "catalog", "alias"})
        alias = node.alias or node.name
        named = None if node.db else scope.with_name(node.name)
        if named is not None:
            scope.add(alias, named)
            return None
        if node.db and node.db.casefold() in scope.sources and not node.catalog:
            raise unknown(f"the array {node.db}.{node.name} in FROM without UNNEST")
        found = self._names.found(node)
        if isinstance(found, exp.Query):
            columns = self._describe(found.sql("duckdb"))
            node.replace(exp.Subquery(this=found, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True))))
            scope.add(alias.rpartition(".")[2], columns)
            return None
        self.read.append(found)
        if found.is_view:
            columns = self.view(node, found, alias)
        else:
            columns = [(each["name"], stored(each)) for each in found.fields]
            node.replace(exp.table_(found.physical, alias=exp.to_identifier(alias, quoted=True)))
        scope.add(alias, columns)
        return found

    def view(self, node: exp.Table, view: Table, alias: str) -> Columns:
        """Puts the query of a view in the place of its name.

        Raises:
            Refusal: it cannot be run, or views stand too deep in each other.
        """
        if self._depth >= _DEEPEST:
            raise bad_query(f"Exceeded the maximum depth of {_DEEPEST} nested views")
        (statement,) = script(view.query)
        if not isinstance(statement, Plain):
            raise bad_query(f"The query of the view {view.full_name} is none")
        inner = Planner(self._names.of_view(view), self._describe, {}, depth=self._depth + 1)
        columns = inner.query(statement.tree)
        self.read += inner.read
        node.replace(
            exp.Subquery(this=statement.tree, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
        )
        return columns

    def _unnest(self, node: exp.Unnest, scope: Scope) -> None:
        (given,) = node.expressions
        array = self.expression(given.copy(), scope)
        kind = self._operators.type_of(array)
        if not kind.endswith("[]"):
            raise bad_query(f"Values referenced in UNNEST must be arrays{position(given)}")
        table = node.args.get("alias")
        alias = (table.columns[0].name if table and table.columns else table.name if table else "") or "_unnest"
        columns = [(alias, kind[:-2])]
        written = array.sql("duckdb")
        chosen = f"UNNEST({written}) AS {quoted(alias)}"
        offset = node.args.get("offset")
        if offset:
            name = offset.name if isinstance(offset, exp.Identifier) else "offset"
            chosen += f", UNNEST(range(len({written}))) AS {quoted(name)}"
            columns.append((name, "BIGINT"))
        made: exp.Expr = exp.maybe_parse(f"SELECT {chosen}", dialect="duckdb")
        hidden = f"_unnest{len(scope.sources)}"
        if kind.startswith("STRUCT"):
            made, columns = self._of_structs(made, alias, kind[:-2], columns)
            hidden = alias
        node.replace(exp.Subquery(this=made, alias=exp.TableAlias(this=exp.to_identifier(hidden, quoted=True))))
        scope.add(hidden, columns)

    def _of_structs(self, made: exp.Expr, alias: str, kind: str, columns: Columns) -> tuple[exp.Expr, Columns]:
        """The parts of structs are columns beside the struct itself, which is known by the alias."""
        parts = self._describe(f"SELECT UNNEST({typed_null(kind).sql('duckdb')})")
        chosen: list[exp.Expr] = [exp.column(name, quoted=True) for name, _ in columns[1:]]
        chosen += [
            exp.alias_(
                exp.Dot(this=exp.column(alias, quoted=True), expression=exp.to_identifier(name, quoted=True)),
                name,
                quoted=True,
            )
            for name, _ in parts
        ]
        given = exp.Subquery(this=made, alias=exp.TableAlias(this=exp.to_identifier("_given")))
        return exp.select(*chosen).from_(given), [*columns[1:], *parts]

    # --- expressions ----------------------------------------------------------------------------------------------

    def condition(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        """An expression that must be a BOOL, made into DuckDB's.

        Raises:
            Refusal: it is none.
        """
        lowered = self.expression(node.copy(), scope)
        self._operators.refuse_unless_bool(lowered, node)
        return lowered

    def expression(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        """An expression made into DuckDB's.

        Raises:
            Refusal: it names what is not there, or what the stand-in does not know.
        """
        if isinstance(node, exp.Column):
            return self._column(node, scope)
        if isinstance(node, exp.Subquery | exp.Exists | exp.In) or (
            isinstance(node, exp.Array) and node.expressions and isinstance(node.expressions[0], exp.Query)
        ):
            return self._of_query(node, scope)
        if isinstance(node, exp.Parameter | exp.Placeholder):
            return self._parameter(node)
        if (
            isinstance(node, exp.Dot)
            and isinstance(node.this, exp.Parameter)
            and isinstance(node.this.this, exp.Parameter)
        ):
            return self._parameter(node)
        for child in list(node.iter_expressions()):
            if isinstance(child, exp.DataType | exp.Identifier | exp.Var | exp.WindowSpec):
                continue
            if self._operators.is_part(node, child):
                continue
            child.replace(self.expression(child.copy(), scope))
        return self._operators.lowered(node)

    def _column(self, node: exp.Column, scope: Scope) -> exp.Expr:
        if isinstance(node.this, exp.Star):
            raise bad_query(f"Star is not allowed here{position(node)}")
        if not node.table and not scope.has_column(node.name):
            given = self._values.get(node.name.casefold())
            if given is not None:
                return given.copy()
        if node.args.get("db") is not None:
            raise unknown(f"the path {node.sql('bigquery')}")
        kind = scope.type_of(node)
        if kind is None and node.table:
            whole = scope.type_of(exp.column(node.table))
            if whole and whole.startswith("STRUCT"):
                inner = exp.Dot(this=typed_null(whole), expression=exp.to_identifier(node.name, quoted=True))
                kind = self._describe(f"SELECT {inner.sql('duckdb')}")[0][1]
        if kind is None:
            raise bad_query(f"Unrecognized name: {node.sql('bigquery')}{position(node)}")
        for part in node.parts:
            part.set("quoted", True)
        node.meta[DUCK] = kind
        return node

    def _of_query(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        """What is made of a query within an expression."""
        if isinstance(node, exp.In):
            return self._in(node, scope)
        query = node.expressions[0] if isinstance(node, exp.Array) else node.this
        columns = self.query(query, scope)
        if isinstance(node, exp.Exists):
            node.meta[DUCK] = "BOOLEAN"
            return node
        if len(columns) != 1:
            raise bad_query("Scalar subquery cannot have more than one column unless using SELECT AS STRUCT")
        kind = columns[0][1]
        node.meta[DUCK] = f"{kind}[]" if isinstance(node, exp.Array) else kind
        if isinstance(node, exp.Array):
            made: exp.Expr = exp.maybe_parse(f"coalesce(ARRAY({query.sql('duckdb')}), [])", dialect="duckdb")
            made.meta[DUCK] = f"{kind}[]"
            return made
        return node

    def _in(self, node: exp.In, scope: Scope) -> exp.Expr:
        node.set("this", self.expression(node.this.copy(), scope))
        if node.args.get("query"):
            inner = node.args["query"]
            columns = self.query(inner, scope)
            self._operators.refuse_incomparable(node.this, typed_null(columns[0][1]), "IN")
        elif node.args.get("unnest"):
            array = self.expression(node.args["unnest"].expressions[0].copy(), scope)
            made = exp.func("list_contains", array, node.this, dialect="duckdb")
            return exp.Paren(this=made)
        else:
            given = [self.expression(each.copy(), scope) for each in node.expressions]
            node.set("expressions", [self._operators.matched(node.this, each, "IN")[1] for each in given])
        node.meta[DUCK] = "BOOLEAN"
        return node

    def _parameter(self, node: exp.Expr) -> exp.Expr:
        name = f"@{node.name.casefold()}"
        if isinstance(node, exp.Dot) or isinstance(node.this, exp.Parameter):
            name = node.sql("bigquery").casefold().replace("`", "")
        if isinstance(node, exp.Placeholder):
            name = f"?{node.meta.get('place', 0)}"
        given = self._values.get(name)
        if given is None:
            raise bad_query(f"Query parameter {node.sql('bigquery')} not found")
        return given.copy()

    @staticmethod
    def _refuse_others(node: exp.Expr, known: set[str] | frozenset[str]) -> None:
        for name, value in node.args.items():
            if name not in known and value not in (None, [], False, ""):
                raise unknown(
                    f"{name.strip('_').upper()} in {type(node).__name__.upper()}: {node.sql('bigquery')[:80]}"
                )


def _name(node: exp.Expr) -> str:
    """The name that a column has without an alias."""
    if isinstance(node, exp.Column):
        return node.name
    return node.expression.name if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier) else ""
