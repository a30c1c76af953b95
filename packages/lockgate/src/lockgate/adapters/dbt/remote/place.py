"""What a vendor must offer so that dbt can run there: begin a run, show what it prints, end it, find it again."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lockgate.adapters.dbt.wire import Message
from lockgate.core.execution import WorkshopAccess
from lockgate.errors import CapabilityMissing


@dataclass(frozen=True, slots=True)
class Assignment:
    """One invocation as it is sent away.

    `key` is the same whenever the same is asked for, `workshop` a digest of the workshop that is built; neither says
    anything about secrets. `request` holds the password, and goes by no command line, label or environment.
    `manifest` is what dbt made of the project here, and stays until the run has begun.
    """

    key: str
    workshop: str
    schema: str
    project: Path
    manifest: Path
    request: Message
    access: WorkshopAccess
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class RunState:
    """How a run stands. `code` is its exit code once it has ended; `said` why it ended, where the vendor says so."""

    is_running: bool
    code: int | None = None
    said: str = ""


def refuse_unknown(kind: str) -> None:
    """Returns where dbt's adapter for targets of a kind is known to run away from this machine.

    Raises:
        CapabilityMissing: it is not.
    """
    if kind not in {"duckdb", "postgres"}:
        message = f"dbt runs against a target of kind {kind!r} on this machine alone"
        raise CapabilityMissing(message, hint="Write `executor: local`, or name another target.")


class RemoteRun(Protocol):
    """A run somewhere else. All but `stop` is called from one thread; `ExecutorUnavailable` may come of anything."""

    @property
    def key(self) -> str:
        """Its assignment's."""

    def lines(self) -> Generator[str, None, None]:
        """What it prints, from its beginning; waits for more until it has ended."""

    def state(self) -> RunState:
        """How it stands now."""

    def fetch(self, folder: Path) -> None:
        """Writes what dbt left there into a folder, once it has ended."""

    def stop(self) -> None:
        """Has it ended within the grace that it is given; may be called from another thread, and twice."""

    def remove(self) -> None:
        """Takes it away with all that was made for it, ended or not; nothing is wrong where it is gone."""


class RemotePlace(Protocol):
    """Where runs are."""

    image: str

    def refuse_kind(self, kind: str) -> None:
        """Returns where a run could reach workshops of targets of a kind.

        Raises:
            CapabilityMissing: it could not, for what this place is.
        """

    def refuse(self, access: WorkshopAccess) -> None:
        """Returns where a run could reach this workshop.

        Raises:
            CapabilityMissing: it could not, for what this place is.
        """

    def found(self, assignment: Assignment) -> Sequence[RemoteRun]:
        """The runs, ended ones too, that were begun for an assignment's workshop and not removed."""

    def begin(self, assignment: Assignment) -> RemoteRun:
        """Begins a run.

        Raises:
            ExecutorRefused: it is not done there.
            ExecutorUnavailable: nobody answers there; whether it began is seen by `found`.
        """
