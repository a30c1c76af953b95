"""One invocation, in a child of the project's process: dbt runs, and tells of each node as it ends."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lockgate.adapters.dbt.command import CONSOLE, LONGEST_TEXT, command
from lockgate.adapters.dbt.confinement import console
from lockgate.adapters.dbt.profile import PROFILE_FILE, write_profile
from lockgate.adapters.dbt.spark_setup import spark
from lockgate.adapters.dbt.templates import note_templates
from lockgate.adapters.dbt.wire import Message, send
from lockgate.core.nearness import nearest

MANIFEST = "manifest.json"
RUN_RESULTS = "run_results.json"
NAMED = 20
TOLD_AT_ONCE = 500

Tell = Callable[[Mapping[str, object]], None]


def invoke(manifest: Any, project: Message, request: Message, connection: socket.socket) -> None:
    """Builds or tests what the request selects, telling over `connection`; see `invoked`."""
    invoked(manifest, project, request, partial(send, connection))


def invoked(manifest: Any, project: Message, request: Message, tell: Tell) -> None:
    """Builds or tests what the request selects; tells `started`, a `node` each, then `done`, `unknown` or `broken`.

    Where it only tests, it tells before what each model stands on: tests do not say which models they answer for.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # interrupted, dbt cancels its queries
    tell({"kind": "started"})
    missing = unknown(manifest, request["models"])
    if missing is not None:
        tell(missing)
        return
    if request["tests_only"]:
        for told in upstreams(manifest, request["models"]):
            tell(told)
    with console(Path(request["folder"]) / CONSOLE):
        last = _Invocation(manifest, project, request, tell).run()
        disconnect()
    tell(last)
    note_templates(Path(project["templates"]), manifest)


def unknown(manifest: Any, names: Sequence[str]) -> Message | None:
    """What is told of the first of the names that no model has; None where all are there."""
    models = {node.name for node in manifest.nodes.values() if node.resource_type == "model"}
    missing = next((name for name in names if name not in models), None)
    if missing is None:
        return None
    near = nearest(missing, models)
    return {"kind": "unknown", "model": missing, "near": near, "models": sorted(models)[:NAMED]}


class _Invocation:
    """One run of dbt."""

    def __init__(self, manifest: Any, project: Message, request: Message, tell: Tell) -> None:
        self._manifest = manifest
        self._project = project
        self._request = request
        self._tell = tell
        self._folder = Path(request["folder"])
        self._profiles = Path(request["profiles"])
        self._told: set[str] = set()

    def run(self) -> Message:
        """The message that says how the whole ended."""
        from dbt.cli.main import dbtRunner
        from dbt_common.invocation import get_invocation_id

        _load_seeds_by_statements(self._manifest)
        os.link(Path(self._project["folder"]) / MANIFEST, self._folder / MANIFEST)
        write_profile(self._profiles, self._request["profile"])
        with spark(self._request["session"]) as keep:
            outcome: Any = dbtRunner(manifest=self._manifest, callbacks=[self._hear]).invoke(self._command())
            if outcome.result is not None:
                keep()
        if outcome.result is None:
            return {"kind": "broken", "message": str(outcome.exception or "dbt gave no result")[:LONGEST_TEXT]}
        for result in outcome.result.results:  # hooks and crashed threads end without an event
            if result.node.unique_id not in self._told:
                self._end(result.node, result.to_msg_dict())
        outcome.result.write(str(self._folder / RUN_RESULTS))
        return {"kind": "done", "seconds": outcome.result.elapsed_time, "invocation_id": get_invocation_id()}

    def _command(self) -> list[str]:
        common = command(
            "test" if self._request["tests_only"] else "build",
            self._project,
            folder=self._folder,
            profiles=self._profiles,
        )
        refresh = ["--full-refresh"] if self._request["full_refresh"] else []
        selected = [f"--select={word}" for word in self._request["select"]]
        return [
            *common,
            "--no-write-json",
            "--cache-selected-only",
            "--indirect-selection",
            "buildable",
            *refresh,
            *selected,
        ]

    def _hear(self, event: Any) -> None:
        if event.info.name == "AdapterRegistered":  # dbt has read its profile, which holds a password
            (self._profiles / PROFILE_FILE).unlink(missing_ok=True)
        if event.info.name == "NodeFinished":
            self._end(_node(self._manifest, event.data.node_info.unique_id), _told(event.data.run_result))

    def _end(self, node: Any, result: Mapping[str, Any]) -> None:
        facts = result_facts(str(node.resource_type), result)
        self._tell({"kind": "node", **node_facts(node, Path(self._project["project"])), **facts})
        self._told.add(node.unique_id)


def _load_seeds_by_statements(manifest: Any) -> None:
    """Makes dbt-duckdb load seeds as other adapters do: its own way lets the database read files, which it may not."""
    for node in manifest.nodes.values():
        if node.resource_type == "seed":
            node.config._extra["fast"] = False  # noqa: SLF001  where dbt keeps an adapter's own settings


def disconnect() -> None:
    """Closes what dbt-duckdb keeps open to the end of a process, so that the file is whole without its log."""
    duckdb = sys.modules.get("dbt.adapters.duckdb.connections")
    environment = duckdb.DuckDBConnectionManager._ENV if duckdb else None  # noqa: SLF001  `env()` raises where none is
    if environment is not None:
        environment.close()


def upstreams(manifest: Any, models: Sequence[str]) -> Iterator[Message]:
    """The ids of each model and of all that it stands on, as messages that are not too long."""
    nodes = {**manifest.nodes, **manifest.functions}
    for model in models:
        found = sorted(_upstream(nodes, model))
        for start in range(0, len(found), TOLD_AT_ONCE):
            yield {"kind": "upstream", "model": model, "nodes": found[start : start + TOLD_AT_ONCE]}


def _upstream(nodes: Mapping[str, Any], model: str) -> set[str]:
    found: set[str] = set()
    waiting = [node.unique_id for node in nodes.values() if node.resource_type == "model" and node.name == model]
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in found:
            found.add(name)
            waiting += getattr(nodes[name].depends_on, "nodes", ())
    return found


def _node(manifest: Any, name: str) -> Any:
    places = (manifest.nodes, manifest.unit_tests, manifest.functions)
    return next(place[name] for place in places if name in place)


def _told(result: Any) -> dict[str, object]:
    """The result in an event of dbt's, under the names that it has elsewhere."""
    names = ("status", "execution_time", "num_failures", "message")
    return {"adapter_response": dict(result.adapter_response), **{name: getattr(result, name) for name in names}}


def node_facts(node: Any, project: Path) -> dict[str, object]:
    """What is known of a node before it runs."""
    relation = [node.schema, node.alias] if node.resource_type in {"model", "seed", "snapshot"} else None
    return {
        "node": node.unique_id,
        "file": str(project / node.original_file_path),
        "compiled": str(getattr(node, "compiled_path", None) or ""),
        "depends_on": list(getattr(node.depends_on, "nodes", ())),
        "attached_to": getattr(node, "attached_node", None) or "",
        "materialized": getattr(node.config, "materialized", None) or "",
        "relation": relation,
    }


def result_facts(kind: str, result: Mapping[str, Any]) -> dict[str, object]:
    """What the result of a node of that kind says: rows and bytes where the adapter counts them, failures for tests."""
    response = result["adapter_response"] or {}
    affected, billed = response.get("rows_affected"), response.get("bytes_billed")
    return {
        "status": result["status"],
        "seconds": result["execution_time"],
        "rows": int(affected) if isinstance(affected, int | float) and affected >= 0 else None,
        "read_bytes": int(billed) if isinstance(billed, int | float) and billed >= 0 else None,
        "failures": int(result["num_failures"] or 0) if kind in {"test", "unit_test"} else None,
        "message": (result["message"] or "")[:LONGEST_TEXT],
    }
