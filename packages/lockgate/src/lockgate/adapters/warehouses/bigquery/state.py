"""The state: one row that holds a document, replaced by a transaction that checks that nobody else did meanwhile.

BigQuery has no locks, and its inserts never conflict; an UPDATE of one table does. So each transaction begins by an
UPDATE of this row that names the generation it has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from lockgate.adapters.exchange import retrying
from lockgate.adapters.warehouses.bigquery.failures import translated
from lockgate.adapters.warehouses.bigquery.jobs import CONTROL, TURNS, Jobs, Word
from lockgate.adapters.warehouses.bigquery.leases import Lease
from lockgate.adapters.warehouses.state import State, document_of, state_of
from lockgate.core.relation import Relation
from lockgate.errors import TargetBusy, WarehouseUnavailable

Answer = TypeVar("Answer")
STATE = Relation(CONTROL, "state")


@dataclass(slots=True)
class Change(Generic[Answer]):
    """What one transaction does beside the state: statements, their parameters, and what the caller gets."""

    answer: Answer
    statements: list[str] = field(default_factory=list)
    words: dict[str, Word] = field(default_factory=dict)


class StateRow:
    """The state of one target."""

    def __init__(self, jobs: Jobs) -> None:
        """Take what asks BigQuery."""
        self._jobs = jobs

    def prepare(self) -> None:
        """Creates what is kept beside the state, where it is missing."""
        if self._jobs.table(STATE) is None:
            self._jobs.create_schema(CONTROL)
            empty = document_of(State()).replace("\n", "")
            self._jobs.change(self._jobs.composed("prepare", empty=empty))

    def current(self) -> State:
        """The state as it is now. Reading it so is no job, and costs nothing."""
        from google.cloud.bigquery import SchemaField, Table

        fields = [SchemaField("generation", "INT64"), SchemaField("document", "STRING")]
        told = Table(self._jobs.names.path(STATE), schema=fields)  # so that nobody has to ask for its columns
        session = self._jobs.session
        with translated():
            rows = list(session.client.list_rows(told, **session.patience()))
        if not rows:
            raise WarehouseUnavailable("the table of the state is empty")
        generation, document = max((row.values() for row in rows), key=lambda row: int(row[0]))
        state = state_of(document)
        state.generation = int(generation)
        return state

    def change(self, make: Callable[[State], Change[Answer] | None]) -> Answer | None:
        """Lets `make` change the state, and commits it with its statements; again on the newer state, where one came.

        Nothing is done where `make` gives None.

        Raises:
            TargetBusy: others came first each time.
        """

        def once() -> Answer | None:
            state = self.current()
            seen = state.generation
            change = make(state)
            if change is None:
                return None
            self.commit(seen, state, change)
            return change.answer

        return retrying(TURNS, TargetBusy)(once)

    def commit(self, seen: int, state: State, change: Change[Answer], leases: Sequence[Lease] = ()) -> None:
        """One transaction: the state, while it is of the generation that was seen and the leases are held; statements.

        Raises:
            TargetBusy: another change came first, or a lease is not held any more; nothing was changed.
        """
        state.generation = seen + 1
        words = {**change.words, "seen": seen, "document": document_of(state)}
        checks = []
        for number, lease in enumerate(leases):
            lock, owner = f"lock_{number}", f"owner_{number}"
            checks.append(self._jobs.composed("check_lease", lock=lock, owner=owner))
            words |= {lock: lease.name, owner: lease.owner, "lease_ms": lease.milliseconds}
        parts = [self._jobs.composed("begin"), *checks, *change.statements, self._jobs.composed("commit")]
        self._jobs.execute(";\n".join(parts), words)
