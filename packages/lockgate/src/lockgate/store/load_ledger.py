"""Loads and the packages they have staged so far: `LoadLedger` over the control plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, case, delete, func, insert, select, update

from lockgate.core.load import CursorRange, Load, LoadMode, LoadStatus
from lockgate.core.ports import Staged
from lockgate.core.relation import Column, Relation
from lockgate.core.types import ColumnType
from lockgate.errors import TargetBusy, UnknownName
from lockgate.store.database import Database
from lockgate.store.scope import Scope
from lockgate.store.tables import counter, load, staged_package

FINAL = (LoadStatus.LANDED, LoadStatus.FAILED)


class StoredLoads:
    """The loads of one project on one target; their numbers grow over everything that the control plane serves."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep loads of `scope` in `database`."""
        self._database = database
        self._scope = scope

    def open_load(self, opened: Load) -> Load:
        """Stores a new load under the next free number, which is not below its own `load_id`."""
        with self._database.writing() as connection:
            stored = _numbered(connection, opened)
            connection.execute(insert(load).values(self._scope.values() | _row(stored)))
        return stored

    def unfinished(self, source: str, stream: str) -> Load | None:
        """The stream's newest load that was begun and neither landed nor failed."""
        query = (
            select(load)
            .where(self._scope.of(load), load.c.source == source, load.c.stream == stream)
            .where(load.c.status.not_in(FINAL))
            .order_by(load.c.load_id.desc())
        )
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else load_of_row(row)

    def staged(self, load_id: int) -> tuple[tuple[Staged, Mapping[str, object] | None], ...]:
        """The packages staged so far, in order, each with its resume point; none once the load has ended."""
        query = select(staged_package).where(staged_package.c.load_id == load_id).order_by(staged_package.c.number)
        with self._database.reading() as connection:
            return tuple((_staged(row), row["resume"]) for row in connection.execute(query).mappings())

    def add_staged(self, load_id: int, staged: Staged, resume: Mapping[str, object] | None) -> None:
        """Stores that one more package is staged.

        Raises:
            TargetBusy: the load was ended meanwhile, or is not there.
        """
        with self._database.writing() as connection:
            _refuse_ended(connection, load_id)
            highest = func.coalesce(func.max(staged_package.c.number), 0)
            last = connection.scalar(select(highest).where(staged_package.c.load_id == load_id)) or 0
            values = _staged_row(staged) | {"load_id": load_id, "number": last + 1, "resume": resume}
            connection.execute(insert(staged_package).values(values))

    def finish(self, finished: Load) -> None:
        """Stores how far a load has come; one that has ended forgets its packages. Again the same changes nothing.

        Raises:
            TargetBusy: another process ended the load otherwise.
        """
        with self._database.writing() as connection:
            stored = connection.scalar(select(load.c.status).where(load.c.load_id == finished.load_id))
            if stored == finished.status:
                return
            _refuse_ended(connection, finished.load_id)
            connection.execute(update(load).where(load.c.load_id == finished.load_id).values(_row(finished)))
            if finished.status in FINAL:
                connection.execute(delete(staged_package).where(staged_package.c.load_id == finished.load_id))

    def loads(
        self,
        *,
        source: str | None = None,
        stream: str | None = None,
        status: LoadStatus | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[Load, ...]:
        """The newest loads first, numbered below `before` where it is given."""
        wanted = {load.c.source: source, load.c.stream: stream, load.c.status: status}
        query = select(load).where(self._scope.of(load))
        query = query.where(*(column == value for column, value in wanted.items() if value is not None))
        if before is not None:
            query = query.where(load.c.load_id < before)
        query = query.order_by(load.c.load_id.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(load_of_row(row) for row in connection.execute(query).mappings())

    def clean_streams(self) -> frozenset[tuple[str, str]]:
        """The streams, each with its source, of which loads are known and no load set a record aside."""
        rejected = case((load.c.status.in_(FINAL), load.c.rejected), else_=1)  # one under way may still do so
        query = select(load.c.source, load.c.stream).where(self._scope.of(load)).group_by(load.c.source, load.c.stream)
        with self._database.reading() as connection:
            found = connection.execute(query.having(func.max(rejected) == 0)).mappings().all()
        return frozenset((row["source"], row["stream"]) for row in found)

    def load(self, load_id: int) -> Load:
        """One load.

        Raises:
            UnknownName: there is none of that number on this target.
        """
        with self._database.reading() as connection:
            query = select(load).where(self._scope.of(load), load.c.load_id == load_id)
            row = connection.execute(query).mappings().first()
        if row is None:
            raise UnknownName(f"there is no load {load_id}", hint="`lockgate loads list` shows them.", load_id=load_id)
        return load_of_row(row)


def _numbered(connection: Connection, opened: Load) -> Load:
    """The load under the next number."""
    following = counter.c.value + 1
    highest = case((following > opened.load_id, following), else_=opened.load_id)
    taken = update(counter).where(counter.c.name == load.name).values(value=highest).returning(counter.c.value)
    return replace(opened, load_id=connection.execute(taken).scalar_one())


def _refuse_ended(connection: Connection, load_id: int) -> None:
    """Lets nobody go on with a load that has ended."""
    status = connection.scalar(select(load.c.status).where(load.c.load_id == load_id).with_for_update())
    if status is None or status in FINAL:
        message = f"load {load_id} was ended by another process ({status or 'it is not there'})"
        raise TargetBusy(message, load_id=load_id)


def _row(value: Load) -> dict[str, Any]:
    """A load as columns."""
    return {
        "load_id": value.load_id,
        "source": value.source,
        "stream": value.stream,
        "relation_schema": value.relation.schema,
        "relation_name": value.relation.name,
        "mode": value.mode,
        "status": value.status,
        "started_at": value.started_at,
        "finished_at": value.finished_at,
        "rows": value.rows,
        "rejected": value.rejected,
        "bytes": value.bytes,
        "files": value.files,
        "cursor_since": value.cursor.since,
        "cursor_until": value.cursor.until,
        "error": value.error,
    }


def load_of_row(row: RowMapping) -> Load:
    """Columns as a load."""
    return Load(
        load_id=row["load_id"],
        source=row["source"],
        stream=row["stream"],
        relation=Relation(row["relation_schema"], row["relation_name"]),
        mode=LoadMode(row["mode"]),
        status=LoadStatus(row["status"]),
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        rows=row["rows"],
        rejected=row["rejected"],
        bytes=row["bytes"],
        files=row["files"],
        cursor=CursorRange(row["cursor_since"], row["cursor_until"]),
        error=row["error"],
    )


def _staged_row(value: Staged) -> dict[str, Any]:
    """A staged package as columns, but for its load and number."""
    return {
        "file": str(value.file),
        "rejects": None if value.rejects is None else str(value.rejects),
        "columns": [[column.name, str(column.type), column.description] for column in value.columns],
        "rows": value.rows,
        "rejected": value.rejected,
        "cursor_until": value.cursor_until,
    }


def _staged(row: RowMapping) -> Staged:
    """Columns as a staged package."""
    return Staged(
        file=Path(row["file"]),
        rejects=None if row["rejects"] is None else Path(row["rejects"]),
        columns=tuple(Column(name, ColumnType.parse(type_), text) for name, type_, text in row["columns"]),
        rows=row["rows"],
        rejected=row["rejected"],
        cursor_until=row["cursor_until"],
    )
