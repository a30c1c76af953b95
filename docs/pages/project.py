"""The page and the JSON Schema of the project file, from the shapes that read it."""

from __future__ import annotations

import json

from lockgate.config import project_schema
from pages.schema import schema_sections


def schema_page() -> str:
    """The project file's JSON Schema, for editors."""
    return json.dumps(project_schema(), indent=2, ensure_ascii=False) + "\n"


def project_page() -> str:
    """One heading a part of `lockgate.yml`: its keys, what each means and what it is where it is not given."""
    schema = project_schema()
    head = [
        "# The project file",
        "",
        "What `lockgate.yml` may say; the files of rule sets have [their own page](rules.md). Editors check it by the",
        "[JSON Schema](lockgate.schema.json), which `lockgate check --schema` prints. This page is generated from",
        "`lockgate/config/`.",
    ]
    return "\n".join([*head, *schema_sections("lockgate.yml", schema)]) + "\n"
