"""What stages ask of whatever runs dbt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lockgate.core.compiled import CompiledGraph
from lockgate.core.execution import DbtExecutionResult, DbtInvocation, NodeResult, ProjectInspection


class NodeListener(Protocol):
    """Hears of each node as it ends."""

    def __call__(self, node: NodeResult, /) -> None:
        """One node has ended; the caller waits meanwhile."""


class DbtExecutor(Protocol):
    """Runs dbt somewhere: in a process of this machine, a container, a cluster, dbt Cloud."""

    def execute(self, invocation: DbtInvocation, on_node: NodeListener) -> DbtExecutionResult:
        """Runs one invocation to its end; failed nodes are in the result, not raised.

        Raises:
            DbtProjectInvalid: dbt cannot parse the project.
            UnknownName: the project lacks one of the invocation's models; nothing was run.
            WorkshopEscaped: a node would be built outside the workshop; nothing was run.
            DbtTimedOut: stopped at its time-out.
            DbtCancelled: stopped by `cancel`.
            DbtProcessLost: dbt's process ended before its work did.
        """

    def compiled(self, invocation: DbtInvocation) -> CompiledGraph:
        """The SQL of the invocation's one model and of all that it stands on, as for a full refresh; builds nothing.

        Raises:
            CapabilityMissing: dbt cannot compile there.
            UnknownName: the project lacks the invocation's model.
            DbtError: as of `execute`; `DbtFailed` where a node does not compile.
        """

    def inspect(self, project: Path, kind: str, variables: Mapping[str, object]) -> ProjectInspection:
        """What a project says of itself with these variables, for a target of that kind; nothing is asked or built.

        Raises:
            CapabilityMissing: dbt cannot run there against such a target.
            DbtProcessLost: dbt's process ended before its work did.
        """

    def revision(self, project: Path) -> str:
        """A digest of everything that dbt reads of a project."""

    def warm(self) -> None:
        """Begins, without waiting, what the first invocation would otherwise wait for."""

    def cancel(self) -> None:
        """Stops every invocation that is running, from another thread; not what is compiled, which builds nothing."""

    def close(self) -> None:
        """Ends processes kept warm."""
