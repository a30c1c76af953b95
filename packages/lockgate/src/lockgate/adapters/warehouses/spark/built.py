"""What is built in a workshop: a note of its tables and views, replaced whole, and what is read through it."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lockgate.adapters.warehouses.folder.editions import GRACE_SECONDS
from lockgate.adapters.warehouses.folder.layout import Layout, link, remove, written
from lockgate.adapters.warehouses.folder.raw_log import entries, pinned
from lockgate.adapters.warehouses.spark.reading import Files, Source
from lockgate.adapters.warehouses.spark.types import Typed, logical_type, typed
from lockgate.adapters.warehouses.state import State, read_columns
from lockgate.core.relation import Column, Relation
from lockgate.errors import StatementFailed

NOTE = "workshop.json"
RAW = "raw"
TABLES = "tables"


@dataclass(slots=True)
class Table:
    """A table that was built: its folder inside the workshop's, its columns by Spark's types."""

    place: str
    columns: list[Typed]
    provider: str = "parquet"
    partitions: list[str] = field(default_factory=list)


@dataclass(slots=True)
class View:
    """A view that dbt made: its own text, and its columns by Spark's types."""

    text: str
    columns: list[Typed]


@dataclass(slots=True)
class Raw:
    """A stream as it was pinned when the workshop was opened: the folder of links to its files, and its columns."""

    schema: str
    name: str
    place: str
    columns: list[Typed]

    @property
    def relation(self) -> Relation:
        """The stream."""
        return Relation(self.schema, self.name)


@dataclass(slots=True)
class Built:
    """A workshop's note."""

    serial: int = 0
    tables: dict[str, Table] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    raw: list[Raw] = field(default_factory=list)

    def columns(self, schema: str, relation: Relation) -> tuple[Column, ...]:
        """The columns of a relation that the workshop `schema` can read; empty where there is none."""
        found: Table | View | Raw | None
        if relation.schema == schema:
            found = self.tables.get(relation.name) or self.views.get(relation.name)
        else:
            found = next((one for one in self.raw if one.relation == relation), None)
        return tuple(Column(name, logical_type(type_)) for name, type_ in found.columns) if found else ()


def read_built(folder: Path) -> Built:
    """The note of the workshop in `folder`; an empty one where there is none."""
    try:
        told = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Built()
    tables = {name: Table(**_pairs(words)) for name, words in told["tables"].items()}
    views = {name: View(**_pairs(words)) for name, words in told["views"].items()}
    return Built(told["serial"], tables, views, [Raw(**_pairs(words)) for words in told["raw"]])


def _pairs(words: dict[str, Any]) -> dict[str, Any]:
    return words | {"columns": [(name, type_) for name, type_ in words["columns"]]}


def write_built(folder: Path, built: Built) -> None:
    """Puts a note in the place of the one before."""
    with written(folder / NOTE) as aside:
        aside.write_text(json.dumps(asdict(built), ensure_ascii=False, indent=1), encoding="utf-8")


def new_place(folder: Path, built: Built) -> Path:
    """A folder for tables that no note names yet."""
    built.serial += 1
    place = folder / TABLES / str(built.serial)
    remove(place)
    return place


def source_in(folder: Path, schema: str, built: Built, relation: Relation) -> Source | None:
    """What a relation is read from in a workshop; None where it has none of that name."""
    if relation.schema != schema:
        raw = next((one for one in built.raw if one.relation == relation), None)
        return Files(tuple(sorted((folder / raw.place).glob("*.parquet"))), tuple(raw.columns)) if raw else None
    if relation.name in built.tables:
        table = built.tables[relation.name]
        return Files((folder / table.place,), tuple(table.columns), table.provider)
    view = built.views.get(relation.name)
    return _query_of(relation, view.text) if view else None


def _query_of(relation: Relation, text: str) -> Source:
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    hint = "Build it as a table."
    try:
        query = parse_one(text, dialect="spark")
    except SqlglotError as error:
        raise StatementFailed(f"the query of the view {relation} is not understood", hint=hint) from error
    if not isinstance(query, exp.Query):
        raise StatementFailed(f"the text of the view {relation} is no query", hint=hint)
    read: exp.Expression = query  # type: ignore[assignment]  # sqlglot's own stubs tell two trees apart
    return read


def lay_out(layout: Layout, state: State, schema: str) -> None:
    """Links what is pinned now into a workshop's folder, and sweeps tables that no note names; what is built stays."""
    folder = layout.workshop(schema)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / RAW, ignore_errors=True)
    built = read_built(folder)
    pins = {pin.relation: pin for pin in state.all_pins()}
    built.raw = []
    for number, (stream_schema, name, columns) in enumerate(sorted(state.streams)):
        stream = Relation(stream_schema, name)
        place = folder / RAW / str(number)
        place.mkdir(parents=True)
        for entry in pinned(entries(layout, stream), pins.get(stream)):
            for file in entry.files:
                link(file, place / f"{entry.folder.name}-{file.name}")
        columns_now = list(typed(read_columns(columns)))
        built.raw.append(Raw(stream_schema, name, str(place.relative_to(folder)), columns_now))
    write_built(folder, built)
    _sweep(folder, built)


def _sweep(folder: Path, built: Built) -> None:
    """Removes folders of tables that the note does not name, once nobody can be reading them any more."""
    needed = {Path(table.place).parts[1] for table in built.tables.values() if not Path(table.place).is_absolute()}
    for place in (folder / TABLES).glob("*"):
        if place.name not in needed and place.stat().st_mtime < time.time() - GRACE_SECONDS:
            remove(place)
