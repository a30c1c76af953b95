"""Cycles, the executions in them with nodes and rules, and the editions that came of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, insert, select, update

from lockgate.core.execution import Execution, NodeResult, NodeStatus, RuleCount
from lockgate.core.load import Pin
from lockgate.core.record import CycleRecord, ExecutionRecord, RecordStatus
from lockgate.core.relation import Relation
from lockgate.core.route import Edition
from lockgate.store.database import Database
from lockgate.store.scope import Scope
from lockgate.store.tables import cycle, edition, execution, node_result, rule_count, run

_IN_SCOPE = execution.join(cycle).join(run)


class ExecutionLog:
    """What the runs of one project on one target have executed and published."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep executions of `scope` in `database`."""
        self._database = database
        self._scope = scope

    def start_cycle(self, run_id: int, pins: Sequence[Pin], at: datetime) -> int:
        """Stores that a run turns its implementations on `pins`: the cycle's number."""
        values = {
            "run_id": run_id,
            "pins": [[pin.relation.schema, pin.relation.name, pin.first_load, pin.last_load] for pin in pins],
            "status": RecordStatus.RUNNING,
            "started_at": at,
        }
        with self._database.writing() as connection:
            return int(connection.execute(insert(cycle).values(values).returning(cycle.c.cycle_id)).scalar_one())

    def finish_cycle(self, cycle_id: int, status: RecordStatus, at: datetime) -> None:
        """Stores how a cycle ended."""
        with self._database.writing() as connection:
            connection.execute(update(cycle).where(cycle.c.cycle_id == cycle_id).values(status=status, finished_at=at))

    def add_execution(self, cycle_id: int, done: Execution, at: datetime, *, error: str = "") -> int:
        """Stores an execution with its nodes and rules: its number; an `error` means that it failed."""
        status = RecordStatus.FAILED if error else RecordStatus.SUCCESS
        values = {"cycle_id": cycle_id, "status": status, "error": error, "finished_at": at} | _execution_row(done)
        with self._database.writing() as connection:
            taken = insert(execution).values(values).returning(execution.c.execution_id)
            number = int(connection.execute(taken).scalar_one())
            _add_parts(connection, node_result, number, [_node_row(node) for node in done.nodes])
            _add_parts(connection, rule_count, number, [_rule_row(rule) for rule in done.rules])
        return number

    def add_edition(self, execution_id: int, published: Edition) -> None:
        """Stores that an execution's output was published."""
        values = {
            "execution_id": execution_id,
            "number": published.number,
            "rows": published.rows,
            "published_at": published.published_at,
        }
        with self._database.writing() as connection:
            connection.execute(insert(edition).values(values))

    def cycles(self, *, limit: int = 100) -> tuple[CycleRecord, ...]:
        """The newest cycles first."""
        query = (
            select(cycle)
            .select_from(cycle.join(run))
            .where(self._scope.of(run))
            .order_by(cycle.c.cycle_id.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return tuple(_cycle(row) for row in connection.execute(query).mappings())

    def executions(
        self, entity: str | None = None, *, run_id: int | None = None, limit: int = 100
    ) -> tuple[ExecutionRecord, ...]:
        """The newest executions first, of one entity or run or of all, with their nodes and rules."""
        query = select(execution).select_from(_IN_SCOPE).where(self._scope.of(run))
        query = query if entity is None else query.where(execution.c.entity == entity)
        query = query if run_id is None else query.where(run.c.run_id == run_id)
        query = query.order_by(execution.c.execution_id.desc()).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
            numbers = [row["execution_id"] for row in rows]
            nodes, rules = _parts(connection, node_result, numbers), _parts(connection, rule_count, numbers)
        return tuple(
            _record(row, nodes.get(row["execution_id"], []), rules.get(row["execution_id"], [])) for row in rows
        )

    def editions(self, entity: str, *, limit: int = 100) -> tuple[Edition, ...]:
        """The editions of an entity that were ever published, with their pins, the newest first."""
        query = (
            select(edition, execution.c.implementation, cycle.c.pins)
            .select_from(edition.join(_IN_SCOPE))
            .where(self._scope.of(run), execution.c.entity == entity)
            .order_by(edition.c.execution_id.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return tuple(_edition(entity, row) for row in connection.execute(query).mappings())


def _add_parts(connection: Connection, table: Table, execution_id: int, rows: list[dict[str, Any]]) -> None:
    """Adds nodes or rules in their order."""
    numbered = [{"execution_id": execution_id, "position": number} | row for number, row in enumerate(rows, start=1)]
    if numbered:
        connection.execute(insert(table), numbered)


def _parts(connection: Connection, table: Table, numbers: Sequence[int]) -> dict[int, list[RowMapping]]:
    """The nodes or rules of several executions, in their order."""
    query = select(table).where(table.c.execution_id.in_(numbers)).order_by(table.c.execution_id, table.c.position)
    found: dict[int, list[RowMapping]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["execution_id"], []).append(row)
    return found


def _execution_row(done: Execution) -> dict[str, Any]:
    """An execution as columns."""
    return {
        "entity": done.entity,
        "implementation": done.implementation,
        "built_schema": done.built.schema,
        "built_name": done.built.name,
        "rows": done.rows,
        "seconds": done.seconds,
        "revision": done.revision,
    }


def _node_row(node: NodeResult) -> dict[str, Any]:
    """A node as columns."""
    return {
        "node": node.node,
        "status": node.status,
        "seconds": node.seconds,
        "rows": node.rows,
        "failures": node.failures,
        "message": node.message,
        "file": node.file,
        "depends_on": list(node.depends_on),
        "read_bytes": node.read_bytes,
    }


def _rule_row(rule: RuleCount) -> dict[str, Any]:
    """A rule's count as columns."""
    return {"rule": rule.rule, "outcome": rule.outcome, "rows": rule.rows, "reason": rule.reason}


def _cycle(row: RowMapping) -> CycleRecord:
    """Columns as a cycle."""
    status = RecordStatus(row["status"])
    return CycleRecord(row["cycle_id"], row["run_id"], _pins(row), status, row["started_at"], row["finished_at"])


def _edition(entity: str, row: RowMapping) -> Edition:
    """Columns as an edition."""
    return Edition(entity, row["number"], row["implementation"], row["rows"], row["published_at"], _pins(row))


def _pins(row: RowMapping) -> tuple[Pin, ...]:
    """The pins of a cycle."""
    return tuple(Pin(Relation(schema, name), first, last) for schema, name, first, last in row["pins"])


def _record(row: RowMapping, nodes: Sequence[RowMapping], rules: Sequence[RowMapping]) -> ExecutionRecord:
    """Columns as an execution with its parts."""
    done = Execution(
        row["entity"],
        row["implementation"],
        Relation(row["built_schema"], row["built_name"]),
        row["rows"],
        row["seconds"],
        tuple(RuleCount(rule["rule"], rule["outcome"], rule["rows"], rule["reason"]) for rule in rules),
        tuple(_node(node) for node in nodes),
        revision=row["revision"],
    )
    status = RecordStatus(row["status"])
    return ExecutionRecord(row["execution_id"], row["cycle_id"], done, status, row["finished_at"], row["error"])


def _node(row: RowMapping) -> NodeResult:
    """Columns as a node."""
    return NodeResult(
        row["node"],
        NodeStatus(row["status"]),
        row["seconds"],
        row["rows"],
        row["failures"],
        row["message"],
        row["file"],
        tuple(row["depends_on"]),
        read_bytes=row["read_bytes"],
    )
