"""What an invocation of dbt tells while it runs, put together: its nodes in order, and how the whole ended."""

from __future__ import annotations

from pathlib import Path

from lockgate.adapters.dbt.answers import lost, node_result, refusal
from lockgate.adapters.dbt.redaction import LOG, Redaction
from lockgate.adapters.dbt.wire import Message
from lockgate.core.execution import DbtExecutionResult, NodeResult
from lockgate.core.ports import NodeListener


class Story:
    """Of one invocation. `last` is the message that says how it ended, if one came; `code` its process's exit code."""

    def __init__(self, on_node: NodeListener, redaction: Redaction) -> None:
        """Tells `on_node` of each node; what is told and kept goes through `redaction`."""
        self.redaction = redaction
        self.last: Message | None = None
        self.has_begun = False
        self.code: int | None = None
        self._on_node = on_node
        self._nodes: list[NodeResult] = []
        self._upstream: dict[str, frozenset[str]] = {}

    def hear(self, message: Message) -> None:
        """The next message."""
        kind = message["kind"]
        self.has_begun = True
        if kind == "node":
            self._nodes.append(node_result(message, self.redaction.safe))
            self._on_node(self._nodes[-1])
        elif kind == "upstream":
            name = message["model"]
            self._upstream[name] = self._upstream.get(name, frozenset()).union(message["nodes"])
        elif kind == "ended":
            self.code = message["code"]
        elif kind != "started":
            self.last = {**message, "message": self.redaction.safe(message.get("message", ""))}

    def result(self, folder: Path) -> DbtExecutionResult:
        """What it did, with what it left in `folder`.

        Raises:
            LockgateError: what it was refused for.
            DbtProcessLost: it ended without saying how.
        """
        last = self.last
        if last is None:
            raise lost(self.code, str(folder / LOG))
        if last["kind"] != "done":
            raise refusal(last)
        return DbtExecutionResult(
            last["invocation_id"],
            tuple(self._nodes),
            last["seconds"],
            artifacts=folder,
            log=folder / LOG,
            upstream=self._upstream,
        )
