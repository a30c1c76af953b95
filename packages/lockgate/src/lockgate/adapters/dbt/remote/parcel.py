"""Files packed to be sent to where dbt runs, and unpacked when they come back."""

from __future__ import annotations

import io
import os
import tarfile
import zlib
from collections.abc import Iterable, Sequence
from gzip import BadGzipFile, compress
from pathlib import Path, PurePosixPath

from lockgate.adapters.dbt.fingerprint import files_of
from lockgate.adapters.dbt.invoking import MANIFEST
from lockgate.errors import ExecutorRefused

MOST_UNPACKED_BYTES = 512 << 20
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755


class Parcel:
    """A tar archive of files that belong to one account, and have no times: equal files make equal archives."""

    def __init__(self, *, owner: int = 0, group: int = 0, gzip: bool = False) -> None:
        """Nothing is in it yet."""
        self._content = io.BytesIO()
        self._owner, self._group = owner, group
        self._is_packed = gzip
        self._tar = tarfile.open(fileobj=self._content, mode="w")  # noqa: SIM115  closed by `content`
        self._folders: set[PurePosixPath] = set()

    def add(self, name: str, content: bytes, mode: int = _FILE_MODE) -> None:
        """A file of that name, with the folders above it."""
        for folder in reversed(PurePosixPath(name).parents[:-1]):
            self.folder(folder)
        entry = self._entry(name, mode)
        entry.size = len(content)
        self._tar.addfile(entry, io.BytesIO(content))

    def folder(self, path: PurePosixPath) -> None:
        """A folder, once."""
        if path not in self._folders:
            self._folders.add(path)
            entry = self._entry(str(path), _FOLDER_MODE)
            entry.type = tarfile.DIRTYPE
            self._tar.addfile(entry)

    def content(self) -> bytes:
        """The whole archive."""
        self._tar.close()
        whole = self._content.getvalue()
        return compress(whole, mtime=0) if self._is_packed else whole

    def _entry(self, name: str, mode: int) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(name)
        entry.mode, entry.uid, entry.gid = mode, self._owner, self._group
        return entry


def add_project(parcel: Parcel, project: Path, *, below: str = "") -> None:
    """Everything that dbt reads of a project."""
    for path in sorted(files_of(str(project))):
        name = os.path.relpath(path, project)
        parcel.add(f"{below}/{name}" if below else name, Path(path).read_bytes())


def packed(folder: Path, *, without: Sequence[str] = ()) -> bytes:
    """What lies in a folder of dbt's, but for its manifest, which whoever asked has."""
    parcel = Parcel(gzip=True)
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = path.relative_to(folder)
        if name.parts[0] not in {MANIFEST, *without}:
            parcel.add(name.as_posix(), path.read_bytes())
    return parcel.content()


def unpack(content: bytes | Iterable[bytes], folder: Path, *, strip: int = 0) -> None:
    """Writes an archive's files below a folder, less `strip` leading parts of their names; links are left out.

    Raises:
        ExecutorRefused: they are more than there may be, or lie elsewhere, or are no archive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = content if isinstance(content, bytes) else _joined(content)
    try:
        _unpack(whole, folder, strip)
    except (ValueError, EOFError, tarfile.TarError, zlib.error, BadGzipFile) as error:
        raise ExecutorRefused(f"what dbt left there cannot be unpacked: {error}") from error


def _joined(pieces: Iterable[bytes]) -> bytes:
    whole = bytearray()
    for piece in pieces:
        whole += piece
        if len(whole) > MOST_UNPACKED_BYTES:
            raise ExecutorRefused(f"what dbt left there is more than {MOST_UNPACKED_BYTES:,} bytes")
    return bytes(whole)


def _unpack(whole: bytes, folder: Path, strip: int) -> None:
    total = 0
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        for entry in tar:
            parts = PurePosixPath(entry.name).parts[strip:]
            total += entry.size
            if total > MOST_UNPACKED_BYTES or ".." in parts or (parts and parts[0] == "/"):
                raise ValueError("the archive holds more than it may")
            file = tar.extractfile(entry) if entry.isfile() and parts else None
            if file is not None:
                place = folder.joinpath(*parts)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(file.read())
