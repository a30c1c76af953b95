"""`StepPrograms`: a step's program as a process of its own, whose output is kept, and which ends when it has to."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from lockgate.adapters.processes.supervisor import Supervisor, end, held, let_go
from lockgate.adapters.secrets.redaction import redacted
from lockgate.core.flow import StepClaim, StepEnd
from lockgate.core.legible import legible

LOOK_SECONDS = 0.5
OUR_NAME = "lockgate"
LONGEST_SAID = 600
TAIL_BYTES = 8192
# ECMA-48, 5.4: what programs send to terminals for colours and places.
_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class StepPrograms:
    """Runs programs in a project's folder; what they print goes to a file an attempt."""

    def __init__(self, folder: Path, logs: Path, options: Sequence[str]) -> None:
        """`options` are ours that go before a verb of ours: which project, which target."""
        self._folder = folder
        self._logs = logs
        self._options = tuple(options)

    def __call__(
        self, claim: StepClaim, command: Sequence[str], *, timeout_seconds: float, is_wanted: Callable[[], bool]
    ) -> StepEnd:
        """See `lockgate.core.ports.flows.StepProcess`."""
        path = self._logs / str(claim.number) / f"{claim.step}.{claim.attempt}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("ab") as log:
                process = self._started(command, log.fileno())
        except OSError as error:
            return StepEnd(None, f"{command[0]}: {error.strerror}", str(path))
        try:
            code, why = _awaited(process, timeout_seconds, is_wanted)
        finally:
            end(process)
        said = "" if code == 0 else why or _said(path, code)
        return StepEnd(code, redacted(said), str(path))

    def _started(self, command: Sequence[str], log: int) -> Supervisor:
        """A process that ends as the program does; the program, and what came of it, dies with whoever waits for it."""
        ours = (sys.executable, "-m", OUR_NAME, *self._options)
        program = (*ours, *command[1:]) if command[0] == OUR_NAME else tuple(command)
        return held(program, folder=self._folder, output=log)


def _awaited(process: Supervisor, timeout_seconds: float, is_wanted: Callable[[], bool]) -> tuple[int | None, str]:
    """The exit code; None, and why, where it was stopped."""
    deadline = monotonic() + timeout_seconds
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=min(LOOK_SECONDS, max(0.0, deadline - monotonic()))), ""
        if monotonic() >= deadline:
            let_go(process)
            return None, f"stopped at its time-out of {timeout_seconds:g} s"
        if not is_wanted():
            let_go(process)
            return None, "stopped: nobody waits for it any more"


def _said(path: Path, code: int | None) -> str:
    """The end of what a failed program said."""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - TAIL_BYTES))
        text = _COLOUR.sub("", log.read().decode("utf-8", "replace"))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    tail = " / ".join(legible(line.replace("\t", " ")) for line in lines[-3:])[-LONGEST_SAID:]
    return f"exit code {code}: {tail}" if tail else f"exit code {code}"
