"""Which adapter answers for a kind, found late: a table of names, and one function that follows them."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any

from lockgate.errors import ExtraMissing, UnknownName

WAREHOUSES = {
    "duckdb": "lockgate.adapters.warehouses.duckdb:open_duckdb",
    "postgres": "lockgate.adapters.warehouses.postgres:open_postgres",
}
SOURCES = {
    "csv": "lockgate.adapters.sources.files:open_csv",
    "dlt": "lockgate.adapters.sources.dlt:open_dlt",
    "http": "lockgate.adapters.sources.http:open_http",
    "ndjson": "lockgate.adapters.sources.files:open_ndjson",
    "parquet": "lockgate.adapters.sources.files:open_parquet",
    "postgres": "lockgate.adapters.sources.postgres:open_postgres",
}
# What takes the values of rows out of a database's words, by the target's kind.
WITHOUT_VALUES = {
    "duckdb": "lockgate.adapters.warehouses.duckdb.failures:without_values",
    "postgres": "lockgate.adapters.warehouses.postgres.failures:without_values",
}


def adapter(table: dict[str, str], kind: str) -> Any:
    """The factory that `table` names for `kind`.

    Raises:
        UnknownName: the table has no such kind.
        ExtraMissing: the adapter's vendor is not installed.
    """
    if kind not in table:
        near = get_close_matches(kind, table, n=1)
        suggestion = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(table)}"
        raise UnknownName(f"there is no kind {kind!r}{suggestion}", kind=kind)
    module, attribute = table[kind].split(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise ExtraMissing(f"kind {kind!r} needs the package {error.name!r}, which is not installed") from error
