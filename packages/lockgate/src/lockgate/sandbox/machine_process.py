"""A process of this machine in the place of a container's: its output kept and followed, its end asked for and seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread, Timer

_CHUNK = 1 << 16
_FOLLOW_SECONDS = 0.2


class RunningProcess(ABC):
    """A process that was started; `code` is its exit code once it has ended, as shells say it."""

    def __init__(self) -> None:
        """It has not ended."""
        self.code: int | None = None
        self._changed = Condition()

    @property
    @abstractmethod
    def output(self) -> bytes:
        """What it has printed so far."""

    @abstractmethod
    def followed(self) -> Iterator[bytes]:
        """What it prints, from the beginning to its end."""

    @abstractmethod
    def _group(self) -> int:
        """The number of its group of processes, once that is known."""

    def ask_to_end(self, grace_seconds: float) -> None:
        """SIGTERM, and SIGKILL where it has not ended in time; returns once it has ended."""
        self._signal(signal.SIGTERM)
        killing = Timer(grace_seconds, self._signal, (signal.SIGKILL,))
        killing.start()
        self.wait()
        killing.cancel()

    def kill(self) -> None:
        """SIGKILL; returns once it has ended."""
        self._signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Its exit code, once it has ended; 128 and the signal's number where one ended it."""
        with self._changed:
            self._changed.wait_for(lambda: self.code is not None)
        return self.code or 0

    def _has_ended(self, code: int) -> None:
        with self._changed:
            self.code = code if code >= 0 else 128 - code
            self._changed.notify_all()

    def _signal(self, number: signal.Signals) -> None:
        group = self._group()
        if self.code is None:
            with suppress(ProcessLookupError):
                os.killpg(group, number)


Runner = Callable[[Sequence[str], Path, Mapping[str, str]], RunningProcess]


class MachineProcess(RunningProcess):
    """Runs a command in a folder with an environment of its own, and what Python needs to find what is installed.

    It is confined in no way: no other account, no limits, no network of its own.
    """

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        """Starts it."""
        super().__init__()
        self._output: list[bytes] = []
        self._process = subprocess.Popen(
            list(command),
            cwd=folder,
            env={**surroundings(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        Thread(target=self._watch, daemon=True).start()

    @property
    def output(self) -> bytes:
        """What it has printed so far."""
        return b"".join(self._output)

    def followed(self) -> Iterator[bytes]:
        """What it prints, from the beginning to its end."""
        place = 0
        while True:
            with self._changed:
                if len(self._output) == place and self.code is None:
                    self._changed.wait(_FOLLOW_SECONDS)
                pieces, has_ended = self._output[place:], self.code is not None
            yield from pieces
            place += len(pieces)
            if has_ended and place == len(self._output):
                return

    def _group(self) -> int:
        return self._process.pid

    def _watch(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  it is piped
        while piece := os.read(self._process.stdout.fileno(), _CHUNK):
            with self._changed:
                self._output.append(piece)
                self._changed.notify_all()
        code = self._process.wait()
        self._process.stdout.close()
        self._has_ended(code)


def surroundings() -> dict[str, str]:
    """Where programs and packages are: those of the Python that runs this."""
    handed_on = {**os.environ}
    kept = {name: handed_on[name] for name in ("PYTHONPATH", "LD_LIBRARY_PATH") if name in handed_on}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
