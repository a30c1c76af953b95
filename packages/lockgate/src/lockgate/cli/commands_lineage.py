"""`lineage edges | upstream | downstream | impact | unresolved`: what columns are made of, and what they reach.

The verbs on events that tell others of it stand in `commands_lineage_events`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lockgate.cli import commands_lineage_events as telling
from lockgate.cli.exits import Exit
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_json, print_table, print_text, standard_error

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage
    from lockgate.core.lineage import ColumnRef

Level = Literal["model", "column"]
Folder = Annotated[
    Path | None, typer.Argument(metavar="DBT_PROJECT", help="Any dbt project's folder; else the project in hand.")
]
Dbt = Annotated[Path | None, typer.Option("--dbt", help="Any dbt project's folder; else the project in hand.")]
Dialect = Annotated[str | None, typer.Option(help="The SQL of a dbt project; else as its own profiles.yml says.")]
Indirect = Annotated[bool, typer.Option("--indirect", help="Also what decides about rows: filters, joins, groups.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 where anything is not resolved.")]
Node = Annotated[str, typer.Argument(metavar="NODE", help="A node, by its whole name or the end of it.")]
OfColumn = Annotated[str | None, typer.Argument(metavar="[COLUMN]", help="One of its columns; else the node.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]

lineage = typer.Typer(help="What columns are made of, from sources to what is served.", no_args_is_help=True)
lineage.command("events")(telling.events)
lineage.command("send")(telling.send)
lineage.command("retry")(telling.retry)


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.add_typer(lineage, name="lineage")


@lineage.command("edges")
def edges(
    context: typer.Context,
    folder: Folder = None,
    level: Annotated[Level, typer.Option(help="Between nodes, or between columns.")] = "model",
    indirect: Indirect = False,
    dialect: Dialect = None,
    strict: Strict = False,
    as_json: Json = False,
) -> int:
    """Print every edge; as JSON a list of [from, to], with --indirect of [from, to, how]."""
    found = _found(context, folder, dialect)
    if level == "model":
        rows: list[tuple[str, ...]] = list(found.graph.node_edges)
    else:
        reads = [read for read in found.graph.column_edges(indirect=indirect) if read.target.column]
        rows = [(str(one.source), str(one.target), *([str(one.reading)] if indirect else [])) for one in reads]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            print_text(" → ".join(row[:2]) + "".join(f" ({how})" for how in row[2:]))
    return _ended(found, strict=strict)


@lineage.command("upstream")
def upstream(
    context: typer.Context,
    node: Node,
    column: OfColumn = None,
    dbt: Dbt = None,
    indirect: Indirect = False,
    dialect: Dialect = None,
    strict: Strict = False,
    as_json: Json = False,
) -> int:
    """Print what a node stands on, or what a column is made of, at any distance."""
    found = _found(context, dbt, dialect)
    graph, name = found.graph, found.node(node)
    if column is None:
        return _listed(found, graph.nodes_upstream(name), strict=strict, as_json=as_json)
    names = _names(graph.upstream(found.column(name, column), indirect=indirect))
    return _listed(found, names, strict=strict, as_json=as_json)


@lineage.command("downstream")
def downstream(
    context: typer.Context,
    node: Node,
    column: OfColumn = None,
    dbt: Dbt = None,
    indirect: Indirect = False,
    dialect: Dialect = None,
    strict: Strict = False,
    as_json: Json = False,
) -> int:
    """Print what stands on a node, or what a column goes into, at any distance."""
    found = _found(context, dbt, dialect)
    graph, name = found.graph, found.node(node)
    if column is None:
        return _listed(found, graph.nodes_downstream(name), strict=strict, as_json=as_json)
    names = _names(graph.downstream(found.column(name, column), indirect=indirect))
    return _listed(found, names, strict=strict, as_json=as_json)


@lineage.command("impact")
def impact(
    context: typer.Context,
    node: Node,
    column: OfColumn = None,
    dbt: Dbt = None,
    dialect: Dialect = None,
    strict: Strict = False,
    as_json: Json = False,
) -> int:
    """Print what a change would reach: columns, tests, exposures and served views, by value or by a filter."""
    found = _found(context, dbt, dialect)
    reached = found.impact(found.node(node), column)
    if as_json:
        print_json({"columns": _names(reached.columns), "nodes": reached.nodes})
    else:
        rows = [("column", name) for name in _names(reached.columns)]
        rows += [(str(found.graph.nodes[name].kind), name) for name in reached.nodes]
        print_table("", ("what", "name"), rows)
    return _ended(found, strict=strict)


@lineage.command("unresolved")
def unresolved(
    context: typer.Context,
    folder: Folder = None,
    dialect: Dialect = None,
    strict: Strict = False,
    as_json: Json = False,
) -> int:
    """Print everything whose origin is not known, and why; lines and positions are those of the compiled SQL."""
    found = _found(context, folder, dialect)
    if as_json:
        print_json(found.graph.unresolved)
    else:
        headings = ("node", "column", "reason", "line", "position")
        rows = [(one.node, one.column, one.reason, one.line, one.position) for one in found.graph.unresolved]
        print_table("", headings, rows)
    return Exit.DATA_SAID_NO if strict and found.graph.unresolved else Exit.FINE


def _found(context: typer.Context, folder: Path | None, dialect: str | None) -> FoundLineage:
    from lockgate.app import App

    if folder is not None:
        found = App.lineage_of(folder, dialect=dialect)
    else:
        if dialect is not None:
            raise typer.BadParameter("--dialect is for a dbt project's folder; a project's targets say theirs")
        with opened(context) as app:
            found = app.lineage()
    for warning in found.warnings:
        standard_error().print(f"warning: {warning}", soft_wrap=True, markup=False)
    return found


def _names(refs: Iterable[ColumnRef]) -> list[str]:
    return [str(ref) for ref in refs]


def _listed(found: FoundLineage, names: Iterable[str], *, strict: bool, as_json: bool) -> Exit:
    if as_json:
        print_json(list(names))
    else:
        for name in names:
            print_text(name)
    return _ended(found, strict=strict)


def _ended(found: FoundLineage, *, strict: bool) -> Exit:
    """Tells how much is not resolved, if anything is."""
    count = len(found.graph.unresolved)
    if not count:
        return Exit.FINE
    told = "1 thing is not resolved" if count == 1 else f"{count} things are not resolved"
    standard_error().print(f"warning: {told}; `lockgate lineage unresolved` lists them", soft_wrap=True, markup=False)
    return Exit.DATA_SAID_NO if strict else Exit.FINE
