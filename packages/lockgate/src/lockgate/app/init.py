"""Makes a project out of somebody's own files or tables; nothing that is there is overwritten."""

from __future__ import annotations

from pathlib import Path

from lockgate.adapters.discover.origins import discover
from lockgate.adapters.discover.postgres import SCHEMES
from lockgate.adapters.registry import require
from lockgate.app.new_files import write_new
from lockgate.config.starter import starter_files
from lockgate.settings import read_settings

KEPT_WHERE_THERE = frozenset({".gitignore", "README.md"})


def write_project(folder: Path, origins: tuple[str, ...]) -> tuple[Path, ...]:
    """Writes a project of what is at `origins` into `folder`: the files written.

    Secrets go into the project's secrets folder, each in a file that only its owner may read.

    Raises:
        ProjectInvalid: a file is in the way; nothing was written.
        SourceRefused: an origin cannot be read, or there is nothing in it.
        SourceUnavailable: a database does not answer.
        ExtraMissing: it is a database whose driver is not installed.
        DiskFull: there is no room; nothing was left behind.
        AccessRefused, UnknownName: it cannot be written there; nothing was left behind.
    """
    folder = folder.absolute()
    if any(origin.partition("://")[0] in SCHEMES for origin in origins):
        require("postgres", "a database as the origin")
    sources = discover(origins)
    texts = {folder / name: text for name, text in starter_files(folder, sources).items()}
    wanted = {path: text for path, text in texts.items() if path.name not in KEPT_WHERE_THERE or not path.exists()}
    place = read_settings().secrets_folder(folder)
    secrets = {place / name: value for source in sources for name, value in source.secrets.items()}
    write_new(wanted | secrets, beside=folder, private=secrets)
    return (*wanted, *secrets)
