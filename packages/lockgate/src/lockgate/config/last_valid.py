"""The project file as it was when it was last valid: for what cannot wait until somebody has mended it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from lockgate.config.assembly import assembled
from lockgate.config.problems import fitted
from lockgate.config.project_file import PROJECT_FILE, read_project
from lockgate.config.shape import ProjectShape
from lockgate.config.yaml_positions import read_yaml
from lockgate.core.project import Project
from lockgate.errors import ProjectInvalid

LAST_VALID_FILE = "last-valid.yml"


def keep_last_valid(folder: Path, state: Path) -> None:
    """Keeps the project file, which has just been found valid, in the state folder, with what rule sets declare.

    Before that folder is there nothing has been run, and nothing can be undone. What cannot be written is not kept.
    """
    kept = state / LAST_VALID_FILE
    aside = state / f"{LAST_VALID_FILE}.{token_hex(4)}"
    with suppress(OSError, ProjectInvalid):
        text = _text(folder)
        if not state.is_dir() or (kept.is_file() and kept.read_bytes() == text):
            return
        try:
            aside.write_bytes(text)
            aside.replace(kept)
        finally:
            aside.unlink(missing_ok=True)


def _text(folder: Path) -> bytes:
    """The file as it lies there; where rule sets declare entities, as JSON with these (YAML 1.2 holds JSON)."""
    text = (folder / PROJECT_FILE).read_bytes()
    if b"rule_sets" not in text:
        return text
    return json.dumps(read_project(folder).data, ensure_ascii=False, indent=1).encode()


def load_last_valid(folder: Path, state: Path) -> Project | None:
    """The project that was kept; None where none was, or this version cannot read it. Nothing else is looked at."""
    try:
        document = read_yaml(state / LAST_VALID_FILE, file=LAST_VALID_FILE)
    except ProjectInvalid:
        return None
    shape, problems = fitted(ProjectShape, document)
    return None if shape is None or problems else assembled(shape, folder.resolve())
