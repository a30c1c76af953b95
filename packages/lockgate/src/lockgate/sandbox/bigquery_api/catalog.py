"""The datasets and tables of the stand-in for BigQuery: what is said of them, apart from the rows."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockgate.sandbox.bigquery_api.fields import Field
from lockgate.sandbox.bigquery_api.refusals import Refusal, missing

_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE = re.compile(r"[\w \-]{1,1024}")
# What may be said of a table or dataset by whoever makes or patches it, and is answered as it was said.
TABLE_SAID = (
    "friendlyName", "description", "labels", "expirationTime", "timePartitioning", "rangePartitioning", "clustering",
    "requirePartitionFilter", "tableConstraints", "maxStaleness",
)  # fmt: skip
DATASET_SAID = (
    "friendlyName", "description", "labels", "access", "defaultTableExpirationMs", "defaultPartitionExpirationMs",
    "maxTimeTravelHours", "storageBillingModel",
)  # fmt: skip


def now_ms() -> int:
    """This moment, in milliseconds since 1970."""
    return int(time.time() * 1000)


def _etag(*of: object) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True, default=str).encode()).hexdigest()[:22] + "=="


@dataclass(slots=True)
class Table:
    """A table, whose rows are in DuckDB under `physical`, or a view, with a `query`."""

    project: str
    dataset: str
    name: str
    fields: list[Field]
    physical: str = ""
    query: str = ""
    said: dict[str, Any] = field(default_factory=dict)
    created_ms: int = field(default_factory=now_ms)
    modified_ms: int = field(default_factory=now_ms)
    version: int = 0
    changed: int = 0

    @property
    def is_view(self) -> bool:
        """Whether it is a view."""
        return bool(self.query)

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return "expirationTime" in self.said and int(self.said["expirationTime"]) <= now_ms()

    @property
    def full_name(self) -> str:
        """As messages name it."""
        return f"{self.project}:{self.dataset}.{self.name}"

    def reference(self) -> dict[str, str]:
        """A `TableReference`."""
        return {"projectId": self.project, "datasetId": self.dataset, "tableId": self.name}

    def touch(self) -> None:
        """It is another version now."""
        self.version += 1
        self.modified_ms = now_ms()

    def etag(self) -> str:
        """Another one for each version."""
        return _etag(self.physical, self.query, self.version, self.said, self.fields, self.created_ms)

    def listed(self) -> dict[str, Any]:
        """As lists have it."""
        told = ("labels", "friendlyName", "timePartitioning", "clustering", "expirationTime")
        said = {key: self.said[key] for key in told if key in self.said}
        view = {"view": {"useLegacySql": False}} if self.is_view else {}
        kind = {"kind": "bigquery#table", "type": "VIEW" if self.is_view else "TABLE"}
        names = {"id": self.full_name, "tableReference": self.reference(), "creationTime": str(self.created_ms)}
        return {**kind, **names, **said, **view}

    def document(self, url: str, location: str, rows: int) -> dict[str, Any]:
        """As it is answered; a view has no rows of its own."""
        path = f"/bigquery/v2/projects/{self.project}/datasets/{self.dataset}/tables/{self.name}"
        told = {
            "kind": "bigquery#table",
            "etag": self.etag(),
            "id": self.full_name,
            "selfLink": url + path,
            "tableReference": self.reference(),
            "schema": {"fields": self.fields},
            "creationTime": str(self.created_ms),
            "lastModifiedTime": str(self.modified_ms),
            "location": location,
            "type": "VIEW" if self.is_view else "TABLE",
            "numRows": str(rows),
            "numBytes": str(rows * 8 * len(self.fields)),
            "numLongTermBytes": "0",
        }
        view = {"view": {"query": self.query, "useLegacySql": False}} if self.is_view else {}
        return {**told, **self.said, **view}


@dataclass(slots=True)
class Dataset:
    """A dataset, with its tables by name."""

    project: str
    name: str
    location: str
    said: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    created_ms: int = field(default_factory=now_ms)
    modified_ms: int = field(default_factory=now_ms)
    version: int = 0
    is_hidden: bool = False

    def reference(self) -> dict[str, str]:
        """A `DatasetReference`."""
        return {"projectId": self.project, "datasetId": self.name}

    def etag(self) -> str:
        """Another one for each version."""
        return _etag(self.version, self.said, self.created_ms)

    def touch(self) -> None:
        """It is another version now."""
        self.version += 1
        self.modified_ms = now_ms()

    def listed(self) -> dict[str, Any]:
        """As lists have it."""
        said = {key: self.said[key] for key in ("labels", "friendlyName") if key in self.said}
        told = {"kind": "bigquery#dataset", "id": f"{self.project}:{self.name}", "location": self.location}
        return {**told, "datasetReference": self.reference(), **said}

    def document(self, url: str) -> dict[str, Any]:
        """As it is answered."""
        return {
            "kind": "bigquery#dataset",
            "etag": self.etag(),
            "id": f"{self.project}:{self.name}",
            "selfLink": f"{url}/bigquery/v2/projects/{self.project}/datasets/{self.name}",
            "datasetReference": self.reference(),
            "location": self.location,
            "creationTime": str(self.created_ms),
            "lastModifiedTime": str(self.modified_ms),
            "type": "DEFAULT",
            **self.said,
        }


class Catalog:
    """What there is in a project; names of datasets and tables are case-sensitive."""

    def __init__(self, project: str, location: str) -> None:
        """Empty."""
        self.project = project
        self.location = location
        self.datasets: dict[str, Dataset] = {}
        self._numbers = itertools.count(1)

    def physical(self) -> str:
        """A name that no table had in DuckDB."""
        return f"t{next(self._numbers)}"

    def add_dataset(self, name: str, location: str = "", said: Mapping[str, Any] | None = None) -> Dataset:
        """A new dataset.

        Raises:
            Refusal: the name is not one, or is taken.
        """
        if not _DATASET.fullmatch(name):
            said_so = "Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long."
            raise Refusal("invalid", f'Invalid dataset ID "{name}". {said_so}')
        if name in self.datasets:
            raise Refusal("duplicate", f"Already Exists: Dataset {self.project}:{name}")
        made = Dataset(self.project, name, location or self.location, dict(said or {}))
        self.datasets[name] = made
        return made

    def dataset(self, name: str, project: str = "") -> Dataset:
        """A dataset.

        Raises:
            Refusal: there is none such.
        """
        if (project or self.project) != self.project or name not in self.datasets:
            raise missing("Dataset", f"{project or self.project}:{name}")
        found = self.datasets[name]
        for table in [each for each in found.tables.values() if each.is_expired]:
            del found.tables[table.name]
        return found

    def table(self, dataset: str, name: str, project: str = "") -> Table:
        """A table or view.

        Raises:
            Refusal: there is none such.
        """
        home = self.dataset(dataset, project)
        if name not in home.tables:
            raise missing("Table", f"{self.project}:{dataset}.{name}")
        return home.tables[name]

    def put(self, table: Table) -> None:
        """A table under its name, in the place of whatever was there.

        Raises:
            Refusal: the name is not one.
        """
        if not _TABLE.fullmatch(table.name):
            raise Refusal("invalid", f'Invalid table ID "{table.name}".')
        self.dataset(table.dataset).tables[table.name] = table

    def all(self) -> Iterator[Table]:
        """Every table and view."""
        for dataset in self.datasets.values():
            yield from dataset.tables.values()

    def copied(self) -> Catalog:
        """As it is now, for whoever reads it later."""
        made = Catalog(self.project, self.location)
        made._numbers = self._numbers
        for name, each in self.datasets.items():
            made.datasets[name] = Dataset(each.project, name, each.location, each.said, dict(each.tables))
        return made
