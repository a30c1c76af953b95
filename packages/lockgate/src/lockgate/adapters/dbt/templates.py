"""Compiled macros, kept from one invocation for the next: dbt compiles them anew in each process otherwise."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def note_templates(path: Path, manifest: Any) -> None:
    """Writes down the macros that this process has compiled, where there are more than are known."""
    from dbt_common.clients.jinja import template_cache

    compiled = {name for name, macro in manifest.macros.items() if macro.macro_sql in template_cache.file_cache}
    known = _known(path)
    if not compiled <= known:
        aside = path.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(sorted(compiled | known)), encoding="utf-8")
        aside.replace(path)


def warm_templates(path: Path, manifest: Any) -> None:
    """Compiles the macros that earlier invocations used; children of this process find them compiled."""
    from dbt_common.clients.jinja import template_cache

    for name in sorted(_known(path) & set(manifest.macros)):
        with suppress(Exception):  # a macro that cannot be compiled is reported where it is used
            template_cache.get_node_template(manifest.macros[name])


def _known(path: Path) -> set[str]:
    """The macros written down; none where the file is missing or is not ours."""
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
