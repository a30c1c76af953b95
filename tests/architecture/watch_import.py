"""Run in a fresh interpreter by test_import_cost.py: imports, and reports on standard error what that did.

`import PACKAGE` imports every module of it, `only PACKAGE` itself alone; `help` runs `lockgate --help`. The report is
one JSON object: `modules` loaded (top-level names), `printed` (what reached standard output), `effects` (connections,
processes, files written) and `environment` (variables read).
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pkgutil
import sys
from collections.abc import Iterator

EFFECTS = {"os.system", "socket.connect", "sqlite3.connect", "subprocess.Popen"}
READERS = ("lockgate", "inventory")


def main(verb: str, package: str = "lockgate") -> None:
    """Do what was asked and write the report."""
    effects: list[str] = []
    variables: list[str] = []
    printed = io.StringIO()
    sys.dont_write_bytecode = True
    sys.addaudithook(lambda event, arguments: note(effects, event, arguments))  # noqa: TID251, for this process ends
    os.environ.__class__ = watched(variables)
    with contextlib.redirect_stdout(printed):
        {"import": import_all, "only": importlib.import_module, "help": show_help}[verb](package)
    report = {
        "modules": sorted({name.partition(".")[0] for name in sys.modules}),
        "printed": printed.getvalue().splitlines() if verb == "import" else [],
        "effects": effects,
        "environment": variables,
    }
    json.dump(report, sys.stderr)


def note(effects: list[str], event: str, arguments: tuple[object, ...]) -> None:
    """Keep the audit events that reach out of the process."""
    if event in EFFECTS or (event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
        effects.append(f"{event} {arguments[0]}")


def watched(variables: list[str]) -> type:
    """A class for `os.environ` that notes each variable that our own code asks for."""

    class Watched(type(os.environ)):  # type: ignore[misc]
        def __getitem__(self, key: str) -> str:
            if caller().partition(".")[0] in READERS:
                variables.append(key)
            return super().__getitem__(key)

        def __iter__(self) -> Iterator[str]:
            if caller().partition(".")[0] in READERS:
                variables.append("*")
            return super().__iter__()

    return Watched


def caller() -> str:
    """The module that asked, seen past the standard library's own mapping methods."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals.get("__name__") in {"os", "collections.abc", "_collections_abc", __name__}:
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", ""))


def import_all(package: str) -> None:
    """Import the package and every module under it, except migrations, which only Alembic can run, and `__main__`."""
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, f"{package}."):
        if not {"migrations", "__main__"} & set(module.name.split(".")):
            importlib.import_module(module.name)


def show_help(_package: str) -> None:
    """Run the console command as a person would to ask what it can do."""
    from lockgate.cli import main as command

    sys.argv = ["lockgate", "--help"]
    with contextlib.suppress(SystemExit):
        command()


if __name__ == "__main__":
    main(*sys.argv[1:])
