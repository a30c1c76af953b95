"""The root of the command line: global options, the verbs, and how errors become exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from lockgate.cli.exits import Exit, exit_of
from lockgate.cli.invocation import Invocation
from lockgate.cli.output import PIPED_WIDTH, print_error, print_json
from lockgate.cli.unexpected import INTERRUPTED, tell_interrupted, tell_unexpected, usage_problem
from lockgate.errors import LockgateError

# The module of each verb, in the order in which help tells of them.
VERBS = {
    "init": "lockgate.cli.commands_project",
    "check": "lockgate.cli.commands_project",
    "load": "lockgate.cli.commands_load",
    "loads": "lockgate.cli.commands_load",
    "quarantine": "lockgate.cli.commands_load",
    "run": "lockgate.cli.commands_run",
    "editions": "lockgate.cli.commands_run",
    "transform": "lockgate.cli.commands_transform",
    "test": "lockgate.cli.commands_publish",
    "publish": "lockgate.cli.commands_publish",
    "rules": "lockgate.cli.commands_rules",
    "compare": "lockgate.cli.commands_compare",
    "quality": "lockgate.cli.commands_quality",
    "lineage": "lockgate.cli.commands_lineage",
    "cost": "lockgate.cli.commands_cost",
    "cutover": "lockgate.cli.commands_cutover",
    "evidence": "lockgate.cli.commands_cutover",
    "gate": "lockgate.cli.commands_cutover",
    "flow": "lockgate.cli.commands_flow",
    "jobs": "lockgate.cli.commands_jobs",
    "dbt": "lockgate.cli.commands_jobs",
    "notices": "lockgate.cli.commands_notices",
    "govern": "lockgate.cli.commands_govern",
    "serve": "lockgate.cli.commands_serve",
    "sandbox": "lockgate.cli.commands_sandbox",
}
_WITH_VALUES = {"--project", "--target"}


def command_line(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command line with the verb that the arguments name, and its neighbours; where they name none, with all."""
    return _application(_module(arguments))


def _application(module: str | None) -> typer.Typer:
    """The command line with the verbs of one module, or with all."""
    application = typer.Typer(
        name="lockgate",
        help="Bring a business's data into a tested warehouse, and change how without breaking a number.",
        no_args_is_help=True,
        add_completion=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": PIPED_WIDTH},
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help: importing what draws boxes takes longer than everything else together
    )
    application.callback()(root)
    for name in (module,) if module else dict.fromkeys(VERBS.values()):
        import_module(name).register(application)
    return application


def _module(arguments: Sequence[str]) -> str | None:
    """Where the verb is, which is the first argument but for global options and their values; None: none is named."""
    rest = iter(arguments)
    for argument in rest:
        if argument in _WITH_VALUES:
            next(rest, None)
        elif not argument.startswith(tuple(f"{option}=" for option in _WITH_VALUES)):
            return VERBS.get(argument)
    return None


def _print_version(wanted: bool) -> None:
    """Answers `--version`."""
    if wanted:
        from importlib.metadata import version

        print(f"lockgate {version('lockgate')}")
        raise typer.Exit


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
def _parser(module: str | None) -> Callable[..., int | None]:
    """The command line as a parser, made once: that means reading the signature of every verb in it."""
    return typer.main.get_command(_application(module))


def run(arguments: list[str]) -> int:
    """Runs one command: its exit code. Where it is a step of another runtime's, the control plane is told of it."""
    if _module(arguments) is None:  # it does nothing: help is not to wait for what reads the environment
        return _run(arguments)
    from lockgate.cli.flow_step import told

    return told(lambda: _run(arguments), project=_value(arguments, "--project"), target=_value(arguments, "--target"))


def _value(arguments: Sequence[str], option: str) -> str | None:
    """The value of a global option."""
    for argument, following in zip(arguments, (*arguments[1:], ""), strict=True):
        if argument == option:
            return following
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
    return None


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        code = _parser(_module(arguments))(arguments, prog_name="lockgate", standalone_mode=False) or Exit.FINE
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
