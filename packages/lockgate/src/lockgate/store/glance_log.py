"""What looking at every entity at once asks of the control plane: each question one statement, whatever there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, false, func, or_, select, tuple_

from lockgate.core.comparison import Verdict
from lockgate.core.cutover import Decision
from lockgate.core.gate import Evidence, Pair, Traffic
from lockgate.core.job import JobStatus
from lockgate.core.load import LoadStatus, Pin
from lockgate.core.record import ComparisonHead, ExecutionHead, RecordStatus
from lockgate.store.cutover_log import decision_of
from lockgate.store.cutover_tables import decision, evidence, traffic
from lockgate.store.database import Database
from lockgate.store.evidence_log import SUMMED, evidence_of, traffic_in
from lockgate.store.scope import Scope
from lockgate.store.tables import comparison, cycle, execution, job, job_execution, load, run

_HEAD = (
    comparison.c.comparison_id,
    comparison.c.entity,
    comparison.c.verdict,
    comparison.c.unexplained,
    comparison.c.compared_at,
)
_TRAFFIC_OF = (
    traffic.c.entity,
    traffic.c.token,
    traffic.c.incumbent_revision,
    traffic.c.candidate_revision,
)


class GlanceLog:
    """What is remembered of all entities of one project on one target, as far as a glance shows it."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Look at what `database` keeps of `scope`."""
        self._database = database
        self._scope = scope

    def newest_comparisons(self) -> Mapping[str, ComparisonHead]:
        """The newest comparison of each entity that has one."""
        query = select(*_HEAD).where(comparison.c.comparison_id.in_(self._newest(comparison, "comparison_id")))
        return {one.entity: one for one in self._heads(query)}

    def comparisons(self, entity: str, *, limit: int) -> tuple[ComparisonHead, ...]:
        """The newest comparisons of an entity first."""
        mine = and_(self._scope.of(comparison), comparison.c.entity == entity)
        query = select(*_HEAD).where(mine).order_by(comparison.c.comparison_id.desc()).limit(limit)
        return self._heads(query)

    def newest_decisions(self) -> Mapping[str, Decision]:
        """The newest decision about each entity's route."""
        query = select(decision).where(decision.c.decision_id.in_(self._newest(decision, "decision_id")))
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings()
            return {row["entity"]: decision_of(dict(row)) for row in rows}

    def newest_evidence(self, entities: Sequence[str], *, each: int) -> Mapping[Pair, tuple[Evidence, ...]]:
        """The newest evidence first: for each pair of these entities at its revisions, so many pieces of each kind."""
        pair = [evidence.c[name] for name in Pair.__dataclass_fields__]
        place = func.row_number().over(partition_by=[*pair, evidence.c.kind], order_by=evidence.c.evidence_id.desc())
        mine = and_(self._scope.of(evidence), evidence.c.entity.in_(entities))
        placed = select(evidence, place.label("place")).where(mine).subquery()
        query = select(placed).where(placed.c.place <= each).order_by(placed.c.evidence_id.desc())
        found: dict[Pair, list[Evidence]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query).mappings():
                one = evidence_of(dict(row))
                found.setdefault(one.pair, []).append(one)
        return {key: tuple(several) for key, several in found.items()}

    def traffic(self, tokens: Mapping[str, int]) -> Mapping[tuple[str, str, str], Traffic]:
        """What was seen of each entity since its route got its token, by entity and the revisions of both sides."""
        summed = [func.coalesce(func.sum(traffic.c[name]), 0).label(name) for name in SUMMED]
        mine = and_(self._scope.of(traffic), tuple_(traffic.c.entity, traffic.c.token).in_(list(tokens.items())))
        query = select(*_TRAFFIC_OF, *summed, func.max(traffic.c.last_at).label("last_at")).where(mine)
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(*_TRAFFIC_OF)).mappings().all()
        return {
            (row["entity"], row["incumbent_revision"], row["candidate_revision"]): traffic_in(dict(row)) for row in rows
        }

    def failed_jobs(self, since: datetime) -> Mapping[str, int]:
        """How many jobs of each entity have failed since an instant."""
        waits = job.join(job_execution, job.c.execution_id == job_execution.c.execution_id)
        failed = and_(job_execution.c.status == JobStatus.FAILED, job_execution.c.finished_at >= since)
        query = select(job.c.entity, func.count().label("jobs")).select_from(waits)
        query = query.where(self._scope.of(job), failed, job.c.cancelled_at.is_(None)).group_by(job.c.entity)
        with self._database.reading() as connection:
            return {row.entity: int(row.jobs) for row in connection.execute(query)}

    def failed_loads(self) -> tuple[str, ...]:
        """The streams, as `SOURCE.STREAM`, of which the newest load has failed."""
        newest = select(func.max(load.c.load_id)).where(self._scope.of(load)).group_by(load.c.source, load.c.stream)
        query = select(load.c.source, load.c.stream).where(
            load.c.load_id.in_(newest), load.c.status == LoadStatus.FAILED
        )
        with self._database.reading() as connection:
            return tuple(sorted(f"{row.source}.{row.stream}" for row in connection.execute(query)))

    def set_aside(self, pins: Sequence[Pin]) -> int:
        """How many records were set aside of the loads that these pins show."""
        query = select(func.coalesce(func.sum(load.c.rejected), 0)).where(
            self._scope.of(load), load.c.status == LoadStatus.LANDED, or_(false(), *map(_is_pinned, pins))
        )
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def loaded_at(self, load_ids: Sequence[int]) -> Mapping[int, datetime]:
        """When each of these loads landed; those that are forgotten are left out."""
        query = select(load.c.load_id, load.c.finished_at).where(self._scope.of(load), load.c.load_id.in_(load_ids))
        with self._database.reading() as connection:
            return {row.load_id: row.finished_at for row in connection.execute(query) if row.finished_at is not None}

    def executions(self, entity: str, *, limit: int) -> tuple[ExecutionHead, ...]:
        """The newest executions of an entity first."""
        columns = (execution.c[name] for name in ("implementation", "rows", "seconds", "status", "error"))
        query = select(cycle.c.cycle_id, cycle.c.run_id, cycle.c.started_at, *columns)
        query = query.select_from(execution.join(cycle).join(run))
        query = query.where(self._scope.of(run), execution.c.entity == entity)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(execution.c.execution_id.desc()).limit(limit)).all()
        return tuple(
            ExecutionHead(
                row.cycle_id, row.run_id, row.started_at, row.implementation, row.rows, row.seconds,
                RecordStatus(row.status), row.error,
            )
            for row in rows
        )  # fmt: skip

    def _newest(self, table: Table, number: str) -> Any:
        """The greatest number of each entity in a table."""
        return select(func.max(table.c[number])).where(self._scope.of(table)).group_by(table.c.entity)

    def _heads(self, query: Any) -> tuple[ComparisonHead, ...]:
        with self._database.reading() as connection:
            return tuple(
                ComparisonHead(row.comparison_id, row.entity, Verdict(row.verdict), row.unexplained, row.compared_at)
                for row in connection.execute(query)
            )


def _is_pinned(pin: Pin) -> ColumnElement[bool]:
    return and_(
        load.c.relation_schema == pin.relation.schema,
        load.c.relation_name == pin.relation.name,
        load.c.load_id.between(pin.first_load, pin.last_load),
    )
