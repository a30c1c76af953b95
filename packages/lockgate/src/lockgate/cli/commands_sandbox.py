"""`sandbox up`: local servers to try a project against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lockgate.cli.exits import Exit
from lockgate.cli.output import print_text, standard_error

sandbox = typer.Typer(help="Local servers to try a project against.", no_args_is_help=True)


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.add_typer(sandbox, name="sandbox")


@sandbox.command("up")
def up(
    server: Annotated[str, typer.Argument(help="Which server: postgres.")] = "postgres",
    folder: Annotated[Path, typer.Option(help="Where it keeps its data.")] = Path(".lockgate/postgres"),
) -> int:
    """Start a server, print its address, and keep it until interrupted."""
    from signal import SIGINT, SIGTERM, sigwait

    from lockgate.sandbox.postgres import start_postgres

    if server != "postgres":
        raise typer.BadParameter(f"there is no sandbox {server!r}; there is postgres")
    running = start_postgres(folder)
    print_text(running.url)
    standard_error().print("running; press Ctrl-C to stop")
    try:
        sigwait({SIGINT, SIGTERM})
    finally:
        running.stop()
    return Exit.FINE
