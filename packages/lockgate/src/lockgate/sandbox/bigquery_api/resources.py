"""Datasets and tables as resources: the operations on them.

Source: the resources `datasets`, `tables` and `tabledata` of REST v2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lockgate.sandbox.bigquery_api.catalog import DATASET_SAID, TABLE_SAID, Dataset, Table
from lockgate.sandbox.bigquery_api.definitions import add_columns, drop_dataset, drop_table, new_table, new_view
from lockgate.sandbox.bigquery_api.engine import translated
from lockgate.sandbox.bigquery_api.fields import normalised, row
from lockgate.sandbox.bigquery_api.refusals import Refusal, unknown
from lockgate.sandbox.bigquery_api.sessions import Session
from lockgate.sandbox.bigquery_api.uploads import document
from lockgate.sandbox.local_api import ApiAnswer
from lockgate.sandbox.local_server import ApiRequest

if TYPE_CHECKING:
    from lockgate.sandbox.bigquery_api.server import BigQueryApi

_PAGE = 50
_CONTROLLED = frozenset({
    "kind", "etag", "id", "selfLink", "creationTime", "lastModifiedTime", "type", "numRows", "numBytes",
    "numLongTermBytes", "location", "tableReference", "datasetReference", "schema", "view",
})  # fmt: skip


class Resources:
    """The operations on datasets and tables of a stand-in."""

    def __init__(self, api: BigQueryApi) -> None:
        """Of this stand-in."""
        self._api = api
        self._catalog = api.catalog
        self._engine = api.engine

    # --- datasets -------------------------------------------------------------------------------------------------

    def insert_dataset(self, request: ApiRequest) -> ApiAnswer:
        """datasets.insert."""
        asked = document(request.body)
        with self._engine.turn:
            name = asked.get("datasetReference", {}).get("datasetId", "")
            made = self._catalog.add_dataset(name, asked.get("location", ""), _said(asked, DATASET_SAID))
            return ApiAnswer(200, made.document(self._api.url))

    def get_dataset(self, _request: ApiRequest, name: str) -> ApiAnswer:
        """datasets.get."""
        with self._engine.turn:
            return ApiAnswer(200, self._catalog.dataset(name).document(self._api.url))

    def list_datasets(self, request: ApiRequest) -> ApiAnswer:
        """datasets.list."""
        with self._engine.turn:
            found = [each.listed() for _, each in sorted(self._catalog.datasets.items())]
        if request.asks("filter"):
            found = [each for each in found if _labelled(each.get("labels", {}), request.asks("filter"))]
        page, token = _paged(found, request)
        more = {"datasets": page} if page else {}
        return ApiAnswer(200, {"kind": "bigquery#datasetList", "etag": "list", **more, **token})

    def patch_dataset(self, request: ApiRequest, name: str) -> ApiAnswer:
        """datasets.patch."""
        asked = document(request.body)
        with self._engine.turn:
            dataset = self._catalog.dataset(name)
            _refuse_stale(request, dataset)
            _patch(dataset.said, asked, DATASET_SAID)
            dataset.touch()
            return ApiAnswer(200, dataset.document(self._api.url))

    def delete_dataset(self, request: ApiRequest, name: str) -> ApiAnswer:
        """datasets.delete."""
        with self._engine.turn:
            dataset = self._catalog.dataset(name)
            drop_dataset(self._session(), dataset, with_contents=request.asks("deleteContents") == "true")
        return ApiAnswer(204)

    # --- tables ---------------------------------------------------------------------------------------------------

    def insert_table(self, request: ApiRequest, dataset: str) -> ApiAnswer:
        """tables.insert."""
        asked = document(request.body)
        name = asked.get("tableReference", {}).get("tableId", "")
        with self._engine.turn:
            home = self._catalog.dataset(dataset)
            if name in home.tables:
                raise Refusal("duplicate", f"Already Exists: Table {home.tables[name].full_name}")
            made = self._made(asked, dataset, name)
            self._catalog.put(made)
            return ApiAnswer(200, self._document(made))

    def _made(self, asked: dict[str, Any], dataset: str, name: str) -> Table:
        said, session = _said(asked, TABLE_SAID), self._session()
        if asked.get("view"):
            view = asked["view"]
            if view.get("useLegacySql", True):
                raise unknown("views of legacy SQL")
            return new_view(session, (self._catalog.project, dataset, name), view["query"], said)
        others = set(asked) - set(TABLE_SAID) - _CONTROLLED
        if others:
            raise unknown(f"{', '.join(sorted(others))} of a table")
        fields = normalised(asked.get("schema", {}).get("fields", ()))
        if not fields:
            raise unknown("a table without columns")
        return Table(self._catalog.project, dataset, name, fields, physical=new_table(session, fields), said=said)

    def get_table(self, _request: ApiRequest, dataset: str, name: str) -> ApiAnswer:
        """tables.get."""
        with self._engine.turn:
            return ApiAnswer(200, self._document(self._catalog.table(dataset, name)))

    def list_tables(self, request: ApiRequest, dataset: str) -> ApiAnswer:
        """tables.list."""
        with self._engine.turn:
            found = [each.listed() for _, each in sorted(self._catalog.dataset(dataset).tables.items())]
        page, token = _paged(found, request)
        more = {"tables": page} if page else {}
        return ApiAnswer(200, {"kind": "bigquery#tableList", "etag": "list", "totalItems": len(found), **more, **token})

    def patch_table(self, request: ApiRequest, dataset: str, name: str) -> ApiAnswer:
        """tables.patch."""
        asked = document(request.body)
        with self._engine.turn:
            table = self._catalog.table(dataset, name)
            _refuse_stale(request, table)
            if asked.get("view"):
                place = (table.project, table.dataset, table.name)
                made = new_view(self._session(), place, asked["view"]["query"], table.said)
                table.query, table.fields = made.query, made.fields
            elif asked.get("schema"):
                self._change_schema(table, asked["schema"].get("fields", ()))
            _patch(table.said, asked, TABLE_SAID)
            table.touch()
            return ApiAnswer(200, self._document(table))

    def _change_schema(self, table: Table, asked: Sequence[dict[str, Any]]) -> None:
        """Columns may be added, described, and allowed to be NULL; nothing else."""
        fields = normalised(asked)
        known = {each["name"].casefold(): each for each in fields}
        for each in table.fields:
            now = known.get(each["name"].casefold())
            if now is None or now["type"] != each["type"]:
                said = f"Provided Schema does not match Table {table.full_name}."
                raise Refusal("invalid", f"{said} Field {each['name']} is missing or has another type")
        old = {each["name"].casefold() for each in table.fields}
        more = [each for each in fields if each["name"].casefold() not in old]
        if any(each["mode"] == "REQUIRED" for each in more):
            raise Refusal("invalid", "Cannot add required columns to an existing table schema")
        add_columns(self._session(), table, more)
        if not table.is_view:
            for each in table.fields:
                if each["mode"] == "REQUIRED" and known[each["name"].casefold()]["mode"] == "NULLABLE":
                    raise unknown("a column that need not be there any more")
        table.fields = fields

    def delete_table(self, _request: ApiRequest, dataset: str, name: str) -> ApiAnswer:
        """tables.delete."""
        with self._engine.turn:
            drop_table(self._session(), self._catalog.table(dataset, name))
        return ApiAnswer(204)

    # --- rows -----------------------------------------------------------------------------------------------------

    def list_rows(self, request: ApiRequest, dataset: str, name: str) -> ApiAnswer:
        """tabledata.list."""
        job = self._api.jobs.answering(dataset, name)
        start = int(request.asks("pageToken") or request.asks("startIndex") or 0)
        most = int(request.asks("maxResults") or 10_000)
        stamps = stamps_of(request)
        if request.asks("selectedFields"):
            raise unknown("selectedFields")
        with self._engine.turn:
            if job is not None and job.outcome is not None:
                fields, total = job.outcome.fields or [], len(job.outcome.rows)
                rows = job.outcome.rows[start : start + most]
            else:
                table = self._catalog.table(dataset, name)
                if table.is_view:
                    raise Refusal("invalid", f"Cannot list a table of type VIEW: {table.full_name}")
                fields, total = table.fields, self._count(table)
                with translated():
                    page = exp.select("*").from_(table.physical).limit(most).offset(start)
                    rows = self._session().cursor.execute(page.sql("duckdb")).fetchall()
        told: dict[str, Any] = {"kind": "bigquery#tableDataList", "etag": "rows", "totalRows": str(total)}
        if rows:
            told["rows"] = [row(fields, each, stamps) for each in rows]
        if start + len(rows) < total:
            told["pageToken"] = str(start + len(rows))
        return ApiAnswer(200, told)

    def _session(self) -> Session:
        return self._api.own

    def _count(self, table: Table) -> int:
        return 0 if table.is_view else self._session().count(table.physical)

    def _document(self, table: Table) -> dict[str, Any]:
        home = self._catalog.dataset(table.dataset)
        return table.document(self._api.url, home.location, self._count(table))


def stamps_of(request: ApiRequest) -> str:
    """How timestamps are wanted."""
    wanted = request.asks("formatOptions.timestampOutputFormat")
    if wanted and wanted != "TIMESTAMP_OUTPUT_FORMAT_UNSPECIFIED":
        return wanted
    return "INT64" if request.asks("formatOptions.useInt64Timestamp").lower() == "true" else "FLOAT64"


def _said(asked: dict[str, Any], known: Sequence[str]) -> dict[str, Any]:
    return {key: asked[key] for key in known if asked.get(key) is not None}


def _patch(said: dict[str, Any], asked: dict[str, Any], known: Sequence[str]) -> None:
    """Patch semantics: what is null goes, labels one by one, what is not said stays."""
    for key in known:
        if key not in asked:
            continue
        if asked[key] is None:
            said.pop(key, None)
        elif key == "labels":
            labels = {**said.get("labels", {}), **asked["labels"]}
            said["labels"] = {name: value for name, value in labels.items() if value is not None}
        else:
            said[key] = asked[key]


def _refuse_stale(request: ApiRequest, of: Table | Dataset) -> None:
    wanted = request.headers.get("if-match")
    if wanted not in {None, "*", of.etag()}:
        raise Refusal("conditionNotMet", "Precondition Failed")


def _labelled(labels: dict[str, str], wanted: str) -> bool:
    for each in wanted.split():
        name, _, value = each.removeprefix("labels.").partition(":")
        if name not in labels or (value and labels[name] != value):
            return False
    return True


def _paged(found: list[dict[str, Any]], request: ApiRequest) -> tuple[list[dict[str, Any]], dict[str, str]]:
    start, most = int(request.asks("pageToken") or 0), int(request.asks("maxResults") or _PAGE)
    page = found[start : start + most]
    return page, {"nextPageToken": str(start + most)} if start + most < len(found) else {}
