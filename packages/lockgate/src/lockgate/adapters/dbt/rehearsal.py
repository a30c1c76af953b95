"""What dbt works out alike in every parse of a whole project, worked out once: its own macros, what files must be."""

from __future__ import annotations

import gc
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lockgate.adapters.dbt.wire import Message

_BLOCKS = frozenset({"macro", "materialization", "test", "data_test"})
# What a file or a node is held against: dbt makes a JSON schema of each when it meets the first.
_HELD_AGAINST = (
    "dbt.adapters.duckdb.credentials.DuckDBCredentials", "dbt.adapters.postgres.connections.PostgresCredentials",
    "dbt.adapters.spark.connections.SparkCredentials",
    "dbt.artifacts.resources.v1.components.Contract", "dbt.artifacts.resources.v1.model.ModelConfig",
    "dbt.artifacts.resources.v1.source_definition.SourceConfig", "dbt.contracts.graph.nodes.ModelNode",
    "dbt.contracts.graph.unparsed.UnparsedSourceDefinition", "dbt.contracts.project.Configuration",
    "dbt.contracts.project.PackageConfig", "dbt.contracts.project.ProfileConfig", "dbt.contracts.project.Project",
    "dbt.contracts.project.ProjectFlags", "dbt.contracts.selection.SelectorFile",
)  # fmt: skip


def parse_texts_once() -> None:
    """Lets dbt parse a text as Jinja once: it does so for what a macro is, and for what it calls."""
    environment = import_module("dbt_common.clients.jinja").MacroFuzzEnvironment
    parse = environment.parse
    known: dict[str, Any] = {}

    def parse_once(self: Any, source: str, *place: Any) -> Any:
        if any(place):
            return parse(self, source, *place)
        if source not in known:
            known[source] = parse(self, source)
        return known[source]

    environment.parse = parse_once


def rehearse(request: Message) -> None:
    """Before a process parses a whole project, does what any would, so that the next one need not."""
    if not Path(request["kept"]).exists():
        _rehearsed(str(request["profile"]["type"]))


@cache
def _rehearsed(kind: str) -> None:
    with suppress(Exception):  # whatever is wrong with dbt is told where a project is parsed
        for place in _HELD_AGAINST:
            _make_schema(*place.rsplit(".", 1))
        for package in ("dbt.include.global_project", f"dbt.include.{kind}"):
            _parse_macros(package)
    gc.freeze()  # so that collecting garbage in a child does not copy what it shares with this process


def _make_schema(module: str, name: str) -> None:
    if find_spec(module) is not None:
        getattr(import_module(module), name).json_schema()


def _parse_macros(package: str) -> None:
    """Parses each macro of a package as dbt will ask for it: block by block."""
    jinja = import_module("dbt_common.clients.jinja")
    for file in sorted(Path(import_module(package).__path__[0], "macros").rglob("*.sql")):
        text = file.read_text(encoding="utf-8")
        for block in jinja.extract_toplevel_blocks(text, allowed_blocks=_BLOCKS, collect_raw_data=False):
            jinja.parse(block.full_block)
