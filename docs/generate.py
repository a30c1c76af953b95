"""Writes the reference pages from the code; with `--check` writes nothing and fails when a committed page is stale."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

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


PAGES: dict[str, Callable[[], str]] = {"errors.md": errors_page}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
