"""What attempts at steps of the embedded runtime have printed, from the files that this machine keeps."""

from __future__ import annotations

from pathlib import Path

from lockgate.core.flow import FlowRun, StepLog
from lockgate.errors import AccessRefused, UnknownName

MOST_BYTES = 1_000_000


def read_log(folder: Path, run: FlowRun, step: str, attempt: int) -> StepLog:
    """The end of an attempt's log; `step` must be a name of one of the run's steps.

    Raises:
        UnknownName: there is no such file here.
        AccessRefused: it cannot be read.
    """
    path = folder / str(run.number) / f"{step}.{attempt}.log"
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - MOST_BYTES))
            text = file.read(MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        hint = "Logs lie on the machine that ran the step: `lockgate flow status RUN` shows where."
        said = f"there is no log of attempt {attempt} at {step} in run {run.number}"
        raise UnknownName(said, hint=hint, name=step) from None
    except OSError as error:
        raise AccessRefused(f"the log of {step} in run {run.number} cannot be read: {error.strerror}") from error
    return StepLog(text, is_whole=size <= MOST_BYTES)
