"""What is asked of BigQuery: jobs under ids of our own, so that a lost answer is asked for again, never the work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast
from uuid import uuid4

from lockgate.adapters.exchange import Patience, retrying
from lockgate.adapters.warehouses.bigquery.failures import is_lease_lost, translated
from lockgate.adapters.warehouses.bigquery.names import Names
from lockgate.adapters.warehouses.bigquery.session import Session
from lockgate.adapters.warehouses.bigquery.types import as_read
from lockgate.adapters.warehouses.named_sql import statements
from lockgate.core.relation import Column, Relation
from lockgate.errors import TargetBusy, WarehouseUnavailable

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud.bigquery import LoadJob, QueryJob, ScalarQueryParameter, SchemaField, Table

CONTROL = "lockgate"
TABLES = ("lease", "load", "pin", "quarantine", "route", "state")
# How often a statement that came second is tried again, with waits that grow to five seconds.
TURNS = Patience(attempts=40, first_wait_seconds=0.05, longest_wait_seconds=5.0)
_UPLOADS = Patience(attempts=4, first_wait_seconds=0.25, longest_wait_seconds=10.0)
_LABELS = {"application": "lockgate"}
_GRACE_SECONDS = 60.0

Word: TypeAlias = "str | int | bool | datetime | None"
Words: TypeAlias = Mapping[str, Word]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may cost, in bytes that are billed, and how long it may take."""

    maximum_bytes_billed: int | None
    job_timeout_seconds: float


class Jobs:
    """Statements, loads and tables of one project; `billed_bytes` counts what was billed for statements."""

    def __init__(self, session: Session, names: Names, limits: Limits) -> None:
        """Take how the project is reached, what relations are called there, and what a job may cost."""
        self.session = session
        self.names = names
        self.limits = limits
        self.billed_bytes = 0
        self._control = {f"{name}_table": names.quoted(Relation(CONTROL, name)) for name in TABLES}

    def composed(self, name: str, **parts: str | int) -> str:
        """The statement of that name with what its braces ask for: SQL, quoted names, numbers."""
        return statements(__package__, "statements.sql")[name].format(**self._control, **parts)

    def rows(self, sql: str, words: Words | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with translated():
            return [tuple(row.values()) for row in self._done(sql, words or {})[1]]

    def arrow(self, sql: str) -> pa.Table:
        """The rows of a query, in Arrow, under the columns' own names."""
        with translated():
            return as_read(self._done(sql, {})[1].to_arrow(create_bqstorage_client=False))

    @contextmanager
    def stream(self, sql: str, columns: Sequence[Column]) -> Iterator[pa.RecordBatchReader]:
        """The rows of a query as they come, a page at a time, in the Arrow types of these columns."""
        import pyarrow as pa

        from lockgate.core.arrow import arrow_schema

        schema = arrow_schema(tuple(columns))
        with translated():
            pages = self._done(sql, {})[1].to_arrow_iterable()
            yield pa.RecordBatchReader.from_batches(schema, (_as_said(page, schema) for page in pages))

    def change(self, sql: str, words: Words | None = None) -> int:
        """Executes a statement that changes rows, again where another one came first; how many rows it changed."""
        return retrying(TURNS, TargetBusy, unless=is_lease_lost)(self.execute, sql, words)

    def execute(self, sql: str, words: Words | None = None) -> int:
        """Executes a statement or a script once; how many rows a statement changed.

        Raises:
            TargetBusy: another one came first, or the script's lease is not held any more; nothing was changed.
        """
        with translated():
            job, _ = self._done(sql, words or {})
            return job.num_dml_affected_rows or 0

    def load(self, file: Path, destination: Relation, schema: Iterable[SchemaField]) -> int:
        """Adds the rows of a Parquet file to a table, once, however often an answer is lost; how many there were."""
        from google.cloud.bigquery import LoadJobConfig

        config = LoadJobConfig(
            schema=list(schema), source_format="PARQUET", write_disposition="WRITE_APPEND", labels=_LABELS
        )
        config.column_name_character_map = "V2"
        job_id = _new_id()

        def once() -> int:
            with file.open("rb") as body, translated():
                return self._loaded(body, self.names.path(destination), config, job_id)

        return retrying(_UPLOADS, WarehouseUnavailable, TargetBusy)(once)

    def table(self, relation: Relation) -> Table | None:
        """What BigQuery says of a table or view; None where there is none."""
        from google.api_core.exceptions import NotFound

        with translated():
            try:
                return self.session.client.get_table(self.names.path(relation), **self.session.patience())
            except NotFound:
                return None

    def create(self, table: Table) -> None:
        """Creates a table of a name that nobody else gives; once, however often an answer is lost."""
        with translated():
            self.session.client.create_table(table, exists_ok=True, **self.session.patience())

    def drop(self, relation: Relation) -> None:
        """Drops a table or view, where it is there."""
        with translated():
            path = self.names.path(relation)
            self.session.client.delete_table(path, not_found_ok=True, **self.session.patience())

    def expire(self, relation: Relation, when: datetime | None) -> Table:
        """Says when a table goes by itself, None: never; gives it as it is now.

        Raises:
            StatementFailed: it is not there.
        """
        from google.cloud.bigquery import Table

        told = Table(self.names.path(relation))  # without a mark of what it was, so that other changes do not matter
        told.expires = when
        with translated():
            return self.session.client.update_table(told, ["expires"], **self.session.patience())

    def create_schema(self, schema: str) -> None:
        """Creates a schema's dataset where it is missing."""
        from google.cloud.bigquery import Dataset, DatasetReference

        dataset = Dataset(DatasetReference(self.names.project, self.names.dataset(schema)))
        dataset.location = self.session.location
        with translated():
            self.session.client.create_dataset(dataset, exists_ok=True, **self.session.patience())

    def _done(self, sql: str, words: Words) -> tuple[QueryJob, Any]:
        from google.api_core.exceptions import Conflict
        from google.cloud.bigquery import QueryJobConfig

        config = QueryJobConfig(query_parameters=[_parameter(*word) for word in words.items()], labels=_LABELS)
        config.job_timeout_ms = int(self.limits.job_timeout_seconds * 1000)
        if self.limits.maximum_bytes_billed is not None:
            config.maximum_bytes_billed = self.limits.maximum_bytes_billed
        client, job_id, patience = self.session.client, _new_id(), self.session.patience()
        try:
            job = client.query(sql, job_config=config, job_id=job_id, job_retry=None, **patience)
        except Conflict:  # it was begun, and the answer was lost
            job = cast("QueryJob", client.get_job(job_id, location=self.session.location, **patience))
        waits = self.limits.job_timeout_seconds + _GRACE_SECONDS
        rows = job.result(timeout=waits, retry=patience["retry"], job_retry=None)
        self.billed_bytes += int(job.total_bytes_billed or 0)
        return job, rows

    def _loaded(self, body: IO[bytes], destination: str, config: Any, job_id: str) -> int:
        from google.api_core.exceptions import Conflict

        client, patience = self.session.client, self.session.patience()
        try:
            given = {"job_id": job_id, "job_config": config, "timeout": patience["timeout"]}
            job = client.load_table_from_file(body, destination, **given)
        except Conflict:
            job = cast("LoadJob", client.get_job(job_id, location=self.session.location, **patience))
        job.result(timeout=self.limits.job_timeout_seconds + _GRACE_SECONDS, retry=patience["retry"])
        return int(job.output_rows or 0)


def _as_said(page: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    values = [page.column(number).cast(one.type) for number, one in enumerate(schema)]
    return pa.RecordBatch.from_arrays(values, schema=schema)


def _new_id() -> str:
    return f"lockgate-{uuid4().hex}"


def _parameter(name: str, value: Word) -> ScalarQueryParameter:
    from google.cloud.bigquery import ScalarQueryParameter

    kind = "STRING"
    if isinstance(value, bool):
        kind = "BOOL"
    elif isinstance(value, int):
        kind = "INT64"
    elif isinstance(value, datetime):
        kind = "TIMESTAMP"
    return ScalarQueryParameter(name, kind, value)
