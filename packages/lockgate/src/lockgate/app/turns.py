"""Taking turns on a target: one run at a time, and who waits says for whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from lockgate.app.quality import tell_anomalies
from lockgate.app.recorder import Recorder, recorded
from lockgate.app.wiring import RUN_LOCK, Wiring
from lockgate.app.witnessing import witnessing
from lockgate.core.record import RecordStatus
from lockgate.errors import TargetBusy
from lockgate.flow import StepListener


@contextmanager
def alone(wiring: Wiring, command: str, listener: StepListener, wait_seconds: float) -> Iterator[Recorder]:
    """The target to oneself, and what is done there written down; then who wants to know hears of anomalies in it.

    Raises:
        TargetBusy: another run held the target all the while.
    """
    with (
        run_lock(wiring, listener, wait_seconds),
        recorded(wiring.store, wiring.clock, listener, command, witnessing(wiring)) as found,
    ):
        yield found
    tell_anomalies(wiring, found.run_id, found.started_at)


@contextmanager
def run_lock(wiring: Wiring, listener: StepListener, wait_seconds: float) -> Iterator[None]:
    """The target to oneself; `listener` hears of who has it, where somebody has.

    Raises:
        TargetBusy: another run held the target all the while.
    """
    with ExitStack() as held:
        try:
            held.enter_context(wiring.warehouse.lock(RUN_LOCK, wait_seconds=0.0))
        except TargetBusy:
            if not wait_seconds:
                raise
            listener.waiting(f"waiting up to {wait_seconds:g} s for {_holder(wiring)}")
            held.enter_context(wiring.warehouse.lock(RUN_LOCK, wait_seconds=wait_seconds))
        yield


def interrupt_what_is_gone(wiring: Wiring) -> None:
    """Marks runs as interrupted whose process is gone: they count as running, and nobody has the target."""
    if not wiring.store.runs.runs(status=RecordStatus.RUNNING, limit=1):
        return
    with suppress(TargetBusy), wiring.warehouse.lock(RUN_LOCK, wait_seconds=0.0):
        wiring.store.runs.interrupt()


def _holder(wiring: Wiring) -> str:
    """Who has the target, as the control plane knows."""
    newest = next(iter(wiring.store.runs.runs(limit=1)), None)
    if newest is None or newest.status is not RecordStatus.RUNNING:
        return "another process on this target"
    return f"run {newest.run_id} ({newest.command}), which began at {newest.started_at:%Y-%m-%d %H:%M:%S} UTC"
