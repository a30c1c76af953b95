"""The warm process: imports dbt once, and forks a process for each project that is parsed.

Started as `python -I -m lockgate.adapters.dbt.server GRACE_SECONDS` with an empty environment and a socket as
standard input, over which requests come. It ends when that socket does.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import socket
import sys
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from lockgate.adapters.dbt.command import RENDER
from lockgate.adapters.dbt.forking import ForkServer
from lockgate.adapters.dbt.parsing import serve_project
from lockgate.adapters.dbt.rehearsal import parse_texts_once, rehearse
from lockgate.adapters.dbt.rendering import render_project
from lockgate.adapters.dbt.wire import Message

# What dbt would import in each of its commands, and each adapter when it connects.
_WITH_EVERY_COMMAND = (
    "agate", "babel.dates", "daff", "dbt.cli.main", "dbt.compilation", "dbt.graph.thread_pool", "dbt.parser.manifest",
    "dbt.parser.sql", "dbt.task.build", "dbt_common.clients.agate_helper",
)  # fmt: skip
_ADAPTERS = ("dbt.adapters.duckdb", "dbt.adapters.postgres", "dbt.adapters.spark")


def import_dbt() -> None:
    """Imports what every child would, so that none of them has to."""
    # dbt's locks are for threads of one process. Of a forking context they need no process that cleans up after them.
    vars(import_module("dbt.mp_context"))["_MP_CONTEXT"] = multiprocessing.get_context("fork")
    for name in _WITH_EVERY_COMMAND:
        import_module(name)
    for name in _ADAPTERS:
        if find_spec(name) is not None:
            import_module(name)
    import_module("dbt_common.clients.agate_helper").build_type_tester([])  # reads its locales
    # The plug-ins installed do not change while this process lives; dbt looks through all of sys.path each time.
    plugins = import_module("dbt.plugins.manager").PluginManager
    plugins.get_prefixed_modules = staticmethod(cache(plugins.get_prefixed_modules))
    plugins.get_prefixed_modules()
    _spare_work_for_messages()
    _look_for_schemas_once()
    parse_texts_once()
    import_module("lockgate.adapters.dbt.taking")


def _spare_work_for_messages() -> None:
    """Leaves out whom a behaviour flag's warning would name: dbt walks through its stack's source files for that."""
    flag = import_module("dbt_common.behavior_flags").BehaviorFlagRendered
    flag._default_source = staticmethod(lambda: "dbt")  # noqa: SLF001  where dbt takes it from


def _look_for_schemas_once() -> None:
    """Lets dbt make a relation of each schema's first node to know the schema, and not one of each node."""
    adapter = import_module("dbt.adapters.base.impl").BaseAdapter
    of_every_node = adapter._get_cache_schemas  # noqa: SLF001

    def of_first_nodes(self: Any, nodes: Iterable[Any]) -> Any:
        first = {(node.database, node.schema, repr(node.quoting_dict)): node for node in nodes}
        return of_every_node(self, list(first.values()))

    adapter._get_cache_schemas = of_first_nodes  # noqa: SLF001


def work(request: Message, connection: socket.socket) -> None:
    """Does what a project's process was asked for: reads it for its lineage, or serves its invocations."""
    (render_project if request["task"] == RENDER else serve_project)(request, connection)


def main() -> None:
    """Serves the socket that stands where standard input does."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    import_dbt()
    gc.freeze()  # so that collecting garbage in a child does not copy what it shares with this process
    # A project's process needs its own children's grace before it ends.
    ForkServer(control, work, grace_seconds=2 * float(sys.argv[1]), before=rehearse).serve()


if __name__ == "__main__":
    main()
