"""Comparisons of entities as evidence, and the columns that were seen to differ by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import and_, delete, insert, select

from lockgate.core.comparison import Comparison, ComparisonRecord, ComparisonRequest, Noise, Verdict
from lockgate.core.comparison_document import kept_document
from lockgate.core.plain import to_plain
from lockgate.errors import UnknownName
from lockgate.store.database import Database
from lockgate.store.exclusion import exclude_others
from lockgate.store.scope import Scope
from lockgate.store.tables import comparison, noise


class ComparisonLog:
    """The comparisons of one project on one target."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep comparisons of `scope` in `database`."""
        self._database = database
        self._scope = scope

    def add_comparison(self, entity: str, request: ComparisonRequest, found: Comparison, at: datetime) -> int:
        """Stores what was asked and what came of comparing an entity, without the values of its rows: its number."""
        values = {
            "entity": entity,
            "verdict": found.verdict,
            "unexplained": found.unexplained,
            "compared_at": at,
            "found": to_plain(kept_document(found, request)),
        }
        with self._database.writing() as connection:
            taken = insert(comparison).values(self._scope.values() | values).returning(comparison.c.comparison_id)
            return int(connection.execute(taken).scalar_one())

    def comparisons(
        self,
        entity: str | None = None,
        *,
        verdict: Verdict | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[ComparisonRecord, ...]:
        """The newest comparisons first, numbered below `before` where it is given."""
        query = select(comparison).where(self._scope.of(comparison))
        if entity is not None:
            query = query.where(comparison.c.entity == entity)
        if verdict is not None:
            query = query.where(comparison.c.verdict == verdict)
        if before is not None:
            query = query.where(comparison.c.comparison_id < before)
        query = query.order_by(comparison.c.comparison_id.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(_record(dict(row)) for row in connection.execute(query).mappings())

    def comparison(self, comparison_id: int) -> ComparisonRecord:
        """One comparison.

        Raises:
            UnknownName: there is none of that number on this target.
        """
        query = select(comparison).where(self._scope.of(comparison), comparison.c.comparison_id == comparison_id)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise UnknownName(f"there is no comparison {comparison_id}", comparison_id=comparison_id)
        return _record(dict(row))

    def set_noise(self, learnt: Noise) -> None:
        """Stores which columns of an implementation differ by themselves, in place of what was known before."""
        mine = and_(
            self._scope.of(noise),
            noise.c.entity == learnt.entity,
            noise.c.implementation == learnt.implementation,
        )
        values = {
            "entity": learnt.entity,
            "implementation": learnt.implementation,
            "revision": learnt.revision,
            "columns": list(learnt.columns),
            "learnt_at": learnt.learnt_at,
        }
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "noise")
            connection.execute(delete(noise).where(mine))
            connection.execute(insert(noise).values(self._scope.values() | values))

    def noise(self, entity: str) -> tuple[Noise, ...]:
        """What is known of an entity's implementations."""
        query = select(noise).where(self._scope.of(noise), noise.c.entity == entity).order_by(noise.c.implementation)
        with self._database.reading() as connection:
            return tuple(
                Noise(entity, row["implementation"], row["revision"], tuple(row["columns"]), row["learnt_at"])
                for row in connection.execute(query).mappings()
            )


def request_of(record: ComparisonRecord) -> ComparisonRequest:
    """What was asked of a comparison that was kept."""
    asked: ComparisonRequest = _requests().validate_python(record.found["request"])
    return asked


@cache
def _requests() -> TypeAdapter[ComparisonRequest]:
    return TypeAdapter(ComparisonRequest)


def _record(row: Mapping[str, Any]) -> ComparisonRecord:
    return ComparisonRecord(
        row["comparison_id"],
        row["entity"],
        Verdict(row["verdict"]),
        row["unexplained"],
        row["compared_at"],
        row["found"],
    )
