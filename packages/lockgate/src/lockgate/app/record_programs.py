"""Implementations made ready for records: made once and lent out, made anew when files or rows change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from lockgate.app.record_making import Made, Program, RecordMaker, State
from lockgate.app.wiring import Wiring
from lockgate.core.deadline import ANSWER_SECONDS, within
from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.core.relation import Relation
from lockgate.errors import CapabilityMissing, LockgateError, NotOnline

Refused = CapabilityMissing | NotOnline
_ONLINE = "Write `online: true` at the implementation, or leave it out; `lockgate check` tells whether it can."


@dataclass(frozen=True, slots=True)
class Lent:
    """A program, and what it was made of: the state of the target's rows, and the revision of its files.

    `records` is the relation whose rows are its records.
    """

    program: Program
    rows: str
    revision: str
    records: Relation


class Programs(Protocol):
    """What lends programs."""

    def lend(self, entity: Entity, implementation: Implementation) -> AbstractContextManager[Lent]:
        """The program that is in force now; it stays open in the block.

        Raises:
            CapabilityMissing, NotOnline: the implementation cannot answer records.
            LockgateError: its files cannot be read, or the target does not answer.
        """

    def refusal(self, entity: Entity, implementation: Implementation) -> Refused | None:
        """Why an implementation cannot answer records; None where it can, or where that cannot be told now."""

    def revision(self, implementation: Implementation) -> str:
        """The revision of an implementation's files now: that of a program that cannot be made of them."""

    def close(self) -> None:
        """Gives back memory."""


class _Kept:
    """A program with what it was made of, and how many use it now."""

    def __init__(self, state: State, made: Made) -> None:
        self.state = state
        self.lent = Lent(made.program, rows=state.rows, revision=state.revision, records=made.records)
        self.memory = made.memory
        self.is_kept = made.is_kept
        self.users = 0


class RecordPrograms:
    """The programs of a project: one for each implementation, made by one thread while others use the rest."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing is made yet."""
        self._wiring = wiring
        self._maker = RecordMaker(wiring)
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._refused: dict[tuple[str, str], tuple[str, Refused | None]] = {}
        self._making: dict[tuple[str, str], Lock] = {}
        self._counting = Lock()

    @contextmanager
    def lend(self, entity: Entity, implementation: Implementation) -> Iterator[Lent]:
        """See `Programs.lend`."""
        name = entity.name, implementation.name
        with within(ANSWER_SECONDS), self._making.setdefault(name, Lock()):
            kept = self._current(entity, implementation)
        try:
            yield kept.lent
        finally:
            with self._counting:
                kept.users -= 1
            self._close_unused(kept)

    def refusal(self, entity: Entity, implementation: Implementation) -> Refused | None:
        """See `Programs.refusal`."""
        if implementation.engine is Engine.RULES:
            return None
        if implementation.is_online is False:
            return NotOnline(f"{implementation.name} is declared not to answer records", hint=_ONLINE)
        name, revision = (entity.name, implementation.name), self.revision(implementation)
        before, refusal = self._refused.get(name, (None, None))
        if before != revision:
            refusal = self._asked(entity, implementation)
            self._refused[name] = revision, refusal
        return refusal

    def _asked(self, entity: Entity, implementation: Implementation) -> Refused | None:
        try:
            with self.lend(entity, implementation):
                return None
        except (CapabilityMissing, NotOnline) as refusal:
            return refusal
        except LockgateError:  # whoever asks it for an answer is told
            return None

    def revision(self, implementation: Implementation) -> str:
        """See `Programs.revision`."""
        return self._maker.revision(implementation)

    def close(self) -> None:
        """See `Programs.close`."""
        while self._kept:
            self._replace(next(iter(self._kept)), None)

    def _current(self, entity: Entity, implementation: Implementation) -> _Kept:
        """The program kept, unless what it was made of has changed since; counted as used."""
        name = entity.name, implementation.name
        state = State(self.revision(implementation), self._wiring.warehouse.raw_state())
        kept = self._kept.get(name)
        if kept is None or kept.state != state:
            kept = _Kept(state, self._maker.made(entity, implementation, state))
            kept.users = 1
            self._replace(name, kept if kept.is_kept else None)
            return kept
        with self._counting:
            kept.users += 1
        return kept

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
