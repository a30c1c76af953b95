"""Loads and copies: the rows of files and of tables as the rows of a table, all of them or none.

Source: cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet, …-json, and `JobConfigurationLoad` of REST.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from lockgate.sandbox.bigquery_api.assigning import assigned
from lockgate.sandbox.bigquery_api.casting import cast
from lockgate.sandbox.bigquery_api.catalog import Table
from lockgate.sandbox.bigquery_api.definitions import add_columns, new_table
from lockgate.sandbox.bigquery_api.engine import translated
from lockgate.sandbox.bigquery_api.fields import Field, field, held, normalised, standard
from lockgate.sandbox.bigquery_api.refusals import Refusal, missing, unknown
from lockgate.sandbox.bigquery_api.scopes import Columns
from lockgate.sandbox.bigquery_api.sessions import Session

_SAID = ("timePartitioning", "clustering", "rangePartitioning")
_NESTED = (pa.types.is_list, pa.types.is_large_list, pa.types.is_struct, pa.types.is_map)


def load(session: Session, asked: Mapping[str, Any], content: bytes) -> dict[str, str]:
    """Loads a file, and tells its statistics.

    Raises:
        Refusal: it cannot be read, or does not fit; then nothing has changed.
    """
    kind = asked.get("sourceFormat", "CSV")
    if asked.get("sourceUris"):
        raise unknown("loads from Cloud Storage")
    if kind not in {"PARQUET", "NEWLINE_DELIMITED_JSON"}:
        raise unknown(f"loads of the format {kind}")
    with session.engine.turn, TemporaryDirectory(prefix="lockgate-bigquery-") as folder:
        place = _Place(session, asked)
        given = _parquet(place, asked, content, Path(folder)) if kind == "PARQUET" else _json(place, asked, content)
        rows = place.write(given)
    sizes = {"inputFiles": "1", "inputFileBytes": str(len(content)), "badRecords": "0"}
    return {**sizes, "outputRows": str(rows), "outputBytes": str(rows * 8)}


class _Given:
    """Rows on their way: columns of a source of DuckDB, each as the expression that a field takes."""

    def __init__(
        self, fields: list[Field], source: exp.Expr, values: Mapping[str, exp.Expr], table: pa.Table | None
    ) -> None:
        self.fields = fields
        self.source = source
        self.values = values
        self.table = table


class _Place:
    """Where rows are written, and on which conditions."""

    def __init__(self, session: Session, asked: Mapping[str, Any]) -> None:
        self._session = session
        self._asked = asked
        reference = asked["destinationTable"]
        self.project = reference.get("projectId") or session.engine.catalog.project
        self.dataset, self.name = reference["datasetId"], reference["tableId"].partition("$")[0]
        if "$" in reference["tableId"]:
            raise unknown("loads into one partition")
        home = session.engine.catalog.dataset(self.dataset, self.project)
        self.existing = home.tables.get(self.name)
        self._check()

    def _check(self) -> None:
        if self.existing is None and self._asked.get("createDisposition") == "CREATE_NEVER":
            raise missing("Table", f"{self.project}:{self.dataset}.{self.name}")
        if self.existing is not None and self.existing.is_view:
            raise Refusal("invalid", f"{self.existing.full_name} is not a table")
        if (
            self.existing is not None
            and self.disposition == "WRITE_EMPTY"
            and self._session.count(self.existing.physical)
        ):
            raise Refusal("duplicate", f"Already Exists: Table {self.existing.full_name}")

    @property
    def disposition(self) -> str:
        return str(self._asked.get("writeDisposition", "WRITE_APPEND"))

    @property
    def fields(self) -> list[Field] | None:
        """The schema that is said, or else that of the table."""
        said = self._asked.get("schema", {}).get("fields")
        if said:
            return normalised(said)
        truncates = self.disposition in {"WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA"}
        kept = self.existing is not None and not (self.disposition == "WRITE_TRUNCATE" and truncates)
        return self.existing.fields if kept and self.existing is not None else None

    def columns_of(self, source: exp.Expr) -> Columns:
        """The columns of a source of DuckDB."""
        return self._session.engine.describe(exp.select("*").from_(source).sql("duckdb"), self._session.cursor)

    def write(self, given: _Given) -> int:
        """Writes rows, and counts them."""
        session = self._session
        staged = new_table(session, given.fields)
        values = [exp.alias_(given.values[each["name"]], each["name"], quoted=True) for each in given.fields]
        filled = exp.Insert(this=exp.table_(staged), expression=exp.select(*values).from_(given.source))
        try:
            if given.table is not None:
                session.cursor.register("given", given.table)
            with translated():
                session.cursor.execute(filled.sql("duckdb"))
        except Refusal as error:
            session.engine.drop(staged)
            raise Refusal("invalid", f"Error while reading data, error message: {error.said}") from error
        finally:
            if given.table is not None:
                session.cursor.unregister("given")
        rows = session.count(staged)
        self._settle(staged, given.fields)
        return rows

    def _settle(self, staged: str, fields: list[Field]) -> None:
        session, existing = self._session, self.existing
        said = {key: self._asked[key] for key in _SAID if key in self._asked}
        said |= self._asked.get("destinationTableProperties", {})
        catalog = session.engine.catalog
        if existing is None:
            catalog.put(Table(self.project, self.dataset, self.name, fields, physical=staged, said=said))
        elif self.disposition.startswith("WRITE_TRUNCATE"):
            made = replace(existing, fields=fields, physical=staged, said={**existing.said, **said})
            made.touch()
            catalog.put(made)
            session.engine.drop(existing.physical)
        else:
            self._append(existing, staged, fields)

    def _append(self, existing: Table, staged: str, fields: list[Field]) -> None:
        session = self._session
        known = {each["name"].casefold() for each in existing.fields}
        more = [each for each in fields if each["name"].casefold() not in known]
        if more and "ALLOW_FIELD_ADDITION" not in self._asked.get("schemaUpdateOptions", ()):
            names = ", ".join(each["name"] for each in more)
            raise Refusal(
                "invalid",
                f"Provided Schema does not match Table {existing.full_name}. Cannot add fields (field: {names})",
            )
        add_columns(session, existing, more)
        columns: list[exp.Expr] = [exp.column(each["name"], quoted=True) for each in fields]
        into = exp.Schema(this=exp.table_(existing.physical), expressions=columns)
        added = exp.Insert(this=into, expression=exp.select(*[column.copy() for column in columns]).from_(staged))
        with translated():
            session.cursor.execute(added.sql("duckdb"))
        session.engine.moved(existing, by_change=False)
        session.engine.drop(staged)


# --- Parquet --------------------------------------------------------------------------------------------------------


def _parquet(place: _Place, asked: Mapping[str, Any], content: bytes, folder: Path) -> _Given:
    path = folder / "rows.parquet"
    path.write_bytes(content)
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        said = "Error while reading data, error message: Input file is not in Parquet format."
        raise Refusal("invalid", said) from error
    if any(is_nested(part.type) for part in schema for is_nested in _NESTED):
        listed = asked.get("parquetOptions", {}).get("enableListInference")
        if not listed or any(pa.types.is_map(part.type) or pa.types.is_struct(part.type) for part in schema):
            raise unknown("loads of nested Parquet, apart from lists with enableListInference")
    source = exp.func("read_parquet", exp.Literal.string(str(path)), dialect="duckdb")
    columns = place.columns_of(source)
    targets = list(asked.get("decimalTargetTypes", ()))
    known = place.fields
    fields = [_inferred(part, targets) for part in schema] if known is None else _matched(known, columns, asked)
    kinds = {name.casefold(): (name, kind) for name, kind in columns}
    values = {}
    for each in fields:
        name, kind = kinds.get(each["name"].casefold(), ("", ""))
        if not name and each["mode"] == "REQUIRED":
            raise Refusal(
                "invalid", f"Error while reading data, error message: Required field {each['name']} is missing"
            )
        value = exp.column(name, quoted=True) if name else exp.null()
        values[each["name"]] = _taken(value, kind, each)
    return _Given(fields, source, values, None)


def _taken(value: exp.Expr, kind: str, to: Field) -> exp.Expr:
    try:
        return assigned(value, kind or '"NULL"', to)
    except Refusal as error:
        raise Refusal("invalid", f"Error while reading data, error message: {error.said}") from error


def _matched(fields: list[Field], columns: Columns, asked: Mapping[str, Any]) -> list[Field]:
    """The fields that are written; a column that is in none is an error, unless it may be left out or added."""
    known = {each["name"].casefold() for each in fields}
    extra = [name for name, _ in columns if name.casefold() not in known]
    if extra and not asked.get("ignoreUnknownValues"):
        said = f"Provided Schema does not match. Cannot add fields (field: {', '.join(extra)})"
        raise Refusal("invalid", said)
    return fields


def _inferred(part: pa.Field, targets: Sequence[str]) -> Field:
    """The column that a column of Parquet becomes where no schema is said."""
    kind = part.type
    mode = "NULLABLE" if part.nullable else "REQUIRED"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return {**_inferred(pa.field(part.name, kind.value_type), targets), "mode": "REPEATED"}
    if pa.types.is_decimal(kind):
        return _inferred_decimal(part.name, kind.precision, kind.scale, targets, mode)
    for is_kind, name in _ARROW:
        if is_kind(kind):
            return field(part.name, name, mode=mode)
    if pa.types.is_timestamp(kind):
        return field(part.name, "TIMESTAMP" if kind.tz else "DATETIME", mode=mode)
    raise unknown(f"what a column of Parquet of type {kind} becomes")


def _inferred_decimal(name: str, precision: int, scale: int, targets: Sequence[str], mode: str) -> Field:
    """The first of the wanted types that holds the decimal; by default NUMERIC, else STRING … which is refused."""
    for each in targets or ("NUMERIC",):
        fits = scale <= 9 and precision - scale <= 29 if each == "NUMERIC" else scale <= 38  # noqa: PLR2004
        if each in {"NUMERIC", "BIGNUMERIC"} and fits:
            return field(name, each, mode=mode)
    raise Refusal("invalid", f"Decimal({precision}, {scale}) of column {name} fits none of the target types")


_ARROW = (
    (pa.types.is_integer, "INT64"),
    (pa.types.is_floating, "FLOAT64"),
    (pa.types.is_boolean, "BOOL"),
    (pa.types.is_string, "STRING"),
    (pa.types.is_large_string, "STRING"),
    (pa.types.is_binary, "BYTES"),
    (pa.types.is_large_binary, "BYTES"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME"),
)


# --- JSON -----------------------------------------------------------------------------------------------------------


def _json(place: _Place, asked: Mapping[str, Any], content: bytes) -> _Given:
    fields = place.fields
    if fields is None:
        raise unknown("loads of JSON without a schema")
    names = {each["name"].casefold(): each["name"] for each in fields}
    columns: dict[str, list[Any]] = {name: [] for name in names.values()}
    for number, line in enumerate(filter(None, content.split(b"\n")), 1):
        row = _row(line, number)
        known = {names[key.casefold()]: value for key, value in row.items() if key.casefold() in names}
        if len(known) != len(row) and not asked.get("ignoreUnknownValues"):
            unexpected = next(key for key in row if key.casefold() not in names)
            raise _too_many(number, f"No such field: {unexpected}.")
        for each in fields:
            columns[each["name"]].append(_text(each, known.get(each["name"]), number))
    arrays = {
        each["name"]: pa.array(
            columns[each["name"]], pa.list_(pa.string()) if each["mode"] == "REPEATED" else pa.string()
        )
        for each in fields
    }
    values = {each["name"]: _read(each) for each in fields}
    return _Given(fields, exp.table_("given"), values, pa.table(arrays))


def _row(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line, parse_float=str, parse_int=str)
    except ValueError:
        raise _too_many(number, "Failed to parse JSON: it cannot be read.") from None
    if not isinstance(row, dict):
        raise _too_many(number, "Failed to parse JSON: No object found when new array is started.")
    return row


def _too_many(number: int, said: str) -> Refusal:
    told = "Error while reading data, error message: JSON table encountered too many errors, giving up."
    return Refusal("invalid", f"{told} Rows: {number}; errors: 1. {said}")


def _text(each: Field, value: Any, number: int) -> Any:
    if value is None:
        if each["mode"] == "REQUIRED":
            raise _too_many(number, f"Missing required field: {each['name']}.")
        return [] if each["mode"] == "REPEATED" else None
    if each["mode"] == "REPEATED":
        if not isinstance(value, list):
            raise _too_many(number, f"Field {each['name']} is not an array.")
        return [_text({**each, "mode": "NULLABLE"}, one, number) for one in value]
    if each["type"] == "JSON":
        return json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise unknown(f"a value of {each['name']} that is an object or array")
    return value


def _read(each: Field) -> exp.Expr:
    """A column of text as the field."""
    column: exp.Expr = exp.column(each["name"], quoted=True)
    kind = standard(each["type"])
    if each["mode"] == "REPEATED":
        if kind != "STRING":
            raise unknown(f"loads of JSON into arrays of {kind}")
        return column
    if kind == "STRUCT":
        raise unknown("loads of JSON into a RECORD")
    if kind == "BYTES":
        return exp.func("from_base64", column, dialect="duckdb")
    value = column if kind in {"STRING", "JSON"} else cast(column, "text", kind)
    for type_ in held(each):
        value = exp.Cast(this=value, to=exp.DataType.build(type_, dialect="duckdb"))
    return value


# --- copies ---------------------------------------------------------------------------------------------------------


def copy(session: Session, asked: Mapping[str, Any]) -> dict[str, str]:
    """Copies tables into one, and tells the statistics.

    Raises:
        Refusal: one is not there, or they have not the same columns.
    """
    references = asked.get("sourceTables") or [asked["sourceTable"]]
    if asked.get("operationType", "COPY") not in {"COPY", "OPERATION_TYPE_UNSPECIFIED"}:
        raise unknown(f"the copy operation {asked['operationType']}")
    with session.engine.turn:
        catalog = session.engine.catalog
        sources = [catalog.table(each["datasetId"], each["tableId"], each.get("projectId", "")) for each in references]
        for each in sources:
            if each.is_view or each.fields != sources[0].fields:
                raise Refusal("invalid", f"{each.full_name} is not a table with the columns of the first one")
        place = _Place(session, {"writeDisposition": "WRITE_EMPTY", **asked})
        fields = [dict(each) for each in sources[0].fields]
        selects = [exp.select("*").from_(each.physical) for each in sources]
        union = exp.union(*selects, distinct=False) if len(selects) > 1 else selects[0]
        source = exp.Subquery(this=union, alias=exp.to_identifier("sources"))
        values = {each["name"]: exp.column(each["name"], quoted=True) for each in fields}
        rows = place.write(_Given(fields, source, values, None))
    return {"copiedRows": str(rows), "copiedLogicalBytes": str(rows * 8)}
