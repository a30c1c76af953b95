"""Measurements, series by series: `MeasurementStore` over the control plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, insert, select, tuple_

from lockgate.core.measurement import Measurement, SeriesName
from lockgate.store.database import Database
from lockgate.store.measurement_tables import measurement
from lockgate.store.scope import Scope

_SERIES = (
    measurement.c.entity,
    measurement.c.implementation,
    measurement.c.metric,
    measurement.c.column_name,
)
_IN_TIME = (measurement.c.measured_at, measurement.c.number)


class MeasurementLog:
    """The measurements of one project on one target."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep measurements of `scope` in `database`."""
        self._database = database
        self._scope = scope

    def add(self, measurements: Sequence[Measurement]) -> None:
        """Keeps measurements, all in one statement."""
        if not measurements:
            return
        rows = [self._scope.values() | _row(one) for one in measurements]
        with self._database.writing() as connection:
            connection.execute(insert(measurement), rows)

    def series(self, name: SeriesName, *, since: datetime | None = None, limit: int = 2000) -> tuple[Measurement, ...]:
        """The newest `limit` measurements of one series, from `since` on, the oldest of them first."""
        wanted = zip(_SERIES, (name.entity, name.implementation, name.metric, name.column), strict=True)
        mine = and_(self._of(since), *(column == value for column, value in wanted))
        query = select(measurement).where(mine).order_by(*(column.desc() for column in _IN_TIME)).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(_measurement(row) for row in reversed(rows))

    def every_series(
        self,
        entity: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        run_at: datetime | None = None,
        each: int = 2000,
    ) -> Mapping[SeriesName, tuple[Measurement, ...]]:
        """What `series` gives, for every series of an entity or of all, by one statement; in the order of names.

        Nothing that was measured after `until`; with `run_at`, only series of which something was measured at just
        that instant.
        """
        mine = self._of(since) if entity is None else and_(self._of(since), measurement.c.entity == entity)
        if until is not None:
            mine = and_(mine, measurement.c.measured_at <= until)
        if run_at is not None:
            there = select(*_SERIES).where(self._scope.of(measurement), measurement.c.measured_at == run_at)
            mine = and_(mine, tuple_(*_SERIES).in_(there))
        newest = [column.desc() for column in _IN_TIME]
        place = func.row_number().over(partition_by=_SERIES, order_by=newest).label("place")
        placed = select(measurement, place).where(mine).subquery()
        in_order = (placed.c[column.name] for column in (*_SERIES, *_IN_TIME))
        query = select(placed).where(placed.c.place <= each).order_by(*in_order)
        found: dict[SeriesName, list[Measurement]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query).mappings():
                one = _measurement(row)
                found.setdefault(one.series, []).append(one)
        return {name: tuple(found[name]) for name in sorted(found)}

    def forget(self, before: datetime) -> int:
        """Takes out what was measured before an instant: how many measurements."""
        old = and_(self._scope.of(measurement), measurement.c.measured_at < before)
        with self._database.writing() as connection:
            return connection.execute(delete(measurement).where(old)).rowcount

    def _of(self, since: datetime | None) -> ColumnElement[bool]:
        mine = self._scope.of(measurement)
        return mine if since is None else and_(mine, measurement.c.measured_at >= since)


def _row(one: Measurement) -> dict[str, object]:
    """A measurement as columns."""
    return {
        "entity": one.series.entity,
        "implementation": one.series.implementation,
        "metric": str(one.series.metric),
        "column_name": one.series.column,
        "value": one.value,
        "measured_at": one.measured_at,
        "run_id": one.run_id,
        "execution_id": one.execution_id,
        "is_exact": one.is_exact,
    }


def _measurement(row: RowMapping) -> Measurement:
    """Columns as a measurement."""
    return Measurement(
        SeriesName(row["entity"], row["implementation"], row["metric"], row["column_name"]),
        row["value"],
        row["measured_at"],
        row["run_id"],
        row["execution_id"],
        row["is_exact"],
    )
