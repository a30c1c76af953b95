"""The pages of lineage: every node of the project's graph, one of them closely, and what is not resolved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.lineage import NodeKind, Unresolved
from lockgate.server.bodies import WITHOUT_NUL
from lockgate.server.console.lineage_view import counts_of, impacted, lines_of, list_path, node_path, view_of
from lockgate.server.console.listing import ROWS, Asked, Number, asked, rows_of
from lockgate.server.console.rendering import fragment, page
from lockgate.server.console.streaming import Sight, live
from lockgate.server.desk import desk_of

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage

PATIENCE_SECONDS = 3.0
"""So long a page waits for lineage that is worked out anew; then it says that it is."""
SHOWN_COLUMNS = 100
MOST_LEVELS = 4
MOST_WARNINGS = 20
NodeName = Annotated[str, Field(max_length=2000, pattern=WITHOUT_NUL)]
Levels = Annotated[int, Field(ge=0, le=MOST_LEVELS)]


class NodesAsked(Asked):
    """Which nodes to list: by name and kind, those so many steps from one, or those that a column of it reaches."""

    text: NodeName | None = None
    kind: NodeKind | None = None
    of: NodeName | None = None
    column: NodeName | None = None
    way: Literal["up", "down"] = "down"
    level: Annotated[int, Field(ge=1, le=MOST_LEVELS)] | None = None
    before: NodeName | None = None


class NodeAsked(Asked):
    """Which node to show, with which of its columns, and how many levels before and after it."""

    name: NodeName | None = None
    column: NodeName | None = None
    up: Levels = 2
    down: Levels = 2
    before: NodeName | None = None


class UnresolvedAsked(Asked):
    """Behind which line to go on."""

    before: Number | None = None


async def lineage_page(request: Request) -> Response:
    """List the nodes of the project's lineage."""
    query = asked(request, NodesAsked)
    return await _drawn(request, "lineage.html.jinja", partial(_facts_of_list, request, query))


async def node_page(request: Request) -> Response:
    """Show a node of the lineage, with what is near it."""
    query = asked(request, NodeAsked)
    if query.name is None:
        return page(request, "lineage_none.html.jinja")
    return await _drawn(request, "lineage_node.html.jinja", partial(_facts_of_node, request, query))


async def unresolved_page(request: Request) -> Response:
    """List what is not resolved in the lineage, and why."""
    query = asked(request, UnresolvedAsked)
    return await _drawn(request, "lineage_unresolved.html.jinja", partial(_facts_of_unresolved, request, query))


async def lineage_live(request: Request) -> Response:
    """Whether the lineage is worked out, for pages that wait for it."""
    asked(request, Asked)
    desk = desk_of(request)

    async def look() -> Sight[bool]:
        is_done = await desk.lineage.within(0.1) is not None
        return Sight(is_done, is_final=is_done)

    def draw(is_done: bool) -> str:
        return fragment(request, "lineage_waiting_part.html.jinja", is_done=is_done)

    return await live(request, look, draw)


def choices_of_levels() -> tuple[tuple[str, str], ...]:
    """How many levels may be drawn."""
    return tuple((str(number), str(number)) for number in range(MOST_LEVELS + 1))


async def _drawn(request: Request, template: str, facts_of: Callable[[FoundLineage], dict[str, Any]]) -> Response:
    """A page of the lineage as it is now, or one that waits for it; what is shown is gathered beside the event loop."""
    desk = desk_of(request)
    found = await desk.lineage.within(PATIENCE_SECONDS)
    if found is None:
        return page(request, "lineage_waiting.html.jinja", is_done=False)
    return page(request, template, **await desk.threads.call(facts_of, found))


def _facts_of_list(request: Request, query: NodesAsked, found: FoundLineage) -> dict[str, Any]:
    names, counts = _listed(found, query), counts_of(found)
    behind = [name for name in names if query.before is None or name > query.before]
    rows = rows_of(request, behind[: ROWS + 1], lambda name: name)
    return {
        "asked": query,
        "kinds": (("", "any kind"), *((kind.value, told) for kind, told, _ in counts)),
        "counts": counts,
        "lines": lines_of(found, rows.rows),
        "older": rows.older,
        "many": len(names),
        "edges": len(found.graph.node_edges),
        "unresolved": len(found.graph.unresolved),
        "warnings": found.warnings[:MOST_WARNINGS],
        "warnings_left_out": max(0, len(found.warnings) - MOST_WARNINGS),
        "node_path": node_path,
    }


def _facts_of_node(request: Request, query: NodeAsked, found: FoundLineage) -> dict[str, Any]:
    """What is near a node.

    Raises:
        UnknownName: there is no such node, or no such column of it.
    """
    view = view_of(found, found.node(query.name or ""), query.column or "", up=query.up, down=query.down)
    behind = view.columns.index(query.before) + 1 if query.before in view.columns else 0
    columns = rows_of(request, view.columns[behind : behind + SHOWN_COLUMNS + 1], str, most=SHOWN_COLUMNS)
    paths = {"node_path": node_path, "list_path": list_path}
    return {"view": view, "columns": columns, "levels": choices_of_levels(), **paths}


def _facts_of_unresolved(request: Request, query: UnresolvedAsked, found: FoundLineage) -> dict[str, Any]:
    every, behind = found.graph.unresolved, query.before or 0
    lines = list(enumerate(every[behind : behind + ROWS + 1], start=behind + 1))
    rows = rows_of(request, lines, lambda line: line[0])
    shown: list[tuple[Unresolved, str]] = [(one, node_path(one.node)) for _, one in rows.rows]
    return {"lines": shown, "older": rows.older, "many": len(every)}


def _listed(found: FoundLineage, query: NodesAsked) -> list[str]:
    """The names of the nodes that are asked for, sorted.

    Raises:
        UnknownName: there is no node, or no column of it, that is called so.
    """
    nodes, text = found.graph.nodes, (query.text or "").casefold()
    names = _near(found, query) if query.of else tuple(nodes)
    return sorted(
        name for name in names if name in nodes and text in name.casefold() and query.kind in {None, nodes[name].kind}
    )


def _near(found: FoundLineage, query: NodesAsked) -> tuple[str, ...]:
    name, graph = found.node(query.of or ""), found.graph
    if query.column:
        return impacted(found, name, query.column)
    if query.level:
        levels = graph.levels(name, upstream=query.way == "up", most=query.level)
        return levels[query.level - 1] if len(levels) == query.level else ()
    return graph.nodes_upstream(name) if query.way == "up" else graph.nodes_downstream(name)
