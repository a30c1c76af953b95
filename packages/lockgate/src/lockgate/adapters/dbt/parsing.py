"""The process of one project: parses it once, keeps the manifest, and forks a child for each invocation."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lockgate.adapters.dbt.command import COMPILE, CONSOLE, LONGEST_TEXT, command
from lockgate.adapters.dbt.compiling import compile_graph
from lockgate.adapters.dbt.confinement import console, limit
from lockgate.adapters.dbt.forking import ForkServer
from lockgate.adapters.dbt.invoking import invoke
from lockgate.adapters.dbt.profile import write_profile
from lockgate.adapters.dbt.templates import warm_templates
from lockgate.adapters.dbt.wire import Message, send

PARTIAL_PARSE = "partial_parse.msgpack"
NAMED = 20
_BUILDS = frozenset({"model", "seed", "snapshot", "function"})
_STORES = frozenset({"table", "view"})


def serve_project(request: Message, connection: socket.socket) -> None:
    """Parses the request's project, answers with what may stop its invocations, and serves these."""
    limit(request["limits"])
    tell = partial(send, connection)
    manifest = parsed(request, tell)
    if manifest is None:
        return
    warm = partial(warm_templates, Path(request["templates"]), manifest)
    warm()
    gc.freeze()  # so that collecting garbage in a child does not copy what it shares with this process
    places = {"database": request["database"], "schema": request["schema"]}
    tell({"kind": "ready", "breaches": list(breaches(manifest, **places)), "foreign": list(foreign_code(manifest))})
    work = partial(_invoke, manifest, request)
    ForkServer(connection, work, grace_seconds=request["grace_seconds"], after=warm).serve()


def _invoke(manifest: Any, project: Message, request: Message, connection: socket.socket) -> None:
    (compile_graph if request["task"] == COMPILE else invoke)(manifest, project, request, connection)


def parsed(request: Message, tell: Any) -> Any:
    """The project's manifest; None where it cannot be parsed, which is told."""
    from dbt.cli.main import dbtRunner

    folder, kept = Path(request["folder"]), Path(request["kept"])
    write_profile(folder, request["profile"])
    listener = _Listener(tell)
    parse = [*command("parse", request, folder=folder, profiles=folder), *_partially(kept)]
    with console(folder / CONSOLE):
        outcome = dbtRunner(callbacks=[listener]).invoke(parse)
    if outcome.exception is not None or outcome.result is None:
        tell({"kind": "unparsed", "message": str(outcome.exception or "dbt gave no manifest")[:LONGEST_TEXT]})
        return None
    tell({"kind": "parsed", "anew": listener.anew})
    outside = _outside(outcome.result)
    if outside:
        tell({"kind": "unparsed", "message": f"it reads {', '.join(outside)}, outside its own folder"[:LONGEST_TEXT]})
        return None
    if listener.anew:
        _keep(folder / PARTIAL_PARSE, kept)
    return outcome.result


def _outside(manifest: Any) -> list[str]:
    """The folders beyond the project's own that dbt reads files in: nobody would see these change."""
    places = {file.path.searched_path for file in manifest.files.values()}
    return sorted(place for place in places if ".." in Path(place).parts or Path(place).is_absolute())


class _Listener:
    """Hears dbt's events while it parses: tells of warnings, notes whether anything had to be parsed."""

    def __init__(self, tell: Any) -> None:
        self._tell = tell
        self.anew = True

    def __call__(self, event: Any) -> None:
        if event.info.name == "PartialParsingSkipParsing":
            self.anew = False
        if event.info.level == "warn":
            self._tell({"kind": "warning", "name": event.info.name, "message": event.info.msg[:LONGEST_TEXT]})


def _partially(kept: Path) -> Sequence[str]:
    """The arguments that let dbt parse what has changed since `kept` was written, and nothing else."""
    return ("--partial-parse", "--partial-parse-file-path", str(kept)) if kept.exists() else ("--no-partial-parse",)


def _keep(parsed: Path, kept: Path) -> None:
    """Hands what was parsed on to later processes, whole or not at all."""
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if parsed.exists():
        parsed.replace(kept)


def breaches(manifest: Any, *, database: str, schema: str) -> Iterator[str]:
    """The nodes that would be built anywhere but in the workshop, each with the place that it names; the first few."""
    strays = [
        f"{node.unique_id} ({node.database or database}.{node.schema})"
        for node in _built(manifest)
        if node.schema != schema or (node.database or database) != database
    ]
    yield from sorted(strays)[:NAMED]
    if len(strays) > NAMED:
        yield f"{len(strays) - NAMED} more"


def _built(manifest: Any) -> Iterator[Any]:
    """The nodes that leave something in the database."""
    return (node for node in (*manifest.nodes.values(), *manifest.functions.values()) if _leaves_something(node))


def _leaves_something(node: Any) -> bool:
    if str(node.resource_type) == "test":
        return bool(node.config.store_failures) or node.config.store_failures_as in _STORES
    return str(node.resource_type) in _BUILDS and getattr(node.config, "materialized", "") != "ephemeral"


def foreign_code(manifest: Any) -> Iterator[str]:
    """The models whose code would run in dbt's process instead of the database; the first few."""
    found = (node.unique_id for node in manifest.nodes.values() if getattr(node, "language", "sql") == "python")
    yield from sorted(found)[:NAMED]
