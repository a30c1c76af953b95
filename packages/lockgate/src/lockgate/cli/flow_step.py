"""A command that is a step of another runtime's: the control plane is told when it begins and how it ends.

Telling never fails the command, and hardly slows it: what takes longer than a moment is left behind.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from threading import Thread, current_thread, main_thread
from typing import TYPE_CHECKING

from lockgate.cli.exits import Exit
from lockgate.core.flow import Interval, OutsideStep, Runtime, StepEnd
from lockgate.core.nominal_time import about
from lockgate.settings import take_flow_variables

if TYPE_CHECKING:
    from lockgate.app import App

logger = logging.getLogger(__name__)

MOMENT_SECONDS = 5.0
ENDED = 128 + signal.SIGTERM


def told(command: Callable[[], int], *, project: str | None, target: str | None) -> int:
    """Runs a command: its exit code. The options are the global ones, as they were given."""
    step = _step(*take_flow_variables())
    if step is None:
        return command()
    teller = _Teller(step, Path(project) if project else None, target)
    _end_orderly()
    code: int = Exit.FAILED
    try:
        teller.started()
        with _about(step):
            code = command()
    finally:
        teller.finished(StepEnd(code, "" if code == Exit.FINE else f"exit code {code}"))
    return code


def _step(step: str, run: str, interval: str) -> OutsideStep | None:
    """The step that three variables name; None, and a warning, where they do not."""
    if not step and not run:
        return None
    flow, _, name = step.partition("/")
    runtime, _, run_id = run.partition("/")
    if not name or not run_id or runtime not in set(Runtime):
        logger.warning("LOCKGATE_FLOW_STEP is no FLOW/STEP, or LOCKGATE_FLOW_RUN no RUNTIME/ID: nobody is told")
        return None
    return OutsideStep(flow, name, Runtime(runtime), run_id, _interval(interval))


def _interval(written: str) -> Interval | None:
    start, _, end = written.partition("/")
    try:
        found = Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))
    except ValueError:
        return None
    return found if found.start.tzinfo and found.end.tzinfo else None


def _about(step: OutsideStep) -> AbstractContextManager[None]:
    """Has what the command does be about the interval of the flow's run, where that is known."""
    return about(step.interval.start, step.interval.end) if step.interval else nullcontext()


class _Teller:
    """Tells the control plane of one step, beside the command."""

    def __init__(self, step: OutsideStep, project: Path | None, target: str | None) -> None:
        self._step = step
        self._project = project
        self._target = target
        self._telling: Thread | None = None

    def started(self) -> None:
        """Tells that it begins."""
        self._beside(lambda: self._tell(None))

    def finished(self, end: StepEnd) -> None:
        """Tells how it ended, once it was told that it began."""
        if self._telling is not None:
            self._telling.join(MOMENT_SECONDS)
        if self._telling is None or not self._telling.is_alive():
            self._beside(lambda: self._tell(end))

    def _beside(self, tell: Callable[[], None]) -> None:
        self._telling = Thread(target=tell, name="lockgate-flow-step", daemon=True)
        self._telling.start()
        self._telling.join(MOMENT_SECONDS)
        if self._telling.is_alive():
            logger.warning("the control plane is not told of the step in time; the command goes on")

    def _tell(self, end: StepEnd | None) -> None:
        from lockgate.app import App

        try:
            with App.open(self._project, target=self._target, may_be_invalid=True) as app:
                if self._target is None or app.flows.flow(self._step.flow).target != self._target:
                    return _told(app, self._step, end)
            # The flow chose the target for its steps; its runs are kept where those of all flows are.
            with App.open(self._project, may_be_invalid=True) as app:
                _told(app, self._step, end)
        except Exception as error:  # noqa: BLE001  whatever it is, the command is what counts
            logger.warning("the control plane is not told of the step: %s", error)


def _told(app: App, step: OutsideStep, end: StepEnd | None) -> None:
    if end is None:
        app.flows.told_started(step)
    else:
        app.flows.told_finished(step, end)


def _end_orderly() -> None:
    """Lets a runtime's request to end be an end that is told."""

    def leave(_signal: int, _frame: object) -> None:
        raise SystemExit(ENDED)

    if current_thread() is main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, leave)
