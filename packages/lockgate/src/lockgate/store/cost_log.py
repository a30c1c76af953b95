"""What executions and their nodes took: one statement for all of a time, whatever there is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select

from lockgate.core.cost import NodeRun, Spent, Unit
from lockgate.core.execution import NodeStatus
from lockgate.core.load import Load, LoadStatus
from lockgate.core.record import RecordStatus
from lockgate.store.database import Database
from lockgate.store.load_ledger import load_of_row
from lockgate.store.measurement_tables import measurement
from lockgate.store.scope import Scope
from lockgate.store.tables import cycle, execution, load, node_result, run

# So many nodes are read at most: what a large project runs in three weeks of hourly cycles.
MOST_NODES = 1_000_000
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
        known = self._measured(since - LONGEST_RUN)
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
        """The runs of nodes, since an instant, that came to their end; the oldest first."""
        columns = (node_result.c.node, node_result.c.seconds, node_result.c.read_bytes)
        owner = (execution.c.cycle_id, execution.c.entity, execution.c.implementation)
        joined = node_result.join(execution).join(cycle).join(run)
        query = select(*owner, *columns).select_from(joined).where(self._scope.of(run))
        query = query.where(execution.c.finished_at >= since, node_result.c.status.in_(_DONE))
        query = query.order_by(execution.c.execution_id.desc(), node_result.c.position.desc()).limit(MOST_NODES)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(
            NodeRun(row.cycle_id, row.entity, row.implementation, row.node, row.seconds, row.read_bytes)
            for row in reversed(rows)
        )

    def landed(self) -> tuple[Load, ...]:
        """All loads that have landed, the oldest first."""
        query = select(load).where(self._scope.of(load), load.c.status == LoadStatus.LANDED).order_by(load.c.load_id)
        with self._database.reading() as connection:
            return tuple(load_of_row(row) for row in connection.execute(query).mappings())

    def _measured(self, since: datetime) -> Mapping[tuple[int, Unit], int]:
        """The bytes of executions; where one was measured twice, as last."""
        mine = and_(self._scope.of(measurement), measurement.c.measured_at >= since, measurement.c.column_name == "")
        metrics = measurement.c.metric.in_([str(unit) for unit in _MEASURED])
        newest = select(func.max(measurement.c.number)).where(mine, metrics, measurement.c.execution_id.is_not(None))
        newest = newest.group_by(measurement.c.execution_id, measurement.c.metric)
        query = select(measurement.c.execution_id, measurement.c.metric, measurement.c.value)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(measurement.c.number.in_(newest))).all()
        return {(row.execution_id, Unit(row.metric)): int(row.value) for row in rows}
