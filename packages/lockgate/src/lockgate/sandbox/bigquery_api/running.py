"""Runs the statements of a script one after the other, each in its turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from lockgate.sandbox.bigquery_api.catalog import Table
from lockgate.sandbox.bigquery_api.changes import Change
from lockgate.sandbox.bigquery_api.definitions import Definition, result_fields
from lockgate.sandbox.bigquery_api.engine import translated
from lockgate.sandbox.bigquery_api.grammar import field_of
from lockgate.sandbox.bigquery_api.parameters import of_value
from lockgate.sandbox.bigquery_api.refusals import Refusal, bad_query, unknown
from lockgate.sandbox.bigquery_api.scripts import Assert, Block, Branch, Plain, Raise, Statement
from lockgate.sandbox.bigquery_api.sessions import Outcome, Session

_ERROR = "@@error.message"
_COUNT = "@@row_count"
_ROW_BYTES = 8


class Runner:
    """Runs statements in a session; `told` hears of each that was run."""

    def __init__(self, session: Session, told: Callable[[Plain, Outcome], None], *, only_plan: bool = False) -> None:
        """Nothing is changed where it is `only_plan`."""
        self._session = session
        self._engine = session.engine
        self._told = told
        self._only_plan = only_plan
        self._last = Outcome("SCRIPT")
        self._error: Refusal | None = None

    def run(self, statements: Sequence[Statement]) -> Outcome:
        """What the last query of them answered, or else what the last one did.

        Raises:
            Refusal: one was not run.
        """
        for each in statements:
            self._statement(each)
        return self._last

    def _statement(self, each: Statement) -> None:
        if self._session.is_over():
            raise Refusal("stopped", "Job execution was cancelled: User requested cancellation")
        if isinstance(each, Block):
            self._block(each)
        elif isinstance(each, Branch):
            self._branch(each)
        elif isinstance(each, Assert):
            if self._value(each.condition) is not True:
                raise bad_query(each.said)
        elif isinstance(each, Raise):
            self._raise(each)
        else:
            with self._engine.turn:
                outcome = self._plain(each)
            if outcome is not None:
                if outcome.fields is not None or self._last.fields is None:
                    self._last = outcome
                self._told(each, outcome)

    def _block(self, block: Block) -> None:
        if block.handler is None:
            self.run(block.body)
            return
        try:
            self.run(block.body)
        except Refusal as error:
            if error.reason == "stopped":
                raise
            before = self._error
            self._error = error
            self._session.variables[_ERROR] = exp.cast(exp.Literal.string(error.said), "VARCHAR", dialect="duckdb")
            self.run(block.handler)
            self._error = before

    def _branch(self, branch: Branch) -> None:
        for condition, statements in branch.arms:
            if condition is None or self._value(condition) is True:
                self.run(statements)
                return

    def _raise(self, each: Raise) -> None:
        if each.said is not None:
            raise bad_query(str(self._value(each.said)))
        raise self._error or bad_query("Cannot re-raise an existing exception outside of an exception handler")

    def _value(self, node: exp.Expr) -> object:
        """What an expression is now."""
        with self._engine.turn:
            return self._session.value(node)

    # --- statements -----------------------------------------------------------------------------------------------

    def _plain(self, each: Plain) -> Outcome | None:
        tree = each.tree.copy()
        if isinstance(tree, exp.Query):
            return self._query(tree)
        if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.TruncateTable):
            outcome = Change(self._session, tree).run(only_plan=self._only_plan)
            count = exp.cast(exp.Literal.number(outcome.affected or 0), "BIGINT", dialect="duckdb")
            self._session.variables[_COUNT] = count
            return outcome
        if isinstance(tree, exp.Create | exp.Drop | exp.Alter):
            return Definition(self._session, tree, each.text, only_plan=self._only_plan).run()
        if isinstance(tree, exp.Declare):
            self._declare(tree)
        elif isinstance(tree, exp.Set):
            self._set(tree)
        else:
            return self._transaction(tree)
        return None

    def _transaction(self, tree: exp.Expr) -> Outcome:
        if isinstance(tree, exp.Transaction):
            if not self._only_plan:
                self._session.begin()
            return Outcome("BEGIN_TRANSACTION")
        if isinstance(tree, exp.Commit):
            if not self._only_plan:
                self._session.commit()
            return Outcome("COMMIT_TRANSACTION")
        if not self._only_plan:
            self._session.rollback()
        return Outcome("ROLLBACK_TRANSACTION")

    def _query(self, tree: exp.Expr) -> Outcome:
        planner = self._session.planner()
        holder = exp.Paren(this=tree)
        columns = planner.query(holder.this)
        lowered = holder.this
        fields = result_fields(self._session, lowered, [name for name, _ in columns])
        scanned = self._bytes(planner.read)
        if self._only_plan:
            return Outcome("SELECT", fields=fields, bytes=scanned, read=tuple(planner.read))
        with translated():
            rows = self._session.cursor.execute(lowered.sql("duckdb")).fetchall()
        return Outcome("SELECT", fields=fields, rows=rows, bytes=scanned, read=tuple(planner.read))

    def _bytes(self, tables: Sequence[Table]) -> int:
        """A measure of what is read: eight bytes a value."""
        known = {each.physical: each for each in tables if each.physical}
        return sum(self._session.count(name) * _ROW_BYTES * len(table.fields) for name, table in known.items())

    # --- variables ------------------------------------------------------------------------------------------------

    def _declare(self, tree: exp.Declare) -> None:
        for item in tree.expressions:
            names = item.this if isinstance(item.this, list) else [item.this]
            default = item.args.get("default")
            kind = item.args.get("kind")
            if not isinstance(kind, exp.DataType):
                raise unknown(f"{tree.sql('bigquery')}, which says no type")
            for name in names:
                column = field_of(name.name, kind)
                self._session.kinds[name.name.casefold()] = column
                self._assign(name.name, default)

    def _set(self, tree: exp.Set) -> None:
        for item in tree.expressions:
            inner = item.this
            if not isinstance(inner, exp.EQ) or inner.this.name.casefold() not in self._session.kinds:
                raise unknown(f"the statement {tree.sql('bigquery')}")
            self._assign(inner.this.name, inner.expression)

    def _assign(self, name: str, node: exp.Expr | None) -> None:
        column = self._session.kinds[name.casefold()]
        value = None
        if node is not None:
            kind = exp.Cast(this=node.copy(), to=_type_of(column))
            value = self._value(kind)
        self._session.variables[name.casefold()] = of_value(column, value)


def _type_of(column: dict[str, object]) -> exp.DataType:
    from lockgate.sandbox.bigquery_api.names import spelled

    return exp.DataType.build(spelled(column), dialect="bigquery")
