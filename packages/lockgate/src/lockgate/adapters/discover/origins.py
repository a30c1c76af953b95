"""Takes the paths and addresses that somebody named, and says what is there, source by source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lockgate.adapters.discover.files import KINDS, found_file, kind_of
from lockgate.adapters.discover.postgres import SCHEMES, found_database
from lockgate.core.discovery import FoundSource, FoundTable
from lockgate.errors import SourceRefused


def discover(origins: Sequence[str]) -> tuple[FoundSource, ...]:
    """What is at paths of files and folders and at `postgresql://` addresses; files of a folder are one source.

    Raises:
        SourceRefused: an origin is neither, or there is nothing in it.
        SourceUnavailable: a database does not answer.
    """
    addresses = [origin for origin in origins if "://" in origin]
    files = dict.fromkeys(path for origin in origins if "://" not in origin for path in _files(Path(origin)))
    groups: dict[tuple[str, Path], list[FoundTable]] = {}
    for path in files:
        groups.setdefault((kind_of(path) or "", path.parent), []).append(found_file(path))
    sources = [
        FoundSource(folder.name or "files", kind, tuple(tables), {"path": str(folder)})
        for (kind, folder), tables in groups.items()
    ]
    return (*sources, *(_database(address) for address in addresses))


def _files(path: Path) -> list[Path]:
    """The file itself, or the files of a folder that are of a known kind."""
    path = path.expanduser().absolute()
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.is_file() and kind_of(file))
        if not found:
            raise SourceRefused(f"the folder {path} holds no file that is known", hint=f"Known: {', '.join(KINDS)}.")
        return found
    if not path.exists():
        raise SourceRefused(f"there is no file {path}", hint="Check the path.")
    return [path]


def _database(address: str) -> FoundSource:
    """The database at an address."""
    scheme = address.partition("://")[0]
    if scheme not in SCHEMES:
        hint = "Give files, folders or postgresql:// addresses; other sources are written into lockgate.yml."
        raise SourceRefused(f"{scheme}:// is not looked into", hint=hint)
    return found_database(address)
