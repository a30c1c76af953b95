"""What is done inside dbt's own processes: parsing a project, and one invocation in a forked child."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from lockgate.adapters.dbt.wire import send

PR_SET_PDEATHSIG = 1
BUILDING = frozenset({"model", "seed", "snapshot"})


def parse(request: Mapping[str, Any]) -> Any:
    """The project's manifest.

    Raises:
        Exception: dbt's own, where the project cannot be parsed.
    """
    from dbt.cli.main import dbtRunner

    with _console(Path(request["log_path"])):
        outcome = dbtRunner().invoke(["parse", "--quiet", *_arguments(request)])
    if outcome.exception is not None:
        raise outcome.exception
    return outcome.result


def _arguments(request: Mapping[str, Any]) -> list[str]:
    """The arguments that every command has: where things are, and nothing sent anywhere."""
    return [
        "--project-dir", request["project"], "--profiles-dir", request["profiles"], "--profile", request["profile"],
        "--target", request["target"], "--target-path", request["target_path"], "--log-path", request["log_path"],
        "--vars", request["vars"], "--no-send-anonymous-usage-stats", "--no-version-check", "--no-use-colors",
    ]  # fmt: skip


def workshop_breaches(manifest: Any, database: str, schema: str) -> list[str]:
    """The nodes that would be built anywhere but in the workshop, each with the place it names."""
    return sorted(
        f"{node.unique_id} ({node.database}.{node.schema})"
        for node in manifest.nodes.values()
        if str(node.resource_type) in BUILDING
        and node.config.materialized != "ephemeral"
        and (node.schema != schema or (node.database or database) != database)
    )


def run_invocation(connection: socket.socket, manifest: Any, request: Mapping[str, Any]) -> NoReturn:
    """Runs one invocation in this process, tells each node's end and the whole, and ends the process."""
    try:
        os.setsid()
        _die_with_parent()
        _limit(request["limits"])
        send(connection, {"kind": "started", "pid": os.getpid(), "parses": request["parses"]})
        send(connection, _invoked(connection, manifest, request))
    except BaseException:  # noqa: BLE001  the process ends here; whoever asked learns why
        send(connection, {"kind": "crashed", "message": traceback.format_exc(limit=-3)})
    finally:
        connection.close()
        sys.stdout.flush()
        os._exit(0)


def _die_with_parent() -> None:
    """The kernel kills this process when the warm one ends (prctl(2), PR_SET_PDEATHSIG)."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit(limits: Mapping[str, int]) -> None:
    """Bounds what the process may use (setrlimit(2))."""
    for name, bound in limits.items():
        _, hard = resource.getrlimit(getattr(resource, name))
        ceiling = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(getattr(resource, name), (ceiling, ceiling))


def _invoked(connection: socket.socket, manifest: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """Dbt's answer to the command, as a message."""
    from dbt.adapters.factory import FACTORY
    from dbt.cli.main import dbtRunner

    FACTORY.adapters.clear()  # the one that parsing registered has the connection of another invocation

    def tell(event: Any) -> None:
        if event.info.name == "NodeFinished":
            send(connection, {"kind": "node", "node": event.data.node_info.unique_id})

    flags = ["--full-refresh"] if request["full_refresh"] else []
    arguments = [request["command"], "--quiet", *_arguments(request), *flags, "--select", *request["select"]]
    with _console(Path(request["log_path"])):
        outcome: Any = dbtRunner(manifest=manifest, callbacks=[tell]).invoke(arguments)
    if outcome.result is None:
        return {"kind": "crashed", "message": str(outcome.exception or "dbt gave no result")}
    return {
        "kind": "done",
        "nodes": [node_facts(result, request["project"]) for result in outcome.result.results],
        "seconds": outcome.result.elapsed_time,
        "invocation_id": outcome.result.args.get("invocation_id") or "",
    }


def node_facts(result: Any, project: str) -> dict[str, Any]:
    """What one of dbt's node results says."""
    node = result.node
    affected = (result.adapter_response or {}).get("rows_affected")
    compiled = getattr(node, "compiled_path", None)
    return {
        "node": node.unique_id,
        "status": str(result.status),
        "seconds": result.execution_time,
        "rows": affected if isinstance(affected, int) and affected >= 0 else None,
        "failures": result.failures,
        "message": result.message or "",
        "file": str(Path(project) / node.original_file_path),
        "compiled": str(compiled or ""),
        "depends_on": list(node.depends_on.nodes),
    }


class _console:  # noqa: N801  reads as a verb's object: `with _console(folder)`
    """Standard output and error go to a file while the block runs, so that nothing dbt prints can block or leak."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "console.log"

    def __enter__(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._kept = (os.dup(1), os.dup(2))
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, descriptor in enumerate(self._kept, start=1):
            os.dup2(descriptor, stream)
            os.close(descriptor)
