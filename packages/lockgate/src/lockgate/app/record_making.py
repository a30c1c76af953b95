"""Makes implementations ready for records: rules compiled to one query, dbt models joined into one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.app.online import CompiledModel, compiled_model, online_model, online_program
from lockgate.app.rules import context_of, opened
from lockgate.app.wiring import Wiring
from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.core.ports import Memory
from lockgate.core.relation import Relation
from lockgate.errors import NotOnline
from lockgate.transform.rules import RecordProgram, source_relations
from lockgate.transform.rules.records import Record

# How old what is known of a dbt project's files may be: looking at all of them costs more than a request.
FRESH_SECONDS = 0.5

Name = tuple[str, str]


class Program(Protocol):
    """An implementation that answers requests: together where these are kept apart.

    A record stands alone where no other counts.
    """

    is_apart: bool
    is_alone: bool

    def outcomes(self, requests: Sequence[Sequence[Record]]) -> list[pa.Table]:
        """The outcomes of each request's records."""


@dataclass(frozen=True, slots=True)
class State:
    """What a program is made of: the revision of the implementation's files, and the loads that are pinned."""

    revision: str
    rows: str


@dataclass(frozen=True, slots=True)
class Made:
    """A program, the relation whose rows are its records, its memory, and whether it holds until its state changes.

    Over relations that no load of ours fills it does not: nothing tells when these change.
    """

    program: Program
    records: Relation
    memory: Memory
    is_kept: bool


class RecordMaker:
    """Makes the programs of a project; a model is compiled once for a revision of its files."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing is compiled yet."""
        self._wiring = wiring
        self._models: dict[Name, tuple[State, CompiledModel]] = {}
        self._revisions: dict[object, tuple[float, str]] = {}
        self._rows = ("", "")

    def state(self, implementation: Implementation) -> State:
        """What a program would be made of now: files, and the loads that are pinned.

        Raises:
            WarehouseUnavailable: the target does not answer.
        """
        seen = self._wiring.warehouse.raw_state()
        before, rows = self._rows
        if seen != before:
            rows = " ".join(sorted(map(str, self._wiring.warehouse.pins())))
            self._rows = seen, rows
        return State(self.revision(implementation), rows)

    def revision(self, implementation: Implementation) -> str:
        """The revision of an implementation's files, that of a dbt project as it was half a second ago at most."""
        if implementation.engine is Engine.RULES:
            return self._wiring.rule_book.revision(implementation)
        key = (implementation.path, implementation.git_revision, implementation.executor)
        seen, revision = self._revisions.get(key, (-FRESH_SECONDS, ""))
        now = time.monotonic()
        if now - seen >= FRESH_SECONDS:
            revision = self._wiring.revision(implementation)
            self._revisions[key] = now, revision
        return revision

    def made(self, entity: Entity, implementation: Implementation, state: State) -> Made:
        """A new program in a memory of its own, which whoever asks for it closes.

        Raises:
            CapabilityMissing, NotOnline: the implementation cannot answer records.
            LockgateError: its files cannot be read, or the target does not answer.
        """
        if implementation.engine is Engine.RULES:
            return self._of_rules(implementation)
        return self._of_dbt(entity, implementation, state)

    def _of_rules(self, implementation: Implementation) -> Made:
        rule_set, catalog = opened(self._wiring, implementation)
        context = context_of(self._wiring, rule_set, catalog)
        memory = DuckDBMemory(threads=1)
        with _closed_on_error(memory):
            program = RecordProgram(rule_set, memory, catalog=catalog, context=context)
        read = (one for one in source_relations(rule_set, catalog) if one != rule_set.source)
        return Made(program, rule_set.source, memory, is_kept=not self._unpinned(read))

    def _of_dbt(self, entity: Entity, implementation: Implementation, state: State) -> Made:
        compiled = self._compiled(entity, implementation, state)
        model = online_model(self._wiring, entity, compiled)
        moving = self._unpinned(one for one in compiled.reads if one != model.records)
        if moving:
            message = f"{implementation.name} reads {moving[0]}, of which no load is pinned to tell when it moves"
            hint = "Have a stream of the project load it, and run the entity once."
            raise NotOnline(message, hint=hint, model=implementation.model)
        memory = self._wiring.warehouse.memory()
        with _closed_on_error(memory):
            return Made(online_program(self._wiring, model, compiled, memory), model.records, memory, is_kept=True)

    def _compiled(self, entity: Entity, implementation: Implementation, state: State) -> CompiledModel:
        """The model as it was compiled of these files; where rows are in its SQL, of these rows too."""
        name = entity.name, implementation.name
        before, compiled = self._models.get(name, (None, None))
        if before is not None and compiled is not None and before.revision == state.revision:
            holds_still = before.rows == state.rows or not compiled.has_asked
            if holds_still:
                return compiled
        compiled = compiled_model(self._wiring, entity, implementation)
        self._models[name] = state, compiled
        return compiled

    def _unpinned(self, relations: Iterable[Relation]) -> list[Relation]:
        """Those relations that no load of ours fills, so that nothing tells when they change."""
        pinned = {pin.relation for pin in self._wiring.warehouse.pins()}
        return [one for one in relations if one not in pinned]


@contextmanager
def _closed_on_error(memory: Memory) -> Iterator[None]:
    try:
        yield
    except BaseException:
        memory.close()
        raise
