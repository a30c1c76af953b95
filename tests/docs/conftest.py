"""The documentation as the tests see it: the Markdown files of the tree, and a copy of the tree to run commands in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAMPS = {".setup", ".runtime", ".dev", ".bench"}


def listed(root: Path) -> list[Path]:
    """Every file that is tracked, or new and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")
    return [path for name in names if name and (path := root / name).is_file()]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def pages() -> list[Path]:
    return [path for path in listed(ROOT) if path.suffix == ".md"]


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of the tree with this environment in it, so stamped that no `make` there installs anything."""
    copy = tmp_path / "lockgate"
    for path in listed(ROOT):
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    (copy / ".venv").mkdir()
    for part in (ROOT / ".venv").iterdir():
        if part.name in STAMPS:
            (copy / ".venv" / part.name).touch()
        else:
            (copy / ".venv" / part.name).symlink_to(part)
    return copy
