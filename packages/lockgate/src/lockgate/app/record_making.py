"""Makes implementations ready for records: rules compiled to one query, dbt models joined into one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.app.online import CompiledModel, compiled_model, online_program
from lockgate.app.rules import context_of, opened
from lockgate.app.wiring import Wiring
from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.core.ports import Memory
from lockgate.core.relation import Relation
from lockgate.errors import FatalError
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
    """What a program is made of: the revision of the implementation's files, and the state of the target's rows."""

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

    def __init__(self, wiring: Wiring, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is compiled yet; `clock` counts seconds."""
        self._wiring = wiring
        self._clock = clock
        self._models: dict[Name, tuple[State, CompiledModel]] = {}
        self._failed: dict[Name, tuple[State, FatalError]] = {}
        self._revisions: dict[object, tuple[float, str]] = {}

    def revision(self, implementation: Implementation) -> str:
        """The revision of an implementation's files, that of a dbt project as it was half a second ago at most."""
        if implementation.engine is Engine.RULES:
            return self._wiring.rule_book.revision(implementation)
        key = (implementation.path, implementation.git_revision, implementation.executor)
        seen, revision = self._revisions.get(key, (-FRESH_SECONDS, ""))
        if self._clock() - seen >= FRESH_SECONDS:
            revision = self._wiring.revision(implementation)
            self._revisions[key] = self._clock(), revision
        return revision

    def made(self, entity: Entity, implementation: Implementation, state: State) -> Made:
        """A new program in a memory of its own, which whoever asks for it closes.

        Raises:
            CapabilityMissing, NotOnline: the implementation cannot answer records.
            LockgateError: its files cannot be read, or the target does not answer.
        """
        if implementation.engine is Engine.RULES:
            return self._of_rules(implementation)
        name = entity.name, implementation.name
        before, error = self._failed.get(name, (None, None))
        if before == state and error is not None:
            raise error
        try:
            return self._of_dbt(entity, implementation, state)
        except FatalError as failed:
            self._failed[name] = state, failed
            raise

    def _of_rules(self, implementation: Implementation) -> Made:
        rule_set, catalog = opened(self._wiring, implementation)
        context = context_of(self._wiring, rule_set, catalog)
        relations = source_relations(rule_set, catalog)

        def program(memory: Memory) -> Program:
            return RecordProgram(rule_set, memory, catalog=catalog, context=context)

        return self._ready(DuckDBMemory(threads=1), program, rule_set.source, relations)

    def _of_dbt(self, entity: Entity, implementation: Implementation, state: State) -> Made:
        compiled = self._compiled(entity, implementation, state)

        def program(memory: Memory) -> Program:
            return online_program(self._wiring, compiled, memory)

        memory = self._wiring.warehouse.memory()
        return self._ready(memory, program, compiled.model.records, compiled.reads)

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

    def _ready(
        self, memory: Memory, program: Callable[[Memory], Program], records: Relation, reads: Sequence[Relation]
    ) -> Made:
        pinned = {pin.relation for pin in self._wiring.warehouse.pins()}
        try:
            return Made(program(memory), records, memory, is_kept=pinned.issuperset(reads))
        except BaseException:
            memory.close()
            raise
