"""What lineage was found before, in one file: dbt projects as they were rendered, and what each query is made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lockgate.adapters.dbt.lineage import RenderedProject
from lockgate.app.new_files import is_writable, write_over
from lockgate.core.lineage import LineageNode, NodeKind, QueryLineage
from lockgate.errors import LockgateError
from lockgate.lineage import Traced, from_document, to_document

FILE = "lineage.json"
# A file of another form is not read; nor is what another Lockgate or dbt wrote.
FORM = 2


@dataclass(slots=True)
class LineageCache:
    """The file in a state folder; where that cannot be written, nothing is kept."""

    folder: Path
    _rendered: dict[str, Any] = field(default_factory=dict)
    _lineages: dict[str, Any] = field(default_factory=dict)
    _used: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Reads the file; one that is missing or means nothing is as good as empty."""
        with suppress(OSError, ValueError):
            document = json.loads((self.folder / FILE).read_text(encoding="utf-8"))
            if isinstance(document, dict) and document.get("form") == _form():
                self._rendered, self._lineages = document["rendered"], document["lineages"]

    def rendered(self, key: str, render: Callable[[], RenderedProject]) -> RenderedProject:
        """The project that was rendered under that key, else as it is rendered now."""
        with suppress(KeyError, TypeError, ValueError):
            document = self._rendered[key]
            found = RenderedProject(tuple(map(_node, document["nodes"])), tuple(document["packages"]))
            self._used[key] = document
            return found
        found = render()
        self._used[key] = {"nodes": [asdict(node) for node in found.nodes], "packages": list(found.packages)}
        return found

    def lineages(self) -> Mapping[str, QueryLineage]:
        """What was found of queries, by key."""
        found: dict[str, QueryLineage] = {}
        for key, document in self._lineages.items():
            with suppress(TypeError, ValueError):
                found[key] = from_document(document)
        return found

    def keep(self, traced: Traced) -> None:
        """Writes what this run used and found in the place of what was there, if anything changed."""
        lineages = {key: to_document(traced.lineages[name]) for name, key in traced.keys.items()}
        if (self._used.keys(), lineages.keys()) == (self._rendered.keys(), self._lineages.keys()):
            return
        if not is_writable(self.folder):
            return
        document = {"form": _form(), "rendered": self._used, "lineages": lineages}
        with suppress(LockgateError):  # what cannot be kept is found again
            if not self.folder.exists():
                write_over(self.folder / ".gitignore", "*\n")
            write_over(self.folder / FILE, json.dumps(document, separators=(",", ":")))


def _form() -> list[object]:
    """What the file's content rests on, besides the projects."""
    return [FORM, *(_version(name) for name in ("lockgate", "sqlglot", "dbt-core"))]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _node(facts: Mapping[str, Any]) -> LineageNode:
    """A node as it was kept."""
    listed = ("relation", "columns", "parents", "added")
    tuples = {name: tuple(facts[name]) for name in listed}
    return LineageNode(**{**facts, **tuples, "kind": NodeKind(facts["kind"])})
