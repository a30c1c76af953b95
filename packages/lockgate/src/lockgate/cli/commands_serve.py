"""`serve`: the HTTP API, and the jobs behind it."""

from __future__ import annotations

from typing import Annotated

import typer

from lockgate.adapters.registry import require
from lockgate.cli.exits import Exit
from lockgate.cli.invocation import Invocation


def register(application: typer.Typer) -> None:
    """Adds the verb to the command line."""
    application.command("serve")(serve)


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 5003,
    workers: Annotated[int, typer.Option(help="How many processes answer.", min=1, max=64)] = 1,
) -> int:
    """Answer requests over HTTP and execute jobs, until it is told to stop."""
    require("server", "`lockgate serve`")
    from lockgate.server import serve as answer

    invocation: Invocation = context.obj
    answer(invocation.project, target=invocation.target, host=host, port=port, workers=workers)
    return Exit.FINE
