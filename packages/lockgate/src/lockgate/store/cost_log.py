"""What executions and their nodes took: one statement for all of a time, whatever there is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, select

from lockgate.core.cost import Landed, NodeRun, Spent, Unit
from lockgate.core.execution import NodeStatus
from lockgate.core.load import LoadMode, LoadStatus
from lockgate.core.record import RecordStatus
from lockgate.store.database import Database
from lockgate.store.measurement_tables import measurement
from lockgate.store.scope import Scope
from lockgate.store.tables import cycle, execution, load, node_result, run

# Of each node that an implementation runs, so many runs are read at most; and so many of all nodes.
MOST_RUNS = 100
MOST_NODES = 1_000_000
# Of each stream, so many loads are read at most.
MOST_LOADS = 1_000
# What a run measures is of the instant when it began.
LONGEST_RUN = timedelta(days=2)
_MEASURED = (Unit.BYTES, Unit.READ_BYTES)
_DONE = tuple(str(status) for status in (NodeStatus.SUCCESS, NodeStatus.PASS, NodeStatus.WARN, NodeStatus.FAIL))


class CostLog:
    """What work of one project on one target took."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Look at what `database` keeps of `scope`."""
        self._database = database
        self._scope = scope

    def spent(self, since: datetime, entity: str | None = None) -> tuple[Spent, ...]:
        """What each execution that succeeded since an instant took, the oldest first; of one entity or of all."""
        columns = (execution.c[name] for name in ("execution_id", "entity", "implementation", "rows", "seconds",
                                                  "finished_at", "revision"))  # fmt: skip
        query = select(*columns).select_from(execution.join(cycle).join(run)).where(self._scope.of(run))
        query = query.where(execution.c.status == RecordStatus.SUCCESS, execution.c.finished_at >= since)
        query = query if entity is None else query.where(execution.c.entity == entity)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(execution.c.execution_id)).all()
        known = self._measured(since - LONGEST_RUN, entity)
        return tuple(
            Spent(
                row.entity,
                row.implementation,
                row.finished_at,
                row.seconds,
                row.rows,
                known.get((row.execution_id, Unit.BYTES)),
                known.get((row.execution_id, Unit.READ_BYTES)),
                row.revision,
            )
            for row in rows
        )

    def node_runs(self, since: datetime) -> tuple[NodeRun, ...]:
        """The runs of nodes, since an instant, that came to their end; the oldest first.

        Of each node of an implementation, the newest hundred at most.
        """
        columns = (node_result.c.position, node_result.c.node, node_result.c.seconds, node_result.c.read_bytes)
        names = ("execution_id", "cycle_id", "entity", "implementation")
        newest = (execution.c.execution_id.desc(), node_result.c.position.desc())
        each = (execution.c.entity, execution.c.implementation, node_result.c.node)
        place = func.row_number().over(partition_by=each, order_by=newest).label("place")
        joined = node_result.join(execution).join(cycle).join(run)
        placed = select(*(execution.c[name] for name in names), *columns, place).select_from(joined)
        placed = placed.where(self._scope.of(run), execution.c.finished_at >= since, node_result.c.status.in_(_DONE))
        few = placed.subquery()
        query = select(few).where(few.c.place <= MOST_RUNS)
        query = query.order_by(few.c.execution_id.desc(), few.c.position.desc()).limit(MOST_NODES)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(
            NodeRun(row.cycle_id, row.entity, row.implementation, row.node, row.seconds, row.read_bytes)
            for row in reversed(rows)
        )

    def landed(self) -> Mapping[tuple[str, str], Landed]:
        """What the loads of each stream that landed have brought since its newest whole one, by source and stream.

        Rows are those of all of these loads; one by one, the newest thousand are told at most.
        """
        mine, name = and_(self._scope.of(load), load.c.status == LoadStatus.LANDED), (load.c.source, load.c.stream)
        last = func.max(case((load.c.mode == LoadMode.REPLACE, load.c.load_id), else_=0)).over(partition_by=name)
        every = select(*name, load.c.load_id, load.c.mode, load.c.rows, last.label("whole")).where(mine).subquery()
        stream = (every.c.source, every.c.stream)
        total = func.sum(every.c.rows).over(partition_by=stream).label("total")
        place = func.row_number().over(partition_by=stream, order_by=every.c.load_id.desc()).label("place")
        since = select(*stream, every.c.load_id, every.c.mode, every.c.rows, total, place)
        few = since.where(every.c.load_id >= every.c.whole).subquery()
        query = select(few).where(few.c.place <= MOST_LOADS).order_by(few.c.load_id)
        added: dict[tuple[str, str], list[int]] = {}
        rows: dict[tuple[str, str], int] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query):
                rows[row.source, row.stream] = int(row.total)
                added.setdefault((row.source, row.stream), []).extend([row.rows] * (row.mode == LoadMode.APPEND))
        return {each: Landed(rows[each], tuple(several)) for each, several in added.items()}

    def _measured(self, since: datetime, entity: str | None) -> Mapping[tuple[int, Unit], int]:
        """The bytes of executions, of one entity or of all; where one was measured twice, as last."""
        mine = and_(self._scope.of(measurement), measurement.c.measured_at >= since, measurement.c.column_name == "")
        mine = mine if entity is None else and_(mine, measurement.c.entity == entity)
        metrics = measurement.c.metric.in_([str(unit) for unit in _MEASURED])
        newest = select(func.max(measurement.c.number)).where(mine, metrics, measurement.c.execution_id.is_not(None))
        newest = newest.group_by(measurement.c.execution_id, measurement.c.metric)
        query = select(measurement.c.execution_id, measurement.c.metric, measurement.c.value)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(measurement.c.number.in_(newest))).all()
        return {(row.execution_id, Unit(row.metric)): int(row.value) for row in rows}
