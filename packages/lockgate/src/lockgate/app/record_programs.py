"""Rules made ready for records: compiled once and lent out, made anew when files or rows change, closed after use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import pyarrow as pa

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.app.rules import context_of, opened
from lockgate.app.wiring import Wiring
from lockgate.core.deadline import ANSWER_SECONDS, within
from lockgate.core.entity import Entity, Implementation
from lockgate.transform.rules import RecordProgram, source_relations
from lockgate.transform.rules.records import Record


class Program(Protocol):
    """Rules that answer requests: together where these are kept apart; a record stands alone where no other counts."""

    is_apart: bool
    is_alone: bool

    def outcomes(self, requests: Sequence[Sequence[Record]]) -> list[pa.Table]:
        """The outcomes of each request's records."""


@dataclass(frozen=True, slots=True)
class Lent:
    """A program, the state of the target's rows for which it holds, and the revision of the files it was made of."""

    program: Program
    rows: str
    revision: str


class Programs(Protocol):
    """What lends programs."""

    def lend(self, entity: Entity, implementation: Implementation) -> AbstractContextManager[Lent]:
        """The program that is in force now; it stays open in the block.

        Raises:
            LockgateError: the rules cannot be read, or the target does not answer.
        """

    def revision(self, implementation: Implementation) -> str:
        """The revision of an implementation's files now: that of a program that cannot be made of them."""

    def close(self) -> None:
        """Gives back memory."""


class _Kept:
    """A program with what it was made of, and how many use it now."""

    def __init__(self, state: tuple[str, str], program: RecordProgram, memory: DuckDBMemory, *, is_kept: bool) -> None:
        self.state = state
        self.lent = Lent(program, rows=state[1], revision=state[0])
        self.memory = memory
        self.is_kept = is_kept
        self.users = 0


class RecordPrograms:
    """The programs of a project: one for each implementation, made by one thread while others use the rest."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing is compiled yet."""
        self._wiring = wiring
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._making: dict[tuple[str, str], Lock] = {}
        self._counting = Lock()

    @contextmanager
    def lend(self, entity: Entity, implementation: Implementation) -> Iterator[Lent]:
        """See `Programs.lend`."""
        name = entity.name, implementation.name
        with within(ANSWER_SECONDS), self._making.setdefault(name, Lock()):
            kept = self._current(name, implementation)
        try:
            yield kept.lent
        finally:
            with self._counting:
                kept.users -= 1
            self._close_unused(kept)

    def revision(self, implementation: Implementation) -> str:
        """See `Programs.revision`."""
        return self._wiring.rule_book.revision(implementation)

    def close(self) -> None:
        """See `Programs.close`."""
        while self._kept:
            self._replace(next(iter(self._kept)), None)

    def _current(self, name: tuple[str, str], implementation: Implementation) -> _Kept:
        """The program kept, unless what it was made of has changed since; counted as used."""
        state = self.revision(implementation), self._wiring.warehouse.raw_state()
        kept = self._kept.get(name)
        if kept is None or kept.state != state:
            kept = self._made(implementation, state)
            kept.users = 1
            self._replace(name, kept if kept.is_kept else None)
            return kept
        with self._counting:
            kept.users += 1
        return kept

    def _made(self, implementation: Implementation, state: tuple[str, str]) -> _Kept:
        """A new program; over relations that no load of ours fills it is not kept: nothing tells when these change."""
        wiring = self._wiring
        rule_set, catalog = opened(wiring, implementation)
        pinned = {pin.relation for pin in wiring.warehouse.pins()}
        context = context_of(wiring, rule_set, catalog)
        memory = DuckDBMemory(threads=1)
        try:
            program = RecordProgram(rule_set, memory, catalog=catalog, context=context)
        except BaseException:
            memory.close()
            raise
        return _Kept(state, program, memory, is_kept=pinned.issuperset(source_relations(rule_set, catalog)))

    def _replace(self, name: tuple[str, str], kept: _Kept | None) -> None:
        with self._counting:
            before = self._kept.pop(name, None)
            if kept is not None:
                self._kept[name] = kept
            if before is not None:
                before.is_kept = False
        if before is not None:
            self._close_unused(before)

    def _close_unused(self, kept: _Kept) -> None:
        with self._counting:
            is_over = not kept.is_kept and kept.users == 0
        if is_over:
            kept.memory.close()
