"""What a name in a query stands for: a table or view, a temporary table, or a part of INFORMATION_SCHEMA."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from lockgate.sandbox.bigquery_api.catalog import Catalog, Dataset, Table
from lockgate.sandbox.bigquery_api.fields import Field, standard
from lockgate.sandbox.bigquery_api.refusals import Refusal, bad_query, unknown

_SCHEMA = "INFORMATION_SCHEMA"


class Names:
    """Looks names up in a catalog, with a dataset for those that say none."""

    def __init__(self, catalog: Catalog, default: tuple[str, str], temporary: Mapping[str, Table]) -> None:
        """`default` is a project and a dataset, empty where there is none."""
        self._catalog = catalog
        self._default = default
        self._temporary = temporary

    def of_view(self, view: Table) -> Names:
        """The names within a view: none is that of a temporary table, and there is no dataset that is not said."""
        return Names(self._catalog, (view.project, ""), {})

    def split(self, node: exp.Table) -> tuple[str, str, str]:
        """Project, dataset and name.

        Raises:
            Refusal: no dataset is said, nor is there one by default.
        """
        if not node.db:
            if not self._default[1]:
                said = f'Table "{node.name}" must be qualified with a dataset (e.g. dataset.table).'
                raise Refusal("invalid", said, place="query")
            return self._default[0] or self._catalog.project, self._default[1], node.name
        return node.catalog or self._default[0] or self._catalog.project, node.db, node.name

    def temporary(self, node: exp.Table) -> Table | None:
        """A temporary table; None where there is none of the name."""
        return None if node.db and node.db != "_SESSION" else self._temporary.get(node.name)

    def found(self, node: exp.Table) -> Table | exp.Query:
        """What a name stands for.

        Raises:
            Refusal: it stands for nothing.
        """
        temporary = self.temporary(node)
        if temporary is not None:
            return temporary
        project, dataset, name = self.split(node)
        if _SCHEMA in f"{dataset}.{name}".upper():
            return self._information(project, dataset, name)
        if "*" in name:
            raise unknown(f"the wildcard table {name}")
        return self._catalog.table(dataset, name, project)

    def _information(self, project: str, dataset: str, name: str) -> exp.Query:
        path = f"{dataset}.{name}".split(".")
        if path[-2].upper() != _SCHEMA:
            raise unknown(f"the name {dataset}.{name}")
        what = path[-1].upper()
        home = path[0] if len(path) > 2 else ""  # noqa: PLR2004  dataset, INFORMATION_SCHEMA, what
        if what == "SCHEMATA" and not home:
            return _listed(_SCHEMATA, [_schema(each) for each in self._catalog.datasets.values()])
        if not home:
            raise bad_query(f"{_SCHEMA}.{what} must be qualified with a dataset")
        tables = self._catalog.dataset(home, project).tables.values()
        if what == "TABLES":
            return _listed(_TABLES, [_table(each) for each in tables])
        if what == "COLUMNS":
            return _listed(
                _COLUMNS, [_column(each, n, part) for each in tables for n, part in enumerate(each.fields, 1)]
            )
        if what == "VIEWS":
            return _listed(_VIEWS, [(*_home(each), each.query, "YES") for each in tables if each.is_view])
        raise unknown(f"{_SCHEMA}.{what}")


_SCHEMATA = ("catalog_name", "schema_name", "location")
_TABLES = ("table_catalog", "table_schema", "table_name", "table_type", "is_insertable_into")
_COLUMNS = (
    "table_catalog", "table_schema", "table_name", "column_name", "ordinal_position", "is_nullable", "data_type",
)  # fmt: skip
_VIEWS = ("table_catalog", "table_schema", "table_name", "view_definition", "use_standard_sql")


def _home(table: Table) -> tuple[str, str, str]:
    return table.project, table.dataset, table.name


def _schema(dataset: Dataset) -> tuple[str, ...]:
    return dataset.project, dataset.name, dataset.location


def _table(table: Table) -> tuple[str, ...]:
    kind = ("VIEW", "NO") if table.is_view else ("BASE TABLE", "YES")
    return (*_home(table), *kind)


def _column(table: Table, number: int, part: Field) -> tuple[str | int, ...]:
    nullable = "NO" if part["mode"] == "REQUIRED" else "YES"
    return (*_home(table), part["name"], number, nullable, spelled(part))


def spelled(part: Field) -> str:
    """A column's type as GoogleSQL spells it."""
    kind = standard(part["type"])
    if kind == "STRUCT":
        inner = ", ".join(f"{each['name']} {spelled(each)}" for each in part["fields"])
        kind = f"STRUCT<{inner}>"
    elif "precision" in part:
        kind += f"({part['precision']}{', ' + str(part['scale']) if int(part.get('scale', 0)) else ''})"
    elif "maxLength" in part:
        kind += f"({part['maxLength']})"
    return f"ARRAY<{kind}>" if part["mode"] == "REPEATED" else kind


def _listed(columns: tuple[str, ...], rows: list[tuple[str | int, ...]]) -> exp.Query:
    empty = ", ".join(
        f"CAST(NULL AS {'BIGINT' if name == 'ordinal_position' else 'VARCHAR'}) AS {name}" for name in columns
    )
    query = exp.maybe_parse(f"SELECT {empty} WHERE FALSE", into=exp.Select, dialect="duckdb")
    if not rows:
        return query
    tuples = [exp.Tuple(expressions=[exp.convert(value) for value in row]) for row in rows]
    alias = exp.TableAlias(this=exp.to_identifier("rows"), columns=[exp.to_identifier(name) for name in columns])
    chosen = [
        exp.alias_(
            exp.cast(exp.column(name), "BIGINT" if name == "ordinal_position" else "VARCHAR", dialect="duckdb"), name
        )
        for name in columns
    ]
    return exp.select(*chosen).from_(exp.Values(expressions=tuples, alias=alias))
