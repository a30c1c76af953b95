"""INSERT, UPDATE, DELETE, MERGE and TRUNCATE TABLE, on DuckDB.

Source: cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from lockgate.sandbox.bigquery_api.assigning import assigned
from lockgate.sandbox.bigquery_api.catalog import Table
from lockgate.sandbox.bigquery_api.engine import translated
from lockgate.sandbox.bigquery_api.fields import Field, stored
from lockgate.sandbox.bigquery_api.operators import Operators
from lockgate.sandbox.bigquery_api.planning import Planner
from lockgate.sandbox.bigquery_api.refusals import bad_query, unknown
from lockgate.sandbox.bigquery_api.scopes import Scope
from lockgate.sandbox.bigquery_api.sessions import Outcome, Session


class Change:
    """A statement that changes rows of one table."""

    def __init__(self, session: Session, tree: exp.Expr) -> None:
        """Not yet made; the tree becomes DuckDB's."""
        self._session = session
        self._tree = tree
        self._planner: Planner = session.planner()
        self._types = Operators(lambda sql: session.engine.describe(sql, session.cursor))

    def run(self, *, only_plan: bool = False) -> Outcome:
        """What it did; nothing where it is only planned.

        Raises:
            Refusal: it cannot be run, or comes into the way of another transaction.
        """
        tree = self._tree
        if isinstance(tree, exp.Insert):
            table, kind = self._insert(tree), "INSERT"
        elif isinstance(tree, exp.Update):
            table, kind = self._update(tree), "UPDATE"
        elif isinstance(tree, exp.Delete):
            table, kind = self._delete(tree), "DELETE"
        elif isinstance(tree, exp.Merge):
            table, kind = self._merge(tree), "MERGE"
        else:
            table, kind = self._truncate(tree), "TRUNCATE_TABLE"
        target = table.reference()
        if only_plan:
            return Outcome(kind, affected=0, target=target, read=(table,))
        affected = self._made(table, by_change=kind != "INSERT")
        counted = {"INSERT": "insertedRowCount", "UPDATE": "updatedRowCount"}.get(kind, "deletedRowCount")
        changes = {} if kind == "MERGE" else {counted: affected}
        return Outcome(kind, affected=affected, changes=changes, target=target, read=(table, *self._planner.read))

    def _made(self, table: Table, *, by_change: bool) -> int:
        session, engine = self._session, self._session.engine
        if by_change:
            engine.claim(table, session.transaction, session.is_over)
        with translated():
            found = session.cursor.execute(self._tree.sql("duckdb")).fetchone()
        if session.transaction is None:
            engine.moved(table, by_change=by_change)
        elif not by_change:
            session.transaction.added[table.physical] = table
        return int(found[0]) if found else 0

    # --- targets --------------------------------------------------------------------------------------------------

    def _target(self, node: exp.Expr) -> Table:
        if not isinstance(node, exp.Table):
            raise unknown(f"the target {node.sql('bigquery')}")
        found = self._session.names().found(node)
        if not isinstance(found, Table) or found.is_view:
            raise bad_query(f"{node.name} is not a table whose rows can be changed")
        return found

    @staticmethod
    def _field(table: Table, name: str) -> Field:
        for each in table.fields:
            if each["name"].casefold() == name.casefold():
                return each
        raise bad_query(f"Column {name} is not present in table {table.full_name}")

    def _scoped(self, node: exp.Table, table: Table) -> tuple[Scope, str]:
        scope, alias = Scope(), node.alias or node.name
        scope.add(alias, [(each["name"], stored(each)) for each in table.fields])
        node.replace(exp.table_(table.physical, alias=exp.to_identifier(alias, quoted=True)))
        return scope, alias

    def _value(self, node: exp.Expr, to: Field, scope: Scope) -> exp.Expr:
        lowered = self._planner.expression(node.copy(), scope)
        return assigned(lowered, self._types.type_of(lowered), to)

    # --- statements -----------------------------------------------------------------------------------------------

    def _insert(self, tree: exp.Insert) -> Table:
        node = tree.this
        named = [each.name for each in node.expressions] if isinstance(node, exp.Schema) else []
        table = self._target(node.this if isinstance(node, exp.Schema) else node)
        fields = [self._field(table, name) for name in named] or table.fields
        source = tree.expression
        given = source.this if isinstance(source, exp.Subquery) else source
        if isinstance(given, exp.Values):
            query = self._values(given, fields)
        elif isinstance(given, exp.Select) and isinstance(getattr(given.args.get("from_"), "this", None), exp.Values):
            query = self._values(given.args["from_"].this, fields)
        elif isinstance(source, exp.Query):
            query = self.selected(source, fields)
        else:
            raise unknown(f"INSERT of {type(source).__name__}")
        columns = [exp.to_identifier(each["name"], quoted=True) for each in fields]
        into = exp.Schema(this=exp.table_(table.physical), expressions=columns)
        self._tree = exp.Insert(this=into, expression=query)
        return table

    def _values(self, values: exp.Values, fields: Sequence[Field]) -> exp.Expr:
        selects = []
        for row in values.expressions:
            given = row.expressions if isinstance(row, exp.Tuple) else [row.this if isinstance(row, exp.Paren) else row]
            if len(given) != len(fields):
                raise bad_query(f"Inserted row has wrong column count; Has {len(given)}, expected {len(fields)}")
            selects.append(
                exp.select(*[self._value(each, to, Scope()) for each, to in zip(given, fields, strict=True)])
            )
        return exp.union(*selects, distinct=False) if len(selects) > 1 else selects[0]

    def selected(self, source: exp.Query, fields: Sequence[Field]) -> exp.Select:
        """A query whose columns are what fields take, in their order.

        Raises:
            Refusal: they are not as many, or of other types.
        """
        literals = _literals(source)
        holder = exp.Paren(this=source.copy())
        columns = self._planner.query(holder.this)
        if len(columns) != len(fields):
            raise bad_query(f"Inserted row has wrong column count; Has {len(columns)}, expected {len(fields)}")
        names = [f"c{number}" for number in range(len(columns))]
        chosen = []
        for name, (_, kind), to, literal in zip(names, columns, fields, literals or [None] * len(fields), strict=True):
            value = exp.column(name)
            if literal is not None:
                value.meta["literal"] = literal
            chosen.append(exp.alias_(assigned(value, kind, to), to["name"], quoted=True))
        alias = exp.TableAlias(this=exp.to_identifier("given"), columns=[exp.to_identifier(name) for name in names])
        return exp.select(*chosen).from_(exp.Subquery(this=holder.this, alias=alias))

    def _update(self, tree: exp.Update) -> Table:
        if not tree.args.get("where"):
            raise bad_query("UPDATE must have a WHERE clause")
        node = tree.this
        table = self._target(node)
        scope, alias = self._scoped(node, table)
        source = tree.args.get("from_")
        if source is not None:
            self._planner.source(source.this, scope)
            for join in source.this.args.get("joins") or ():
                raise unknown(f"{join.sql('bigquery')} in UPDATE … FROM")
        for each in tree.expressions:
            self._set(each, table, scope, alias)
        tree.args["where"].set("this", self._planner.condition(tree.args["where"].this, scope))
        if source is not None:
            self._refuse_twice(table, alias, source.this, tree.args["where"].this)
        return table

    def _set(self, each: exp.Expr, table: Table, scope: Scope, alias: str) -> None:
        if not isinstance(each, exp.EQ) or not isinstance(each.this, exp.Column):
            raise unknown(f"SET {each.sql('bigquery')}")
        if each.this.table and each.this.table.casefold() != alias.casefold():
            raise unknown(f"SET {each.sql('bigquery')}")
        to = self._field(table, each.this.name)
        each.expression.replace(self._value(each.expression, to, scope))
        each.this.replace(exp.column(to["name"], quoted=True))

    def _refuse_twice(self, table: Table, alias: str, source: exp.Expr, condition: exp.Expr) -> None:
        target = exp.table_(table.physical, alias=exp.to_identifier(alias, quoted=True))
        paired = exp.select("1").from_(target).join(source.copy(), join_type="cross").where(condition.copy())
        row = exp.column("rowid", table=exp.to_identifier(alias, quoted=True))
        counted = paired.group_by(row).having("count(*) > 1").limit(1)
        with translated():
            twice = self._session.cursor.execute(counted.sql("duckdb")).fetchone()
        if twice:
            raise bad_query("UPDATE/MERGE must match at most one source row for each target row")

    def _delete(self, tree: exp.Delete) -> Table:
        if not tree.args.get("where"):
            raise bad_query("DELETE must have a WHERE clause")
        table = self._target(tree.this)
        scope, _ = self._scoped(tree.this, table)
        tree.args["where"].set("this", self._planner.condition(tree.args["where"].this, scope))
        return table

    def _truncate(self, tree: exp.Expr) -> Table:
        (node,) = tree.expressions
        table = self._target(node)
        self._tree = exp.Delete(this=exp.table_(table.physical))
        return table

    def _merge(self, tree: exp.Merge) -> Table:
        table = self._target(tree.this)
        scope, alias = self._scoped(tree.this, table)
        self._planner.source(tree.args["using"], scope)
        on = self._planner.condition(tree.args["on"], scope)
        tree.set("on", on)
        whens = tree.args["whens"].expressions
        for when in whens:
            if when.args.get("condition") is not None:
                when.set("condition", self._planner.condition(when.args["condition"], scope))
            self._then(when.args["then"], table, scope, alias)
        if any(when.args.get("matched") for when in whens):
            self._refuse_twice(table, alias, tree.args["using"], on)
        return table

    def _then(self, then: exp.Expr, table: Table, scope: Scope, alias: str) -> None:
        if isinstance(then, exp.Update):
            for each in then.expressions:
                self._set(each, table, scope, alias)
        elif isinstance(then, exp.Insert):
            if not isinstance(then.this, exp.Tuple) or not isinstance(then.expression, exp.Tuple):
                raise unknown("INSERT ROW, and INSERT without columns in MERGE")
            fields = [self._field(table, each.name) for each in then.this.expressions]
            values = then.expression.expressions
            if len(values) != len(fields):
                raise bad_query(f"Inserted row has wrong column count; Has {len(values)}, expected {len(fields)}")
            then.this.set("expressions", [exp.column(to["name"], quoted=True) for to in fields])
            made = [self._value(value, to, scope) for value, to in zip(values, fields, strict=True)]
            then.expression.set("expressions", made)


def _literals(source: exp.Query) -> list[str | None] | None:
    """What a SELECT without FROM says as literals, column by column."""
    if not isinstance(source, exp.Select) or any(each.is_star for each in source.expressions):
        return None
    inner = [each.this if isinstance(each, exp.Alias) else each for each in source.expressions]
    return [each.name if isinstance(each, exp.Literal) else None for each in inner]
