"""Passwords typed by people: never on the command line, where others of the machine and histories would see them."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

# More than a password may have, so that one that is too long is told so.
LONGEST_LINE = 4096

FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]


def typed_password(prompt: str, *, from_stdin: bool, twice: bool = False) -> str:
    """A password from the terminal, not shown there, or from standard input's first line.

    Raises:
        typer.BadParameter: there is no terminal, or it was typed otherwise the second time.
    """
    if from_stdin:
        return sys.stdin.readline(LONGEST_LINE).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask for a password; give it by --password-stdin")
    typed = getpass.getpass(f"{prompt}: ")
    if twice and getpass.getpass(f"{prompt}, once more: ") != typed:
        raise typer.BadParameter("the two passwords are not the same; nothing was changed")
    return typed
