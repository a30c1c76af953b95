"""The Spark of a process that builds in a workshop by itself, as dbt does: a catalog made of the workshop's note.

What a process builds stays in memory's catalog until `keep` writes the note anew; one that dies before has changed
nothing that anybody reads, but for what it wrote into tables that were there.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lockgate.adapters.warehouses.spark.built import Built, Table, View, new_place, read_built, write_built
from lockgate.adapters.warehouses.spark.engine import Engine
from lockgate.adapters.warehouses.spark.names import identifier
from lockgate.adapters.warehouses.spark.reading import PATTERNS
from lockgate.adapters.warehouses.spark.types import Typed, schema_of

# What Spark's catalog takes for a name.
_NAMED = re.compile(r"\w+", re.ASCII)


class Building:
    """One process's catalog of one workshop."""

    def __init__(self, folder: Path, schema: str, master: str, conf: Mapping[str, str]) -> None:
        """Start a Spark whose catalog has the workshop's tables and views, and raw as it was pinned.

        Raises:
            CapabilityMissing: there is no Java.
        """
        self._folder = folder
        self._schema = schema
        self._built = read_built(folder)
        self._base = plain(folder)
        self._place = self._base / new_place(folder, self._built).relative_to(folder)
        self.spark = Engine(master, tuple(sorted(conf.items()))).session()
        self._fill()

    def keep(self) -> None:
        """Writes the note of what the catalog has now."""
        found = self.spark.sql(f"SHOW TABLES IN {identifier(self._schema)}").collect()
        names = [row["tableName"] for row in found if not row["isTemporary"]]
        tables: dict[str, Table] = {}
        views: dict[str, View] = {}
        for name in names:
            told = self._described(name)
            columns = [(str(one["name"]), type_text(one["type"])) for one in told["columns"]]
            if told["type"] == "VIEW":
                views[name] = View(str(told["view_text"]), columns)
            else:
                tables[name] = self._table(told, columns)
        write_built(self._folder, Built(self._built.serial, tables, views, self._built.raw))

    def _table(self, told: dict[str, Any], columns: list[Typed]) -> Table:
        place = Path(str(told["location"]).removeprefix("file:"))
        inside = place.is_relative_to(self._base)
        partitions = [str(name) for name in told.get("partition_columns") or ()]
        written = str(place.relative_to(self._base)) if inside else str(place)
        return Table(written, columns, str(told.get("provider", "parquet")).lower(), partitions)

    def _described(self, name: str) -> dict[str, Any]:
        table = identifier(self._schema, name)
        (row,) = self.spark.sql(f"DESCRIBE TABLE EXTENDED {table} AS JSON").collect()
        told: dict[str, Any] = json.loads(row[0])
        return told

    def _fill(self) -> None:
        schema = identifier(self._schema)
        self.spark.sql(f"CREATE DATABASE IF NOT EXISTS {schema} LOCATION {_text(self._place)}")
        for raw in self._built.raw:
            if _NAMED.fullmatch(raw.schema) and _NAMED.fullmatch(raw.name):
                self.spark.sql(f"CREATE DATABASE IF NOT EXISTS {identifier(raw.schema)} LOCATION {_text(self._place)}")
                self._link(identifier(raw.schema, raw.name), Table(raw.place, raw.columns))
        for name, table in self._built.tables.items():
            if _NAMED.fullmatch(name):
                self._link(identifier(self._schema, name), table)
        self._restore_views()

    def _link(self, name: str, table: Table) -> None:
        """A table over files that are there; dropping it leaves them."""
        columns = f"({schema_of(table.columns)})" if not table.partitions else ""
        place = _text(self._base / table.place)
        self.spark.sql(f"CREATE TABLE {name} {columns} USING {table.provider} LOCATION {place}")

    def _restore_views(self) -> None:
        """Makes the views again, each after those it reads; one that reads what is gone goes, too."""
        from pyspark.errors import AnalysisException

        left = dict(self._built.views)
        while left:
            made = []
            for name, view in left.items():
                try:
                    self.spark.sql(f"CREATE VIEW {identifier(self._schema, name)} AS {view.text}")
                    made.append(name)
                except AnalysisException:
                    continue
            if not made:
                return
            for name in made:
                del left[name]


def plain(folder: Path) -> Path:
    """A path to a folder in which Spark sees no pattern: a link to it where its own has marks of one."""
    if not PATTERNS.search(str(folder)):
        return folder
    link = Path(tempfile.mkdtemp(prefix="lockgate-spark-")) / "workshop"
    link.symlink_to(folder)
    return link


def type_text(told: Mapping[str, Any]) -> str:
    """A type as Spark describes it in JSON, as Spark writes it."""
    name = str(told["name"])
    if name == "decimal":
        return f"decimal({told['precision']},{told['scale']})"
    if name == "array":
        return f"array<{type_text(told['element_type'])}>"
    if name == "map":
        return f"map<{type_text(told['key_type'])},{type_text(told['value_type'])}>"
    if name == "struct":
        inside = ",".join(f"{identifier(one['name'])}:{type_text(one['type'])}" for one in told["fields"])
        return f"struct<{inside}>"
    return {"timestamp_ltz": "timestamp", "varchar": "string", "char": "string"}.get(name, name)


def _text(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
