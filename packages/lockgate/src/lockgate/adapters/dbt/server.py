"""The warm process: imports dbt, parses a project when its content changed, forks a child for each invocation.

Started as `python -I -m lockgate.adapters.dbt.server` with an empty environment and a socket as standard input, over
which come connections, one a request. It ends when that socket does.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from typing import Any

from lockgate.adapters.dbt.child import parse, run_invocation, workshop_breaches
from lockgate.adapters.dbt.wire import ConnectionEnded, Inbox, send

MAX_MANIFESTS = 4


@dataclass(slots=True)
class Server:
    """The manifests kept, by what they were parsed from, the least recently used first; how often it parsed."""

    manifests: dict[str, Any] = field(default_factory=dict)
    parses: int = 0

    def serve(self, control: socket.socket) -> None:
        """Answers requests until the other side closes."""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not descriptors:
                return
            with socket.socket(fileno=descriptors[0]) as connection:
                self._answer(connection, control)

    def _answer(self, connection: socket.socket, control: socket.socket) -> None:
        """Answers one request; an invocation is answered by the child it is given."""
        try:
            request = Inbox(connection).receive()
            manifest = self._manifest(request)
        except ConnectionEnded:
            return
        except Exception as error:  # noqa: BLE001  whatever dbt raises on a project that it cannot parse
            send(connection, {"kind": "unparsed", "message": str(error), "parses": self.parses})
            return
        refusal = _refusal(manifest, request)
        if refusal is not None:
            send(connection, {**refusal, "parses": self.parses})
            return
        if os.fork() == 0:
            control.close()
            run_invocation(connection, manifest, {**request, "parses": self.parses})

    def _manifest(self, request: dict[str, Any]) -> Any:
        """The project's manifest, parsed anew only where the request's key is new."""
        key = request["key"]
        manifest = self.manifests.pop(key, None)
        if manifest is None:
            self.parses += 1
            manifest = parse({**request, "target_path": request["parse_path"]})
        self.manifests[key] = manifest
        while len(self.manifests) > MAX_MANIFESTS:
            del self.manifests[next(iter(self.manifests))]
        return manifest


def _refusal(manifest: Any, request: dict[str, Any]) -> dict[str, Any] | None:
    """Why nothing is run: nodes outside the workshop, a model that is not there, or that only facts were wanted."""
    models = {node.name: node for node in manifest.nodes.values() if node.resource_type == "model"}
    if request["command"] == "parse":
        facts = {name: sorted(node.columns) for name, node in models.items()}
        return {"kind": "parsed", "models": facts}
    breaches = workshop_breaches(manifest, request["database"], request["schema"])
    if breaches:
        return {"kind": "escaped", "nodes": breaches}
    missing = [name for name in request["models"] if name not in models]
    return {"kind": "unknown", "model": missing[0], "models": sorted(models)} if missing else None


def main() -> None:
    """Serves the socket that stands where standard input does."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    Server().serve(control)


if __name__ == "__main__":
    main()
    sys.exit(0)
