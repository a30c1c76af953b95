"""The root of the command line: global options, the verbs, and how errors become exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from lockgate.cli import (
    commands_compare,
    commands_cutover,
    commands_jobs,
    commands_load,
    commands_notices,
    commands_project,
    commands_rules,
    commands_run,
    commands_sandbox,
    commands_serve,
)
from lockgate.cli.exits import Exit, exit_of
from lockgate.cli.invocation import Invocation
from lockgate.cli.output import PIPED_WIDTH, print_error, print_json
from lockgate.cli.unexpected import INTERRUPTED, tell_interrupted, tell_unexpected, usage_problem
from lockgate.errors import LockgateError

application = typer.Typer(
    name="lockgate",
    help="Bring a business's data into a tested warehouse, and change how without breaking a number.",
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": PIPED_WIDTH},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: importing what draws boxes takes longer than everything else together
)
for module in (
    commands_project,
    commands_load,
    commands_run,
    commands_rules,
    commands_compare,
    commands_cutover,
    commands_jobs,
    commands_notices,
    commands_serve,
    commands_sandbox,
):
    module.register(application)


def _print_version(wanted: bool) -> None:
    """Answers `--version`."""
    if wanted:
        from importlib.metadata import version

        print(f"lockgate {version('lockgate')}")
        raise typer.Exit


@application.callback()
def root(
    context: typer.Context,
    project: Annotated[Path | None, typer.Option(help="The project's folder; else the nearest lockgate.yml.")] = None,
    target: Annotated[str | None, typer.Option(help="The target that takes the default one's place.")] = None,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keeps the global options for the verb."""
    context.obj = Invocation(project=project, target=target)


@cache
def _command() -> Callable[..., int | None]:
    """The application as a parser, made once: that means reading the signature of every verb."""
    return typer.main.get_command(application)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: list[str]) -> int:
    """Runs one command: its exit code."""
    as_json = "--json" in arguments
    try:
        code = _command()(arguments, prog_name="lockgate", standalone_mode=False) or Exit.FINE
        if code == INTERRUPTED:  # what the parser makes of Ctrl-C
            tell_interrupted(as_json=as_json)
        sys.stdout.flush()
    except LockgateError as error:
        print_error(error)
        if as_json:
            print_json({"error": error})
        return exit_of((error,))
    except typer.TyperException as error:
        tell = getattr(error, "show", None)  # those that the parser raises know the command's usage
        if tell is not None:
            tell()
        else:
            print(f"error: {error}", file=sys.stderr)
        if as_json:
            print_json({"error": usage_problem(error)})
        return Exit.FAILED
    except (KeyboardInterrupt, typer.Abort):
        tell_interrupted(as_json=as_json)
        return INTERRUPTED
    except SystemExit:  # what the parser makes of a reader that has gone
        return Exit.FAILED
    except Exception as error:  # noqa: BLE001  whatever it is: 1 would say that the data said no
        return tell_unexpected(error, as_json=as_json)
    return code
