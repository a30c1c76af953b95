"""One compilation, in a child of the project's process: dbt compiles a model and all that it stands on."""

from __future__ import annotations

import json
import signal
import socket
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from lockgate.adapters.dbt.command import CONSOLE, LONGEST_TEXT, command
from lockgate.adapters.dbt.confinement import console
from lockgate.adapters.dbt.invoking import disconnect, unknown
from lockgate.adapters.dbt.profile import PROFILE_FILE, write_profile
from lockgate.adapters.dbt.spark_setup import spark
from lockgate.adapters.dbt.templates import note_templates
from lockgate.adapters.dbt.wire import Message, send

COMPILED = "compiled.json"
_ASKING = "macro.dbt.is_incremental"
_HEAD = "{% macro is_incremental() %}"
_REFRESHED = "{% if should_full_refresh() %}{{ return(False) }}{% endif %}"
_TEMPLATED = frozenset({"model", "snapshot"})
_CASTING = frozenset({"duckdb", "postgres"})
_CAST = frozenset({"table", "incremental"})


def compile_graph(manifest: Any, project: Message, request: Message, connection: socket.socket) -> None:
    """Compiles the request's model and leaves its graph in `compiled.json`; tells what `invoke` does, but no node."""
    tell = partial(send, connection)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # interrupted, dbt cancels its queries
    tell({"kind": "started"})
    missing = unknown(manifest, request["models"][:1])
    if missing is not None:
        tell(missing)
        return
    with console(Path(request["folder"]) / CONSOLE):
        last = _Compilation(manifest, project, request).run()
        disconnect()
    tell(last)
    note_templates(Path(project["templates"]), manifest)


class _Compilation:
    """One run of `dbt compile`."""

    def __init__(self, manifest: Any, project: Message, request: Message) -> None:
        self._manifest = manifest
        self._project = project
        self._request = request
        self._folder = Path(request["folder"])
        self._profiles = Path(request["profiles"])
        self._watch = _Watch()

    def run(self) -> Message:
        """The message that says how the whole ended."""
        from dbt.cli.main import dbtRunner
        from dbt_common.invocation import get_invocation_id

        model = self._model()
        _ask_no_state(self._manifest)
        self._watch.install()
        write_profile(self._profiles, self._request["profile"])
        with spark(self._request["session"]):
            outcome: Any = dbtRunner(manifest=self._manifest, callbacks=[self._hear]).invoke(self._command(model))
        if outcome.result is None:
            return {"kind": "broken", "message": str(outcome.exception or "dbt gave no result")[:LONGEST_TEXT]}
        nodes = list(_Graph(self._manifest, self._request, self._project, self._watch).nodes(model.unique_id))
        document = {"model": model.unique_id, "nodes": nodes}
        (self._folder / COMPILED).write_text(json.dumps(document), encoding="utf-8")
        return {"kind": "done", "seconds": outcome.result.elapsed_time, "invocation_id": get_invocation_id()}

    def _model(self) -> Any:
        """The model of the name asked for: the project's own before a package's, the latest version before others."""
        name, own = self._request["models"][0], self._manifest.metadata.project_name
        found = (one for one in self._manifest.nodes.values() if one.resource_type == "model" and one.name == name)
        return min(found, key=lambda one: (one.package_name != own, not _is_latest(one), one.unique_id))

    def _command(self, model: Any) -> list[str]:
        common = command("compile", self._project, folder=self._folder, profiles=self._profiles)
        return [
            *common, "--no-write-json", "--cache-selected-only", "--indirect-selection", "empty", "--full-refresh",
            f"--select=+fqn:{'.'.join(model.fqn)}",
        ]  # fmt: skip

    def _hear(self, event: Any) -> None:
        if event.info.name == "AdapterRegistered":  # dbt has read its profile, which holds a password
            (self._profiles / PROFILE_FILE).unlink(missing_ok=True)
        if event.info.name == "SQLQuery":
            self._watch.asked.add(event.data.node_info.unique_id)


def _is_latest(model: Any) -> bool:
    return model.version is None or bool(model.is_latest_version)


def _ask_no_state(manifest: Any) -> None:
    """Lets dbt's `is_incremental` answer of a full refresh before it looks for the model's table."""
    macro = manifest.macros.get(_ASKING)
    if macro is not None:
        macro.macro_sql = macro.macro_sql.replace(_HEAD, _HEAD + _REFRESHED, 1)


class _Watch:
    """Which nodes asked the database while they were compiled, and which macros each called.

    dbt tells of each statement, with the node that is compiled in that thread. It does not tell of an answer out of
    its cache of relations, which is one of the database's all the same.
    """

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self.called: dict[str, set[str]] = defaultdict(set)

    def install(self) -> None:
        """Watches for the rest of this process."""
        cache = import_module("dbt.adapters.cache").RelationsCache
        stack = import_module("dbt.clients.jinja").MacroStack
        info = import_module("dbt_common.events.contextvars").get_node_info
        get_relations, push = cache.get_relations, stack.push

        def told(relations: Any, *schema: Any) -> Any:
            self.asked.add(info().get("unique_id", ""))
            return get_relations(relations, *schema)

        def called(macros: Any, name: str) -> None:
            self.called[info().get("unique_id", "")].add(name)
            push(macros, name)

        cache.get_relations, stack.push = told, called


class _Graph:
    """What stands below one model; ephemeral models count as a part of what reads them."""

    def __init__(self, manifest: Any, request: Message, project: Message, watch: _Watch) -> None:
        self._nodes: Mapping[str, Any] = {**manifest.nodes, **manifest.sources}
        self._project = Path(project["project"])
        self._watch = watch
        self._templates = import_module("lockgate.adapters.dbt.taking").Templates(manifest)
        self._building = _Materializations(manifest, request["profile"]["type"])
        # What dbt runs before and after a whole run is one such node each.
        self._has_run_hooks = any(str(one.resource_type) == "operation" for one in manifest.nodes.values())

    def nodes(self, model: str) -> Iterator[Message]:
        """The facts of a model and of everything upstream of it, each once."""
        told: set[str] = set()
        waiting = [model]
        while waiting:
            name = waiting.pop()
            if name in told or name not in self._nodes:
                continue
            told.add(name)
            facts = self._facts(self._nodes[name])
            yield facts
            waiting += facts["parents"]

    def _facts(self, node: Any) -> Message:
        kind = str(node.resource_type)
        parents, inside = self._above(node)
        whole = [node, *inside]
        facts: Message = {
            "name": node.unique_id,
            "kind": kind,
            "relation": [node.schema, node.identifier],
            "parents": sorted(parents),
            "file": str(self._project / node.original_file_path),
            "has_asked": any(one.unique_id in self._watch.asked for one in whole),
        }
        if kind == "source":
            return facts
        return {
            **facts,
            "sql": (node.compiled_code or "") if _is_sql(node) else "",
            "columns": self._building.contract(node),
            "materialized": self._building.materialized(node),
            "language": str(getattr(node, "language", "sql")),
            "has_hooks": self._has_run_hooks or _has_hooks(node),
            "invocation": sorted({name for one in whole for name in self._taken(one)}),
        }

    def _above(self, node: Any) -> tuple[set[str], list[Any]]:
        """What a node reads, by name, and the ephemeral models that it has inside."""
        parents: set[str] = set()
        inside: dict[str, Any] = {}
        waiting = [node]
        while waiting:
            for name in getattr(getattr(waiting.pop(), "depends_on", None), "nodes", ()):
                parent = self._nodes.get(name)
                if not getattr(parent, "is_ephemeral_model", False):
                    parents.add(name)
                elif name not in inside:
                    inside[name] = parent
                    waiting.append(parent)
        return parents, list(inside.values())

    def _taken(self, node: Any) -> tuple[str, ...]:
        called = self._watch.called.get(node.unique_id, ())
        found: tuple[str, ...] = self._templates.names(node, called) if _is_sql(node) else ()
        return found


def _is_sql(node: Any) -> bool:
    return str(node.resource_type) in _TEMPLATED and str(node.language) == "sql"


class _Materializations:
    """How nodes of one manifest are built by one adapter."""

    def __init__(self, manifest: Any, kind: str) -> None:
        factory = import_module("dbt.adapters.factory").FACTORY
        self._manifest = manifest
        self._kind = kind
        self._dbts = frozenset(factory.get_adapter_package_names(kind))
        self._column = factory.get_adapter_class_by_name(kind).Column

    def contract(self, node: Any) -> list[tuple[str, str]] | None:
        """The columns and types that dbt casts a node's output to, in order; None where it casts to none.

        Of a view, and on Spark of a table, dbt compares names and kinds of types with a contract, and casts nothing.
        """
        contract = getattr(node, "contract", None)
        is_cast = self._kind in _CASTING and self.materialized(node) in _CAST
        if not is_cast or contract is None or not contract.enforced:
            return None
        type_of = self._column.translate_type if contract.alias_types else str
        return [(column.name, type_of(column.data_type or "")) for column in node.columns.values()]

    def materialized(self, node: Any) -> str:
        """How a node is built; with the package's name before it where that is none of dbt's own ways."""
        name = str(getattr(node.config, "materialized", None) or "")
        own = self._manifest.metadata.project_name
        macro = self._manifest.find_materialization_macro_by_name(own, name, self._kind) if name else None
        return name if macro is None or macro.package_name in self._dbts else f"{macro.package_name}.{name}"


def _has_hooks(node: Any) -> bool:
    """Whether statements of a node's own run beside its query; one is a header, which comes before it."""
    config = node.config
    return bool(config.get("pre_hook") or config.get("post_hook") or config.get("sql_header"))
