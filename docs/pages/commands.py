"""The page of commands, from the command line itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from lockgate.cli.entrypoint import command_line
from pages.schema import in_cell


def commands_page() -> str:
    """One heading a command: how it is called, what it does, its arguments and options."""
    head = [
        "# Commands",
        "",
        "Exit codes: 0 fine, 1 the data said no, 2 wrong use or a failure of ours or of an outside system,",
        "3 not enough evidence. This page is generated from `lockgate/cli/`.",
    ]
    commands = verbs(typer.main.get_command(command_line()), "lockgate")
    return "\n".join([*head, *(line for path, command in commands for line in command_section(path, command))]) + "\n"


def verbs(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The command and all below it, each with the words that call it."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from verbs(child, f"{path} {name}")


def command_section(path: str, command: Any) -> list[str]:
    """The lines that document one command."""
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    rows = [f"| `{spelling(parameter)}` | {in_cell(parameter.help or '')} |" for parameter in shown]
    arguments = [spelling(parameter) for parameter in shown if parameter.param_type_name == "argument"]
    table = ["", "| | |", "| --- | --- |", *rows] if rows else []
    return ["", f"## {path}", "", f"`{' '.join([path, *arguments])}`: {(command.help or '').strip()}", *table]


def spelling(parameter: Any) -> str:
    """How an argument or option is written, with its value's name unless it is a flag."""
    if parameter.param_type_name == "argument":
        name = f"{parameter.name.upper()}{' …' if parameter.nargs != 1 else ''}"
        return name if parameter.required else f"[{name}]"
    spelled = ", ".join([*parameter.opts, *parameter.secondary_opts])
    value = max(parameter.opts, key=len).lstrip("-").replace("-", "_").upper()
    return spelled if parameter.is_flag else f"{spelled} {value}"
