"""CREATE, ALTER and DROP of schemas, tables and views.

Source: cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from lockgate.sandbox.bigquery_api.catalog import Dataset, Table
from lockgate.sandbox.bigquery_api.changes import Change
from lockgate.sandbox.bigquery_api.engine import translated
from lockgate.sandbox.bigquery_api.fields import Field, field, normalised, of_duckdb, quoted, stored
from lockgate.sandbox.bigquery_api.grammar import field_of
from lockgate.sandbox.bigquery_api.kinds import refuse_fine
from lockgate.sandbox.bigquery_api.names import Names
from lockgate.sandbox.bigquery_api.options import dataset_options, partitioning, table_options
from lockgate.sandbox.bigquery_api.refusals import Refusal, bad_query, unknown
from lockgate.sandbox.bigquery_api.sessions import Outcome, Session

_NO_DDL = "DDL statements that affect permanent entities are not supported in a transaction"


class Definition:
    """A statement that makes, alters or drops something."""

    def __init__(self, session: Session, tree: exp.Expr, text: str, *, only_plan: bool = False) -> None:
        """Not yet done; `text` is how it was asked for."""
        self._session = session
        self._engine = session.engine
        self._tree = tree
        self._text = text
        self._only_plan = only_plan

    def run(self) -> Outcome:
        """What it did.

        Raises:
            Refusal: it cannot be done.
        """
        tree: Any = self._tree
        kind = str(tree.args.get("kind", "")).upper()
        made: Callable[[Any], Outcome] | None
        if isinstance(tree, exp.Create):
            made = {"SCHEMA": self._create_schema, "TABLE": self._create_table, "VIEW": self._create_view}.get(kind)
        elif isinstance(tree, exp.Drop):
            made = {"SCHEMA": self._drop_schema, "TABLE": self._drop, "VIEW": self._drop}.get(kind)
        else:
            made = self._alter if kind == "TABLE" else None
        if made is None:
            raise unknown(f"the statement {' '.join(self._text.split())[:60]}")
        return made(tree)

    def _refuse_in_transaction(self) -> None:
        if self._session.transaction is not None:
            raise bad_query(_NO_DDL)

    # --- schemas --------------------------------------------------------------------------------------------------

    def _schema(self, node: exp.Table) -> tuple[str, str]:
        project, name = (node.catalog, node.db) if node.db and not node.name else (node.db, node.name)
        return project or self._engine.catalog.project, name

    def _create_schema(self, tree: exp.Create) -> Outcome:
        self._refuse_in_transaction()
        _, name = self._schema(tree.this)
        if name in self._engine.catalog.datasets and tree.args.get("exists"):
            return Outcome("CREATE_SCHEMA", ddl="SKIP")
        location, said = dataset_options(tree.args.get("properties"))
        if not self._only_plan:
            self._engine.catalog.add_dataset(name, location, said)
        return Outcome("CREATE_SCHEMA", ddl="CREATE")

    def _drop_schema(self, tree: exp.Drop) -> Outcome:
        self._refuse_in_transaction()
        project, name = self._schema(_dropped(tree))
        if name not in self._engine.catalog.datasets and tree.args.get("exists"):
            return Outcome("DROP_SCHEMA", ddl="SKIP")
        dataset = self._engine.catalog.dataset(name, project)
        if not self._only_plan:
            drop_dataset(self._session, dataset, with_contents=bool(tree.args.get("cascade")))
        return Outcome("DROP_SCHEMA", ddl="DROP")

    # --- tables ---------------------------------------------------------------------------------------------------

    def _place(self, node: exp.Table) -> tuple[str, str, str]:
        project, dataset, name = self._session.names().split(node)
        self._engine.catalog.dataset(dataset, project)
        return project, dataset, name

    def _existing(self, place: tuple[str, str, str]) -> Table | None:
        project, dataset, name = place
        return self._engine.catalog.dataset(dataset, project).tables.get(name)

    def _create_table(self, tree: exp.Create) -> Outcome:
        node = tree.this
        columns = node.expressions if isinstance(node, exp.Schema) else []
        target = node.this if isinstance(node, exp.Schema) else node
        properties = tree.args.get("properties") or exp.Properties(expressions=[])
        is_temporary = any(isinstance(each, exp.TemporaryProperty) for each in properties.expressions)
        kind = "CREATE_TABLE_AS_SELECT" if tree.expression else "CREATE_TABLE"
        if not is_temporary:
            self._refuse_in_transaction()
        place = ("", "_SESSION", target.name) if is_temporary else self._place(target)
        existing = self._session.temporary.get(target.name) if is_temporary else self._existing(place)
        reference = {"projectId": place[0], "datasetId": place[1], "tableId": place[2]}
        if existing is not None and tree.args.get("exists"):
            return Outcome(kind, ddl="SKIP", target=reference)
        if existing is not None and not tree.args.get("replace"):
            raise Refusal("duplicate", f"Already Exists: Table {existing.full_name}")
        if existing is not None and existing.is_view:
            raise bad_query(f"{existing.full_name} is not a table")
        said = table_options(properties, self._session.value)
        fields = self._columns(columns) or self._like(tree, properties)
        made = Table(place[0] or self._engine.catalog.project, place[1], place[2], fields, said=said)
        if tree.expression:
            self._filled(made, tree.expression)
        else:
            made.physical = self._made(fields)
        made.said |= partitioning(properties, made.fields)
        if self._only_plan:
            self._engine.drop(made.physical)
        elif is_temporary:
            self._session.temporary[target.name] = made
        else:
            self._put(made, existing)
        ddl = "REPLACE" if existing is not None else "CREATE"
        return Outcome(kind, ddl=ddl, target=reference, affected=None)

    def _put(self, made: Table, existing: Table | None) -> None:
        self._engine.catalog.put(made)
        if existing is not None and existing.physical:
            self._engine.drop(existing.physical)

    @staticmethod
    def _columns(columns: list[exp.Expr]) -> list[Field]:
        found = []
        for each in columns:
            if isinstance(each, exp.PrimaryKey | exp.ForeignKey):
                continue
            if not isinstance(each, exp.ColumnDef) or each.args.get("kind") is None:
                raise unknown(f"{each.sql('bigquery')} in CREATE TABLE")
            found.append(_column(each))
        return normalised(found)

    def _like(self, tree: exp.Create, properties: exp.Properties) -> list[Field]:
        like = next((each for each in properties.expressions if isinstance(each, exp.LikeProperty)), None)
        if like is not None:
            found = self._session.names().found(like.this)
            if not isinstance(found, Table):
                raise bad_query(f"{like.this.sql('bigquery')} is not a table")
            return [dict(each) for each in found.fields]
        if tree.args.get("clone"):
            raise unknown("CREATE TABLE … CLONE or COPY")
        return []

    def _made(self, fields: list[Field]) -> str:
        if not fields:
            raise bad_query("CREATE TABLE must have columns, AS or LIKE")
        return new_table(self._session, fields)

    def _filled(self, made: Table, query: Any) -> None:
        """A table with the rows of a query."""
        planner = self._session.planner()
        source = query.this if isinstance(query, exp.Subquery) and not query.alias else query
        if made.fields:
            select: exp.Expr = Change(self._session, source).selected(source, made.fields)
        else:
            holder = exp.Paren(this=source.copy())
            names = planner.query(holder.this)
            for _, kind in names:
                refuse_fine(kind)
            made.fields = result_fields(self._session, holder.this, [name for name, _ in names])
            select = holder.this
        made.physical = self._made(made.fields)
        with translated():
            filled = exp.Insert(this=exp.table_(made.physical), expression=select)
            self._session.cursor.execute(filled.sql("duckdb"))

    # --- views ----------------------------------------------------------------------------------------------------

    def _create_view(self, tree: exp.Create) -> Outcome:
        self._refuse_in_transaction()
        if isinstance(tree.this, exp.Schema):
            raise unknown("CREATE VIEW with names of columns")
        place = self._place(tree.this)
        existing = self._existing(place)
        reference = {"projectId": place[0], "datasetId": place[1], "tableId": place[2]}
        if existing is not None and tree.args.get("exists"):
            return Outcome("CREATE_VIEW", ddl="SKIP", target=reference)
        if existing is not None and not tree.args.get("replace"):
            raise Refusal("duplicate", f"Already Exists: Table {existing.full_name}")
        if existing is not None and not existing.is_view:
            raise bad_query(f"{existing.full_name} is not a view")
        query = tree.expression.sql("bigquery")
        said = table_options(tree.args.get("properties") or exp.Properties(expressions=[]), self._session.value)
        made = new_view(self._session, place, query, said)
        if not self._only_plan:
            self._put(made, existing)
        return Outcome("CREATE_VIEW", ddl="REPLACE" if existing is not None else "CREATE", target=reference)

    # --- DROP and ALTER -------------------------------------------------------------------------------------------

    def _drop(self, tree: exp.Drop) -> Outcome:
        kind = f"DROP_{tree.args['kind'].upper()}"
        temporary = self._session.names().temporary(_dropped(tree))
        if temporary is not None and not self._only_plan:
            del self._session.temporary[temporary.name]
            self._engine.drop(temporary.physical)
            return Outcome(kind, ddl="DROP")
        self._refuse_in_transaction()
        project, dataset, name = self._session.names().split(_dropped(tree))
        home = self._engine.catalog.datasets.get(dataset)
        reference = {"projectId": project, "datasetId": dataset, "tableId": name}
        if tree.args.get("exists") and (home is None or name not in home.tables):
            return Outcome(kind, ddl="SKIP", target=reference)
        table = self._engine.catalog.table(dataset, name, project)
        if table.is_view != (kind == "DROP_VIEW"):
            raise bad_query(f"{table.full_name} is not a {kind.removeprefix('DROP_').lower()}")
        if not self._only_plan:
            drop_table(self._session, table)
        return Outcome(kind, ddl="DROP", target=reference)

    def _alter(self, tree: exp.Alter) -> Outcome:
        self._refuse_in_transaction()
        project, dataset, name = self._session.names().split(tree.this)
        home = self._engine.catalog.datasets.get(dataset)
        if tree.args.get("exists") and (home is None or name not in home.tables):
            return Outcome("ALTER_TABLE", ddl="SKIP")
        table = self._engine.catalog.table(dataset, name, project)
        for action in tree.args["actions"]:
            if not self._only_plan:
                self._action(table, action)
        return Outcome("ALTER_TABLE", ddl="ALTER", target=table.reference())

    def _action(self, table: Table, action: exp.Expr) -> None:
        if isinstance(action, exp.ColumnDef):
            column = _column(action)
            if any(each["name"].casefold() == column["name"].casefold() for each in table.fields):
                if action.args.get("exists"):
                    return
                raise bad_query(f"Column already exists: {column['name']}")
            if column["mode"] == "REQUIRED":
                raise bad_query("Cannot add required columns to an existing table schema")
            add_columns(self._session, table, [column])
        elif isinstance(action, exp.AlterRename):
            del self._engine.catalog.dataset(table.dataset).tables[table.name]
            table.name = action.this.name
            self._engine.catalog.put(table)
        elif isinstance(action, exp.AlterSet):
            options = action.expressions[0] if action.expressions else None
            properties = (
                options if isinstance(options, exp.Properties) else exp.Properties(expressions=action.expressions)
            )
            for key, value in table_options(properties, self._session.value).items():
                if value is None:
                    table.said.pop(key, None)
                else:
                    table.said[key] = value
        elif isinstance(action, exp.Drop):
            self._drop_column(table, action)
        else:
            raise unknown(f"ALTER TABLE … {action.sql('bigquery')}")
        table.touch()

    def _drop_column(self, table: Table, action: exp.Drop) -> None:
        name = _dropped(action).name.casefold()
        if not any(each["name"].casefold() == name for each in table.fields):
            if action.args.get("exists"):
                return
            raise bad_query(f"Column not found: {_dropped(action).name}")
        with translated():
            self._session.cursor.execute(f"ALTER TABLE {table.physical} DROP COLUMN {quoted(_dropped(action).name)}")
        table.fields = [each for each in table.fields if each["name"].casefold() != name]


def _dropped(tree: exp.Drop) -> Any:
    """What a DROP names."""
    tables = tree.args.get("tables") or ()
    if len(tables) != 1:
        raise unknown("DROP of several")
    found: Any = next(iter(tables))
    return found


def _column(each: exp.ColumnDef) -> Field:
    made = field_of(each.name, each.args["kind"])
    for constraint in each.args.get("constraints") or ():
        kind = constraint.kind
        if isinstance(kind, exp.NotNullColumnConstraint):
            made = {**made, "mode": "REQUIRED" if made["mode"] == "NULLABLE" else made["mode"]}
        elif isinstance(kind, exp.Properties):
            made = {**made, **{part.name: part.args["value"].name for part in kind.expressions}}
        else:
            raise unknown(f"{constraint.sql('bigquery')} of a column")
    return made


# --- what requests and statements share -----------------------------------------------------------------------------


def new_table(session: Session, fields: list[Field]) -> str:
    """An empty table of DuckDB, and its name there."""
    physical = session.engine.catalog.physical()
    parts = [
        f"{quoted(each['name'])} {stored(each)}{' NOT NULL' if each['mode'] == 'REQUIRED' else ''}" for each in fields
    ]
    with translated():
        session.cursor.execute(f"CREATE TABLE {physical} ({', '.join(parts)})")
    return physical


def result_fields(session: Session, query: exp.Expr, names: list[str]) -> list[Field]:
    """The columns of a lowered query, as BigQuery tells them.

    Raises:
        Refusal: two have one name, or DuckDB cannot run it.
    """
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise bad_query(f"Duplicate column names in the result are not supported. Found duplicate(s): {name}")
        seen.add(name.casefold())
    with translated():
        none = exp.select("*").from_(exp.Subquery(this=query.copy(), alias=exp.to_identifier("result"))).limit(0)
        described = session.cursor.execute(none.sql("duckdb")).description
    return [of_duckdb(name, each[1]) for name, each in zip(names, described, strict=True)]


def new_view(session: Session, place: tuple[str, str, str], query: str, said: dict[str, Any]) -> Table:
    """A view, whose query has been looked at.

    Raises:
        Refusal: its query cannot be run.
    """
    project, dataset, name = place
    made = Table(project, dataset, name, [], query=query, said=said)
    names = Names(session.engine.catalog, (project, ""), {})
    planner = session.planner()
    planner = type(planner)(names, lambda sql: session.engine.describe(sql, session.cursor), {})
    node = exp.table_("v")
    holder = exp.Paren(this=node)
    columns = planner.view(node, made, "v")
    made.fields = result_fields(session, exp.select("*").from_(holder.this), [each for each, _ in columns])
    return made


def add_columns(session: Session, table: Table, columns: list[Field]) -> None:
    """More columns, NULL in the rows that are there."""
    for column in columns:
        with translated():
            session.cursor.execute(f"ALTER TABLE {table.physical} ADD COLUMN {quoted(column['name'])} {stored(column)}")
        table.fields = [*table.fields, field_kept(column)]


def field_kept(column: Field) -> Field:
    """A column as a schema keeps it."""
    (made,) = normalised([column])
    return made if made["type"] != "RECORD" else field(made["name"], "STRUCT", mode=made["mode"], fields=made["fields"])


def drop_table(session: Session, table: Table) -> None:
    """Forgets a table or view."""
    session.engine.catalog.dataset(table.dataset).tables.pop(table.name, None)
    if table.physical:
        session.engine.drop(table.physical)


def drop_dataset(session: Session, dataset: Dataset, *, with_contents: bool) -> None:
    """Forgets a dataset.

    Raises:
        Refusal: it has tables, and they should stay.
    """
    if dataset.tables and not with_contents:
        raise Refusal("resourceInUse", f"Dataset {dataset.project}:{dataset.name} is still in use")
    for table in list(dataset.tables.values()):
        drop_table(session, table)
    session.engine.catalog.datasets.pop(dataset.name, None)
