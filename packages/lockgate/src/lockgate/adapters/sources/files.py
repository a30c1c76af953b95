"""Files of this machine: CSV, Parquet and newline-delimited JSON, one or many of one form, read whole by staging."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from lockgate.adapters.sources.sampling import sampled
from lockgate.core.load import SourceFile
from lockgate.core.ports import Extraction, Package, Secrets, StagedFile
from lockgate.core.stream import Source, Stream
from lockgate.errors import SourceInconsistent, SourceRefused

# Keys of a stream that say where its files are; the others say how they are to be read.
_PLACE = frozenset({"path"})
DIGITS = 64
Stamp: TypeAlias = tuple[int, int, int]


def open_csv(source: Source, secrets: Secrets, folder: Path) -> FileReader:
    """The reader of CSV files, plain or gzipped."""
    return _opened(source, secrets, folder, "csv")


def open_parquet(source: Source, secrets: Secrets, folder: Path) -> FileReader:
    """The reader of Parquet files."""
    return _opened(source, secrets, folder, "parquet")


def open_ndjson(source: Source, secrets: Secrets, folder: Path) -> FileReader:
    """The reader of newline-delimited JSON files."""
    return _opened(source, secrets, folder, "ndjson")


def _opened(source: Source, secrets: Secrets, folder: Path, form: str) -> FileReader:
    del secrets  # files of this machine need none
    return FileReader(source, folder / str(source.options.get("path", ".")), form)


class FileReader:
    """See `lockgate.core.ports.SourceReader`. A file is told apart by a digest of what is in it."""

    def __init__(self, source: Source, folder: Path, form: str) -> None:
        """Read the streams of `source` from files of a form below `folder`."""
        self._source = source
        self._folder = folder
        self._form = form
        self._stamps: dict[str, Stamp] = {}

    def files(self, stream: Stream) -> tuple[SourceFile, ...]:
        """See `lockgate.core.ports.SourceReader.files`: in the order of their names."""
        return tuple(self._described(path) for path in self._paths(stream))

    def extract(self, extraction: Extraction) -> Iterator[Package]:
        """See `lockgate.core.ports.SourceReader.extract`: a package a file."""
        done = 0 if extraction.resume is None else int(str(extraction.resume["files"]))
        for number, file in enumerate(extraction.files[done:], start=done + 1):
            path = self._folder / file.name
            self._refuse_changed(file, path)
            yield Package(self._content(extraction.stream, path), {"files": number}, extraction.cursor)
            self._refuse_changed(file, path)

    def streams(self) -> tuple[Stream, ...]:
        """See `lockgate.core.ports.SourceReader.streams`: the columns of each stream's first file."""
        return tuple(self._sampled(stream) for stream in self._source.streams)

    def _described(self, path: Path) -> SourceFile:
        """A file by its name below the folder, its size and the BLAKE2 digest (RFC 7693) of its content.

        Raises:
            SourceRefused: it cannot be read.
        """
        try:
            stamp = _stamp(path)
            with path.open("rb") as content:
                version = hashlib.file_digest(content, "blake2b").hexdigest()[:DIGITS]
        except OSError as error:
            raise SourceRefused(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
        name = str(path.relative_to(self._folder)) if path.is_relative_to(self._folder) else str(path)
        self._stamps[name] = stamp
        return SourceFile(name, stamp[0], version)

    def _refuse_changed(self, file: SourceFile, path: Path) -> None:
        """Refuses a file that is not the one that `files` described.

        Raises:
            SourceInconsistent: it was written, replaced or removed meanwhile.
        """
        stamp = self._stamps.get(file.name)
        if not path.is_file() or (_stamp(path) != stamp if stamp else self._described(path) != file):
            raise SourceInconsistent(f"{file.name} changed while it was read", file=file.name)

    def _sampled(self, stream: Stream) -> Stream:
        first = self._content(stream, self._paths(stream)[0])
        return replace(stream, columns=sampled(first, stream))

    def _content(self, stream: Stream, path: Path) -> StagedFile:
        options = {**self._source.options, **stream.options}
        said = {name: value for name, value in options.items() if name not in _PLACE and value is not None}
        return StagedFile(path, self._form, said)

    def _paths(self, stream: Stream) -> list[Path]:
        """The files of a stream.

        Raises:
            SourceRefused: there are none.
        """
        pattern = str(stream.options.get("path") or stream.name)
        plain = self._folder / pattern
        found = [plain] if plain.is_file() else [Path(name) for name in glob.glob(str(plain), recursive=True)]  # noqa: PTH207
        files = sorted(path for path in found if path.is_file())
        if not files:
            raise SourceRefused(f"there is no file {plain}", hint="Check the stream's `path`.", path=str(plain))
        return files


def _stamp(path: Path) -> Stamp:
    """What the file system changes when a file is written or replaced: size, time, place."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino
