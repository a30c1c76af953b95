"""A way to stage one package and see what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lockgate.adapters.staging.duckdb import DuckDBStager
from lockgate.core.ports import Package, Staged, StagedFile, StagingOrder
from lockgate.core.relation import Column
from lockgate.core.stream import Stream
from lockgate.core.types import ColumnType


@dataclass
class Outcome:
    staged: Staged

    @property
    def types(self) -> dict[str, str]:
        return {column.name: str(column.type) for column in self.staged.columns}

    @property
    def rows(self) -> list[dict]:
        rows = pq.read_table(self.staged.file).to_pylist()
        return [{name: value for name, value in row.items() if not name.startswith("_")} for row in rows]

    @property
    def positions(self) -> list[int]:
        return pq.read_table(self.staged.file).column("_row").to_pylist()

    @property
    def rejects(self) -> list[tuple]:
        if self.staged.rejects is None:
            return []
        found = pq.read_table(self.staged.rejects).to_pylist()
        return [(one["_row"], one["column"], one["reason"], one["record"]) for one in found]


class Bench:
    """Stages contents one after the other, as one load would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    @staticmethod
    def columns(**types: str) -> tuple[Column, ...]:
        return tuple(Column(name, ColumnType.parse(type_)) for name, type_ in types.items())

    def stage(self, content, stream: Stream | None = None, **said) -> Outcome:
        self.count += 1
        order = StagingOrder(stream or Stream("things"), load_id=7, number=self.count, first_row=1, folder=self.folder)
        package = Package(content, None, **{name: said.pop(name) for name in ("within", "columns") if name in said})
        return Outcome(DuckDBStager().stage(package, replace(order, **said)))

    def file(self, name: str, text: str | bytes, **options: object) -> StagedFile:
        path = self.folder / name
        self.folder.mkdir(exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        form = "ndjson" if ".ndjson" in name else "parquet" if name.endswith("parquet") else "csv"
        return StagedFile(path, form, options)


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path / "staged")
