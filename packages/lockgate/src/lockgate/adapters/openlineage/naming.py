"""What datasets are called, by OpenLineage's naming conventions; never with a user or a password.

Source: openlineage.io/docs/spec/naming; for DuckDB, which that page does not have, what OpenLineage's own integration
with dbt writes: `duckdb://` and the path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lockgate.core.lineage_event import DatasetName
from lockgate.core.relation import Relation
from lockgate.core.secret import SCHEME
from lockgate.core.stream import Source, Stream

FILES = "file"
_POSTGRES_PORT = "5432"
_FILE_KINDS = frozenset({"csv", "parquet", "ndjson"})


@dataclass(frozen=True, slots=True)
class Place:
    """A warehouse: its namespace, and what goes before `schema.name` in names."""

    namespace: str
    before: str = ""
    between: str = "."

    def dataset(self, relation: Relation) -> DatasetName:
        """What a relation there is called."""
        return DatasetName(self.namespace, f"{self.before}{relation.schema}{self.between}{relation.name}")


def target_naming(kind: str, options: Mapping[str, object]) -> Callable[[Relation], DatasetName]:
    """What calls the relations of a target by their names; the options' references are resolved."""
    if kind == "bigquery":
        return _bigquery(options)
    if kind == "postgres":
        server, database = _postgres(str(options["url"]))
        return Place(server, f"{database}.").dataset
    path = str(options.get("path", "")).rstrip("/")
    if kind == "duckdb":
        return Place(f"duckdb://{path}").dataset
    return Place(FILES, f"{path}/", "/").dataset


def stream_name(source: Source, stream: Stream, options: Mapping[str, object], folder: str) -> DatasetName:
    """What a stream is called where it comes from; the `options` are the source's, with its references resolved.

    Of a service whose address is a reference, no more is told than where it is; of another one, no query.
    """
    own = stream.options
    if source.kind in _FILE_KINDS:
        base = str(options.get("path", ".")).rstrip("/")
        root = base if base.startswith("/") else f"{folder}/{base}".removesuffix("/.")
        return DatasetName(FILES, f"{root}/{own.get('path') or stream.name}")
    if source.kind == "postgres":
        server, database = _postgres(str(options["url"]))
        table = str(own.get("table") or stream.name)
        return DatasetName(server, f"{database}.{table if '.' in table else f'public.{table}'}")
    if source.kind == "http":
        return _http(source, stream, str(options["url"]))
    return DatasetName(source.kind, f"{options.get('source') or source.name}.{own.get('resource') or stream.name}")


def _http(source: Source, stream: Stream, url: str) -> DatasetName:
    parts = urlsplit(url)
    place = f"{parts.scheme}://{_host_and_port(parts.hostname, parts.port)}"
    if str(source.options["url"]).startswith(SCHEME):
        return DatasetName(place, f"{source.name}/{stream.name}")
    below = urlsplit(f"/{str(stream.options.get('path') or stream.name).lstrip('/')}").path
    return DatasetName(place, f"{parts.path.rstrip('/')}{below}")


def _bigquery(options: Mapping[str, object]) -> Callable[[Relation], DatasetName]:
    from lockgate.adapters.warehouses.bigquery.names import Names

    names = Names(str(options["project"]), str(options.get("datasets_prefix") or ""))
    return lambda relation: DatasetName("bigquery", names.path(relation))


def _postgres(url: str) -> tuple[str, str]:
    """A server's namespace, and the database that an address names there; of several servers the first."""
    from psycopg.conninfo import conninfo_to_dict

    parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    host = (parts.get("host") or parts.get("hostaddr") or "localhost").split(",")[0]
    host = "localhost" if host.startswith(("/", "@")) else host
    port = parts.get("port", _POSTGRES_PORT).split(",")[0] or _POSTGRES_PORT
    return f"postgres://{_host_and_port(host, int(port))}", parts.get("dbname") or parts.get("user") or "postgres"


def _host_and_port(host: str | None, port: int | None) -> str:
    named = f"[{host}]" if host and ":" in host else host or ""
    return f"{named}:{port}" if port is not None else named
