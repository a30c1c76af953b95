"""Implementations made ready for records: made once and lent out, made anew when files or loads change."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitedTooLong
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from lockgate.app.record_making import Made, Program, RecordMaker, State
from lockgate.app.wiring import Wiring
from lockgate.core.deadline import ANSWER_SECONDS, remaining_seconds, within
from lockgate.core.entity import Engine, Entity, Implementation
from lockgate.core.relation import Relation
from lockgate.errors import (
    CapabilityMissing,
    ControlPlaneUnavailable,
    DbtCancelled,
    DbtFailed,
    DbtTimedOut,
    DiskFull,
    NotOnline,
    NotReady,
    RetryableError,
)

logger = logging.getLogger(__name__)

Refused = CapabilityMissing | NotOnline
Name = tuple[str, str]
_ONLINE = "Write `online: true` at the implementation, or leave it out; `lockgate check` tells whether it can."
# What may go well another time is tried again after so many seconds; all else when files or loads have changed.
AGAIN_SECONDS = 5.0
_PASSING = (RetryableError, DbtCancelled, DbtFailed, DbtTimedOut, DiskFull)


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
            NotReady: it is being made, which takes seconds.
            LockgateError: its files cannot be read, or the target does not answer.
        """

    def refusal(self, entity: Entity, implementation: Implementation) -> Refused | None:
        """Why an implementation cannot answer records; None where it can, or where that is not known yet."""

    def wait(self, entity: Entity, implementation: Implementation) -> None:
        """Returns once a program is not being made any more, or there is no time left for it."""

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


@dataclass(frozen=True, slots=True)
class _Failed:
    """Why no program could be made in a state, and until when that is believed, on the process's own clock."""

    state: State
    error: Exception
    until: float


class RecordPrograms:
    """The programs of a project, one for each implementation.

    Those of rules are made by whoever asks first. Those of dbt take seconds, so a thread of its own makes them, one
    after the other, while others are lent.
    """

    def __init__(self, wiring: Wiring) -> None:
        """Nothing is made yet."""
        self._maker = RecordMaker(wiring)
        self._kept: dict[Name, _Kept] = {}
        self._failed: dict[Name, _Failed] = {}
        self._making: dict[Name, tuple[State, Future[None]]] = {}
        self._told: dict[Name, State] = {}
        self._turns: dict[Name, Lock] = {}
        self._counting = Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="lockgate-preparing")
        self._is_closed = False

    @contextmanager
    def lend(self, entity: Entity, implementation: Implementation) -> Iterator[Lent]:
        """See `Programs.lend`."""
        with within(ANSWER_SECONDS):
            kept = self._current(entity, implementation)
        try:
            yield kept.lent
        finally:
            with self._counting:
                kept.users -= 1
            self._close_unused(kept)

    @contextmanager
    def lend_at_last(self, entity: Entity, implementation: Implementation) -> Iterator[Lent]:
        """The same, after as long as it takes to make it."""
        while True:
            try:
                with self.lend(entity, implementation) as lent:
                    yield lent
                    return
            except NotReady:
                self.wait(entity, implementation)

    def refusal(self, entity: Entity, implementation: Implementation) -> Refused | None:
        """See `Programs.refusal`."""
        if implementation.engine is Engine.RULES:
            return None
        if implementation.is_online is False:
            return _declared(implementation)
        name, state = (entity.name, implementation.name), self._maker.state(implementation)
        if self._is_there(name, state):
            return None
        failed = self._failed_in(name, state)
        if failed is None:
            self._begin(entity, implementation, state)
        again = _again(failed) if failed is not None else None
        return again if isinstance(again, CapabilityMissing | NotOnline) else None

    def wait(self, entity: Entity, implementation: Implementation) -> None:
        """See `Programs.wait`."""
        making = self._making.get((entity.name, implementation.name))
        if making is not None:
            left = remaining_seconds()
            try:
                making[1].result(None if left is None or math.isinf(left) else max(0.0, left))
            except (CancelledError, WaitedTooLong):  # whoever asks for the program is told
                return

    def revision(self, implementation: Implementation) -> str:
        """See `Programs.revision`."""
        return self._maker.revision(implementation)

    def close(self) -> None:
        """See `Programs.close`. What is being made is closed when it is made."""
        with self._counting:
            self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        while self._kept:
            self._replace(next(iter(self._kept)), None)

    def _current(self, entity: Entity, implementation: Implementation) -> _Kept:
        """The program kept, unless what it was made of has changed since; counted as used."""
        name = entity.name, implementation.name
        if implementation.engine is Engine.RULES:
            with self._turns.setdefault(name, Lock()):
                return self._used(name, self._maker.state(implementation)) or self._of_rules(entity, implementation)
        if implementation.is_online is False:
            raise _declared(implementation)
        state = self._maker.state(implementation)
        if kept := self._used(name, state):
            return kept
        if failed := self._failed_in(name, state):
            raise _again(failed)
        self._begin(entity, implementation, state)
        raise NotReady(f"{entity.name} by {implementation.name} is being made ready for records", entity=entity.name)

    def _of_rules(self, entity: Entity, implementation: Implementation) -> _Kept:
        state = self._maker.state(implementation)
        kept = _Kept(state, self._maker.made(entity, implementation, state))
        kept.users = 1
        self._replace((entity.name, implementation.name), kept if kept.is_kept else None)
        return kept

    def _begin(self, entity: Entity, implementation: Implementation, state: State) -> None:
        """Has a program made in the thread for it, unless it is being made for that state."""
        name = entity.name, implementation.name
        with self._counting:
            making = self._making.get(name)
            if making is not None and making[0] == state and not making[1].done():
                return
            if self._is_closed:
                raise ControlPlaneUnavailable("the service is being stopped")
            self._making[name] = state, self._pool.submit(self._make, entity, implementation, state)
            is_told = self._told.get(name) == state
            self._told[name] = state
        if not is_told:
            _log("is being made ready for records", name)

    def _make(self, entity: Entity, implementation: Implementation, state: State) -> None:
        name = entity.name, implementation.name
        try:
            kept = _Kept(state, self._maker.made(entity, implementation, state))
        except Exception as error:  # noqa: BLE001  whoever asks for the program is told
            _log("not ready for records", name, error)
            until = time.monotonic() + AGAIN_SECONDS if isinstance(error, _PASSING) else math.inf
            self._failed[name] = _Failed(state, _again(error), until)
            return
        self._replace(name, kept)
        _log("ready for records", name)

    def _is_there(self, name: Name, state: State) -> bool:
        kept = self._kept.get(name)
        return kept is not None and kept.state == state

    def _failed_in(self, name: Name, state: State) -> Exception | None:
        failed = self._failed.get(name)
        is_so = failed is not None and failed.state == state and time.monotonic() < failed.until
        return failed.error if failed is not None and is_so else None

    def _used(self, name: Name, state: State) -> _Kept | None:
        with self._counting:
            kept = self._kept.get(name)
            if kept is None or kept.state != state:
                return None
            kept.users += 1
            return kept

    def _replace(self, name: Name, kept: _Kept | None) -> None:
        with self._counting:
            before = self._kept.pop(name, None)
            if kept is not None and not self._is_closed:
                self._kept[name] = kept
            elif kept is not None:
                kept.is_kept = False
            if before is not None:
                before.is_kept = False
        for one in (before, kept):
            if one is not None:
                self._close_unused(one)

    def _close_unused(self, kept: _Kept) -> None:
        with self._counting:
            is_over = not kept.is_kept and kept.users == 0
        if is_over:
            kept.memory.close()


def _log(event: str, name: Name, error: Exception | None = None) -> None:
    entity, implementation = name
    logger.info(event, extra={"facts": {"entity": entity, "implementation": implementation}}, exc_info=error)


def _declared(implementation: Implementation) -> NotOnline:
    return NotOnline(f"{implementation.name} is declared not to answer records", hint=_ONLINE)


def _again(error: Exception) -> Exception:
    """The same error without what it was raised in, which would be kept as long as it is."""
    fresh = copy.copy(error)
    fresh.__cause__ = fresh.__context__ = None
    return fresh.with_traceback(None)
