"""Compiled files in their folder: written, and compared with those that lie there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lockgate.app.new_files import refuse_overwriting, write_over, writing
from lockgate.orchestrate.compiling import MARK, SHARED_FILES


@dataclass(frozen=True, slots=True)
class Drift:
    """How the files in a folder and those that compiling gives differ, by name."""

    missing: tuple[str, ...]
    different: tuple[str, ...]
    left_over: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.missing or self.different or self.left_over)


def drift(folder: Path, texts: Mapping[str, str], *, is_whole: bool) -> Drift:
    """What compiling would change in a folder; with `is_whole`, files of flows that are no more are left over.

    What others have put there is not looked at.

    Raises:
        AccessRefused: a file cannot be read.
    """
    with writing(str(folder)):
        there = {path.name: _text(path) for path in _files(folder)}
    ours = [name for name, text in there.items() if (name in SHARED_FILES or name.endswith(".py")) and MARK in text]
    return Drift(
        missing=tuple(name for name in texts if name not in there),
        different=tuple(name for name, text in texts.items() if name in there and there[name] != text),
        left_over=tuple(name for name in ours if is_whole and name not in texts),
    )


def write(folder: Path, texts: Mapping[str, str], *, is_whole: bool) -> Drift:
    """Brings a folder to what compiling gives: what was changed.

    Raises:
        ProjectInvalid: files of others lie in the way; nothing was written.
        DiskFull, AccessRefused, UnknownName: it cannot be written there.
    """
    found = drift(folder, texts, is_whole=is_whole)
    with writing(str(folder)):
        foreign = [folder / name for name in found.different if MARK not in _text(folder / name)]
    refuse_overwriting(foreign, folder)
    with writing(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    for name in (*found.missing, *found.different):
        write_over(folder / name, texts[name])
    with writing(str(folder)):
        for name in found.left_over:
            (folder / name).unlink()
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
