"""Writes the reference pages from the code; with `--check` writes nothing and fails when a committed page is stale."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from lockgate.cli.entrypoint import application
from lockgate.config import project_schema
from lockgate.errors import LockgateError, RetryableError

REFERENCE = Path(__file__).parent / "reference"


def main(arguments: list[str]) -> int:
    """Write, or with `--check` compare, every page; the exit code is the number of stale pages it left."""
    pages = {REFERENCE / name: render() for name, render in PAGES.items()}
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"docs/reference/{path.name} is {'stale: run docs/generate.py' if '--check' in arguments else 'written'}")
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pages[path], encoding="utf-8")
    return len(stale) if "--check" in arguments else 0


def errors_page() -> str:
    """One heading an error code, in the order of the codes: its message, what to do, whether trying again helps."""
    leaves = sorted(coded(LockgateError), key=lambda error: error.code)
    head = [
        "# Errors",
        "",
        "Every failure has a code; the command line prints it first and exits with 2.",
        "This page is generated from `lockgate/errors.py`.",
    ]
    return "\n".join([*head, *(line for error in leaves for line in error_section(error))]) + "\n"


def coded(error: type[LockgateError]) -> Iterator[type[LockgateError]]:
    """The errors of the tree that carry a code, from this one down."""
    if "code" in vars(error) and error.code:
        yield error
    for branch in error.__subclasses__():
        yield from coded(branch)


def error_section(error: type[LockgateError]) -> list[str]:
    """The lines that document one error."""
    meaning = (error.__doc__ or "").strip()
    again = "may succeed later" if issubclass(error, RetryableError) else "does not help"
    remedy = f"{error.hint.replace('<', '&lt;')} Trying the same again {again}."
    return ["", f"## {error.code} {error.__name__}", "", meaning, "", f"**What to do.** {remedy}"]


def commands_page() -> str:
    """One heading a command: how it is called, what it does, its arguments and options."""
    head = [
        "# Commands",
        "",
        "Exit codes: 0 fine, 1 the data said no, 2 wrong use or a failure of ours or of an outside system,",
        "3 not enough evidence. This page is generated from `lockgate/cli/`.",
    ]
    commands = verbs(typer.main.get_command(application), "lockgate")
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


def schema_page() -> str:
    """The project file's JSON Schema, for editors."""
    return json.dumps(project_schema(), indent=2, ensure_ascii=False) + "\n"


def project_page() -> str:
    """One heading a part of `lockgate.yml`: its keys, what each means and what it is where it is not given."""
    schema = project_schema()
    head = [
        "# The project file",
        "",
        "What `lockgate.yml` and the rule sets beside it may say. Editors check it by the",
        "[JSON Schema](lockgate.schema.json), which `lockgate check --schema` prints. This page is generated from",
        "`lockgate/config/`.",
    ]
    parts = [("lockgate.yml", schema), *schema["$defs"].items()]
    return "\n".join([*head, *(line for name, part in parts for line in part_section(name, part))]) + "\n"


def part_section(name: str, part: Mapping[str, Any]) -> list[str]:
    """The lines that document one part of the project file."""
    rows = [
        f"| `{key}` | {value_of(value)} | {in_cell(value.get('description', ''))} | {otherwise(part, key)} |"
        for key, value in part.get("properties", {}).items()
    ]
    table = ["", "| key | value | meaning | otherwise |", "| --- | --- | --- | --- |", *rows] if rows else []
    return ["", f"## {name}", "", part.get("description", ""), *table]


def value_of(value: Mapping[str, Any]) -> str:
    """The kind of value a key takes: a part of this page, a choice, or a JSON type."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    inner = value.get("anyOf") or value.get("oneOf") or [*value.get("patternProperties", {}).values()]
    kinds = [value_of(kind) for kind in inner if kind.get("type") != "null"]
    return " or ".join(dict.fromkeys(kinds)) or str(value.get("const", value.get("type", "")))


def otherwise(part: Mapping[str, Any], key: str) -> str:
    """What stands where the key is not given."""
    if key in part.get("required", ()):
        return "required"
    default = part["properties"][key].get("default")
    return "" if default in (None, "", [], {}) else f"`{json.dumps(default)}`"


def in_cell(text: str) -> str:
    """Text that cannot break out of a table's cell."""
    return text.replace("|", "\\|").replace("\n", " ")


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "errors.md": errors_page,
    "lockgate.schema.json": schema_page,
    "project.md": project_page,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
