"""A load's surroundings, all real: files, a stager, a ledger on SQLite, a DuckDB target."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlglot import exp

from lockgate.adapters.sources.files import open_csv, open_ndjson
from lockgate.adapters.staging.duckdb import DuckDBStager
from lockgate.adapters.warehouses.duckdb import open_duckdb
from lockgate.core.load import Load, pin_of
from lockgate.core.relation import Column
from lockgate.core.run import Bounds
from lockgate.core.sql import table
from lockgate.core.stream import Source, Stream
from lockgate.core.types import ColumnType
from lockgate.ingest import LoadPorts, load_stream
from lockgate.store import open_store

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


class NoSecrets:
    def resolve(self, reference: str) -> str:
        return reference


@dataclass
class House:
    """One stream `things` of files, and the target it is loaded into."""

    folder: Path
    stream: Stream = field(default_factory=lambda: Stream("things", options={"path": "*.ndjson"}))
    kind: str = "ndjson"
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.store = open_store(f"sqlite:///{self.folder / 'control.db'}", project="p", target="main")
        self.warehouse = open_duckdb("main", self.folder / "warehouse", clock=lambda: self.now)
        self.warehouse.prepare()

    @property
    def source(self) -> Source:
        return Source("s", self.kind, (self.stream,), options={"path": str(self.folder / "files")})

    @property
    def ports(self) -> LoadPorts:
        opened = {"ndjson": open_ndjson, "csv": open_csv}[self.kind](self.source, NoSecrets(), self.folder)
        loads = self.folder / "loads"
        return LoadPorts(opened, DuckDBStager(), self.store.loads, self.warehouse, loads, lambda: self.now)

    @staticmethod
    def columns(**types: str) -> tuple[Column, ...]:
        return tuple(Column(name, ColumnType.parse(type_)) for name, type_ in types.items())

    def write(self, name: str, *records: object) -> None:
        path = self.folder / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")

    def load(self, bounds: Bounds | None = None, **changed: object) -> Load:
        self.now += timedelta(minutes=1)
        return load_stream(self.source, self.stream, replace(self.ports, **changed), bounds or Bounds())

    @property
    def relation(self):
        return self.source.relation(self.stream)

    @property
    def landed(self):
        return self.warehouse.landed(self.relation)

    @property
    def rows(self) -> list[dict]:
        """What `raw` shows, by load and position, without the load ids."""
        self.warehouse.move_pins([pin_of(self.relation, self.landed)])
        found = self.warehouse.query(exp.select("*").from_(table(self.relation))).to_pylist()
        ordered = sorted(found, key=lambda row: (row["_load_id"], row["_row"]))
        return [{name: value for name, value in row.items() if not name.startswith("_")} for row in ordered]

    @property
    def types(self) -> dict[str, str]:
        found = self.warehouse.columns(self.relation)
        return {column.name: str(column.type) for column in found if not column.name.startswith("_")}

    @property
    def statuses(self) -> list[str]:
        return [load.status.value for load in reversed(self.store.loads.loads())]

    @property
    def left_staged(self) -> list[Path]:
        return list((self.folder / "loads").glob("*"))


@pytest.fixture
def house(tmp_path) -> House:
    return House(tmp_path)
