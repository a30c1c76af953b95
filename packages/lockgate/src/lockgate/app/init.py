"""Makes a project out of somebody's own files or tables; nothing that is there is overwritten."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lockgate.adapters.discover.origins import discover
from lockgate.config.starter import starter_files
from lockgate.errors import DiskFull, Problem, ProjectInvalid
from lockgate.settings import read_settings

KEPT_WHERE_THERE = frozenset({".gitignore", "README.md"})


def write_project(folder: Path, origins: tuple[str, ...]) -> tuple[Path, ...]:
    """Writes a project of what is at `origins` into `folder`: the files written.

    Secrets go into the project's secrets folder, each in a file that only its owner may read.

    Raises:
        ProjectInvalid: a file is in the way; nothing was written.
        SourceRefused: an origin cannot be read, or there is nothing in it.
        SourceUnavailable: a database does not answer.
        DiskFull: there is no room; nothing was left behind.
    """
    folder = folder.absolute()
    sources = discover(origins)
    texts = {folder / name: text for name, text in starter_files(folder, sources).items()}
    wanted = {path: text for path, text in texts.items() if path.name not in KEPT_WHERE_THERE or not path.exists()}
    place = read_settings().secrets_folder(folder)
    secrets = {place / name: value for source in sources for name, value in source.secrets.items()}
    _refuse_overwriting(folder, [*wanted, *secrets])
    _write_all(wanted, mode=0o666)
    _write_all(secrets, mode=0o600)
    return (*wanted, *secrets)


def _refuse_overwriting(folder: Path, paths: list[Path]) -> None:
    """Lets nothing be overwritten.

    Raises:
        ProjectInvalid: naming every file that is in the way.
    """
    remedy = "Move it away, or choose another folder with --project."
    problems = tuple(
        Problem("this file is there already; nothing was written", os.path.relpath(path, folder), 1, remedy)
        for path in paths
        if os.path.lexists(path)
    )
    if problems:
        raise ProjectInvalid(problems)


def _write_all(texts: Mapping[Path, str], *, mode: int) -> None:
    """Writes new files, all of them or none.

    Raises:
        DiskFull: they could not be written.
    """
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            written.append(path)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink()
        raise DiskFull(f"the project cannot be written: {error.strerror}; nothing was left behind") from error
