"""Writes the reference pages from the code; with `--check` writes nothing and fails when a committed page is stale."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from pages.access import access_page
from pages.anomalies import anomalies_page
from pages.commands import commands_page
from pages.configuration import configuration_page
from pages.errors import errors_page
from pages.project import project_page, schema_page
from pages.rules import rules_page
from pages.targets import targets_page
from pages.truth_matrix import truth_matrix_page

REFERENCE = Path(__file__).parent / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "access.md": access_page,
    "anomalies.md": anomalies_page,
    "commands.md": commands_page,
    "configuration.md": configuration_page,
    "errors.md": errors_page,
    "lockgate.schema.json": schema_page,
    "project.md": project_page,
    "rules.md": rules_page,
    "targets.md": targets_page,
    "truth-matrix.md": truth_matrix_page,
}


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
