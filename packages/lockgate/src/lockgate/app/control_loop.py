"""The controller at work in a server: every group is judged now and then, and whenever its traffic says something.

What follows from that is told, by notices that are sent beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from threading import Event, Lock, Thread

from lockgate.app.controller import judge
from lockgate.app.pairs import group_of
from lockgate.app.sending import Sending
from lockgate.app.turns import interrupt_what_is_gone
from lockgate.app.wiring import Wiring
from lockgate.core.entity import Entity
from lockgate.errors import LockgateError

logger = logging.getLogger(__name__)


class ControlLoop:
    """Judges in this process, one group at a time; others may do the same: a route moves once for each token."""

    def __init__(self, wiring: Wiring, every_seconds: float) -> None:
        """Nothing is judged before `start`, but for what `judge` is asked for, and no notice is sent."""
        self._wiring = wiring
        self._every_seconds = every_seconds
        self._sending = Sending(wiring, every_seconds)
        self._judging = Lock()
        self._stopping = Event()
        self._thread: Thread | None = None
        self._told: dict[str, str] = {}

    def start(self) -> None:
        """Judges every group from now on, and sends what notices wait."""
        self._sending.start()
        if self._thread is None:
            self._thread = Thread(target=self._run, name="lockgate-controller", daemon=True)
            self._thread.start()

    def judge(self, entity: str) -> None:
        """Looks at an entity and its group now; what goes wrong is logged."""
        self._judge(group_of(self._wiring, self._wiring.project.entities[entity]))

    def wake(self) -> None:
        """Has the notices of what was decided elsewhere sent at once; returns without waiting for it."""
        self._sending.wake()

    def close(self) -> None:
        """Judges no more; a judgement under way is acted on, and told if receivers answer soon."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._sending.close()

    def _run(self) -> None:
        self._interrupt()
        while not self._stopping.wait(self._every_seconds):
            self._look()

    def _look(self) -> None:
        """Judges every group once, by the revisions that branches name now; runs that died are known for it."""
        self._interrupt()
        self._wiring.revisions.forget()
        for group in self._groups():
            if self._stopping.is_set():
                return
            self._judge(group)

    def _interrupt(self) -> None:
        try:
            interrupt_what_is_gone(self._wiring)
        except LockgateError as error:
            logger.info("runs not looked at", extra={"facts": {"error": error.code}})

    def _groups(self) -> Iterator[Sequence[Entity]]:
        """Each group once."""
        groups = {group_of(self._wiring, entity)[0].name: entity for entity in self._wiring.project.entities.values()}
        return (group_of(self._wiring, entity) for entity in groups.values())

    def _judge(self, group: Sequence[Entity]) -> None:
        name = group[0].name
        try:
            with self._judging:
                judge(self._wiring, group)
        except Exception as error:  # noqa: BLE001  whatever it is, the next look may find it mended
            self._tell(name, error)
            return
        self._told.pop(name, None)
        self._sending.wake()  # one that moves nothing may tell of a move that it found, or of what waits for people

    def _tell(self, name: str, error: Exception) -> None:
        """Logs an error once for as long as it stays the same."""
        said = f"{type(error).__name__}: {error}"
        if self._told.get(name) != said:
            self._told[name] = said
            code = error.code if isinstance(error, LockgateError) else type(error).__name__
            is_foreseen = isinstance(error, LockgateError)
            facts = {"entity": name, "error": code}
            logger.warning("not judged", extra={"facts": facts}, exc_info=None if is_foreseen else error)
