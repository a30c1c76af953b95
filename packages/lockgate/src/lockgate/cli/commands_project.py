"""`init` and `check`: make a project from one's own data, and find everything wrong with one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lockgate.cli.exits import Exit
from lockgate.cli.invocation import Invocation, opened
from lockgate.cli.output import print_json, print_table, print_text, standard_error, standard_output
from lockgate.errors import Problem

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.command("init")(init)
    application.command("check")(check)


def init(
    context: typer.Context,
    origins: Annotated[
        list[str] | None,
        typer.Option("--from", help="A CSV or Parquet file, or a PostgreSQL address; repeat for more."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Write a project from one's own files or tables; nothing that is there is overwritten."""
    from lockgate.app import App

    invocation: Invocation = context.obj
    written = App.init(invocation.project or Path.cwd(), tuple(origins or ()))
    if as_json:
        print_json({"files": written})
        return Exit.FINE
    for path in written:
        print_text(str(path))
    standard_error().print("next: lockgate check, then lockgate run")
    return Exit.FINE


def check(
    context: typer.Context,
    offline: Annotated[bool, typer.Option(help="Ask neither sources nor targets.")] = False,
    schema: Annotated[bool, typer.Option(help="Print the project file's JSON Schema, for editors.")] = False,
    as_json: Json = False,
) -> int:
    """Validate the project, its rule sets and its dbt projects; all problems at once."""
    if schema:
        from lockgate.config import project_schema

        print_json(project_schema())
        return Exit.FINE
    with opened(context) as app:
        found = app.check(offline=offline)
    if as_json:
        print_json(found)
    else:
        _show(found.problems, found.warnings)
    return Exit.FAILED if found.problems else Exit.FINE


def _show(problems: tuple[Problem, ...], warnings: tuple[Problem, ...]) -> None:
    """Problems as a table, warnings on standard error."""
    for warning in warnings:
        said = f"warning: {warning.file}:{warning.line}: {warning.message}"
        standard_error().print(said, markup=False, soft_wrap=True)
    if problems:
        print_table("", ("where", "problem", "remedy"), [(f"{p.file}:{p.line}", p.message, p.remedy) for p in problems])
    else:
        standard_output().print("[green]✓[/] the project, its rule sets and its dbt projects are fine")
