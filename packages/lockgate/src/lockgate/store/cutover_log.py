"""Plans with what came of their steps, and decisions with what they saw."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from sqlalchemy import Connection, Table, Text, and_, func, insert, select, update
from sqlalchemy import cast as sql_cast

from lockgate.core.cutover import Action, Decision, Plan, StepOutcome
from lockgate.core.gate import Answer, GateAnswer
from lockgate.core.nearness import did_you_mean
from lockgate.core.route import Route
from lockgate.errors import UnknownName
from lockgate.store.cutover_tables import decision, plan, plan_step
from lockgate.store.database import Database
from lockgate.store.exclusion import exclude_others
from lockgate.store.scope import Scope

T = TypeVar("T")
# What is written together with a new decision, in its transaction.
Along = Callable[[Decision, Connection], object]


class CutoverLog:
    """The cutovers of one project on one target."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep plans and decisions of `scope` in `database`."""
        self._database = database
        self._scope = scope

    def add_plan(self, made: Plan) -> Plan:
        """Stores a plan: the plan under the name that it gets, `<first entity>-<number>`."""
        values = {"plan_id": "", "document": {}, "made_at": made.made_at}
        with self._database.writing() as connection:
            taken = insert(plan).values(self._scope.values() | values).returning(plan.c.number)
            number = int(connection.execute(taken).scalar_one())
            named = replace(made, plan_id=f"{made.entities[0]}-{number}")
            written = {"plan_id": named.plan_id, "document": _written(Plan, named)}
            connection.execute(update(plan).where(plan.c.number == number).values(written))
        return named

    def plan(self, plan_id: str) -> Plan:
        """One plan.

        Raises:
            UnknownName: there is none of that name.
        """
        query = select(plan.c.document).where(self._scope.of(plan), plan.c.plan_id == plan_id)
        with self._database.reading() as connection:
            document = connection.execute(query).scalar()
        if document is None:
            hint = (
                did_you_mean(plan_id, [one.plan_id for one in self.plans()]) or "`lockgate cutover status` names them."
            )
            raise UnknownName(f"there is no plan {plan_id!r}", hint=hint, name=plan_id)
        return _read(Plan, document)

    def plans(self, *, limit: int = 100) -> tuple[Plan, ...]:
        """The newest plans first."""
        query = select(plan.c.document).where(self._scope.of(plan)).order_by(plan.c.number.desc()).limit(limit)
        with self._database.reading() as connection:
            stored: list[Any] = list(connection.scalars(query))
        return tuple(_read(Plan, document) for document in stored)

    def plans_of(self, entity: str, *, limit: int) -> tuple[Plan, ...]:
        """The newest plans that move an entity, however many others there are."""
        named = sql_cast(plan.c.document, Text).contains(json.dumps(entity), autoescape=True)
        query = select(plan.c.document).where(self._scope.of(plan), named).order_by(plan.c.number.desc())
        with self._database.reading() as connection:
            stored: Iterable[Any] = connection.scalars(query)
            found = (_read(Plan, document) for document in stored)
            return tuple(islice((one for one in found if entity in one.entities), limit))

    def set_outcome(self, plan_id: str, outcome: StepOutcome, at: datetime) -> None:
        """Keeps what came of a step, in place of what came of it before."""
        mine = and_(self._of_plan(plan_step, plan_id), plan_step.c.position == outcome.position)
        values = {"outcome": _written(StepOutcome, outcome), "at": at}
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "plans")
            if connection.execute(update(plan_step).where(mine).values(values)).rowcount == 0:
                named = {"plan_id": plan_id, "position": outcome.position}
                connection.execute(insert(plan_step).values(self._scope.values() | named | values))

    def outcomes(self, plan_id: str) -> tuple[StepOutcome, ...]:
        """What came of a plan's steps so far, in their order."""
        query = select(plan_step.c.outcome).where(self._of_plan(plan_step, plan_id)).order_by(plan_step.c.position)
        with self._database.reading() as connection:
            stored: list[Any] = list(connection.scalars(query))
        return tuple(_read(StepOutcome, outcome) for outcome in stored)

    def add_decision(self, made: Decision, along: Along | None = None) -> Decision:
        """Stores a decision: with its number; one that moved a route to a token that is kept already is that one.

        Where the move was kept as one that was found, who made it takes its place. `along` is called with a decision
        that is new, in its transaction.
        """
        token = made.after.token
        mine = and_(self._scope.of(decision), decision.c.entity == made.entity, decision.c.token == token)
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "decisions")
            row = connection.execute(select(decision).where(mine)).mappings().first()
            if row is not None:
                kept = decision_of(dict(row))
                if not kept.is_found or made.is_found or kept.after != made.after:
                    return kept
                connection.execute(update(decision).where(mine).values(_row(made, token)))
                return replace(made, decision_id=kept.decision_id)
            taken = insert(decision).values(self._scope.values() | _row(made, token)).returning(decision.c.decision_id)
            stored = replace(made, decision_id=int(connection.execute(taken).scalar_one()))
            if along is not None:
                along(stored, connection)
            return stored

    def decisions(
        self, entity: str | None = None, *, before: int | None = None, limit: int = 100
    ) -> tuple[Decision, ...]:
        """The newest decisions first, of one entity or of all, numbered below `before` where it is given."""
        query = select(decision).where(self._scope.of(decision))
        query = query if entity is None else query.where(decision.c.entity == entity)
        query = query if before is None else query.where(decision.c.decision_id < before)
        query = query.order_by(decision.c.decision_id.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(decision_of(dict(row)) for row in connection.execute(query).mappings())

    def decision(self, decision_id: int) -> Decision:
        """One decision.

        Raises:
            UnknownName: there is none of that number on this target.
        """
        query = select(decision).where(self._scope.of(decision), decision.c.decision_id == decision_id)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            hint = "`lockgate cutover decisions` lists them."
            raise UnknownName(f"there is no decision {decision_id}", hint=hint, decision_id=decision_id)
        return decision_of(dict(row))

    def rollbacks(self) -> Mapping[str, int]:
        """How often each entity was rolled back; those that never were are left out."""
        mine = self._scope.of(decision) & (decision.c.action == Action.ROLL_BACK)
        query = select(decision.c.entity, func.count().label("times")).where(mine).group_by(decision.c.entity)
        with self._database.reading() as connection:
            return {row.entity: int(row.times) for row in connection.execute(query)}

    def _of_plan(self, table: Table, plan_id: str) -> Any:
        return and_(self._scope.of(table), table.c.plan_id == plan_id)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _written(kind: Any, value: object) -> Any:
    """A dataclass as what JSON holds."""
    return _adapter(kind).dump_python(value, mode="json")


def _read(kind: type[T], stored: object) -> T:
    """A dataclass from what JSON holds."""
    found: T = _adapter(cast("Any", kind)).validate_python(stored)
    return found


def _row(made: Decision, token: int) -> dict[str, Any]:
    return {
        "entity": made.entity,
        "action": made.action,
        "answer": made.answer,
        "before": _written(Route, made.before),
        "after": _written(Route, made.after),
        "token": token,
        "by": made.by,
        "reason": made.reason,
        "at": made.at,
        "plan_id": made.plan_id,
        "gates": _written(tuple[GateAnswer, ...], made.gates),
        "facts": dict(made.facts),
    }


def decision_of(row: Mapping[str, Any]) -> Decision:
    """Columns as a decision."""
    return Decision(
        decision_id=row["decision_id"],
        entity=row["entity"],
        action=Action(row["action"]),
        answer=Answer(row["answer"]),
        before=_read(Route, row["before"]),
        after=_read(Route, row["after"]),
        by=row["by"],
        reason=row["reason"],
        at=row["at"],
        plan_id=row["plan_id"],
        gates=_read(tuple[GateAnswer, ...], row["gates"]),
        facts=row["facts"],
    )
