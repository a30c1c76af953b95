"""Files of this machine: CSV, Parquet and newline-delimited JSON, one or many of one form, read whole by staging."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lockgate.adapters.sources.sampling import sampled
from lockgate.core.load import SourceFile
from lockgate.core.ports import Extraction, Package, Secrets, StagedFile
from lockgate.core.stream import Source, Stream
from lockgate.errors import SourceInconsistent, SourceRefused

# Keys of a stream that say where its files are; the others say how they are to be read.
_PLACE = frozenset({"path"})


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
    """See `lockgate.core.ports.SourceReader`. A file is told apart by the hash of what is in it, not by its times."""

    def __init__(self, source: Source, folder: Path, form: str) -> None:
        """Read the streams of `source` from files of a form below `folder`."""
        self._source = source
        self._folder = folder
        self._form = form

    def files(self, stream: Stream) -> tuple[SourceFile, ...]:
        """See `lockgate.core.ports.SourceReader.files`: in the order of their names."""
        return tuple(_described(self._folder, path) for path in self._paths(stream))

    def extract(self, extraction: Extraction) -> Iterator[Package]:
        """See `lockgate.core.ports.SourceReader.extract`: a package a file."""
        done = 0 if extraction.resume is None else int(str(extraction.resume["files"]))
        for number, file in enumerate(extraction.files[done:], start=done + 1):
            if _described(self._folder, self._folder / file.name) != file:
                raise SourceInconsistent(f"{file.name} changed while it was read", file=file.name)
            content = self._content(extraction.stream, self._folder / file.name)
            yield Package(content, {"files": number}, extraction.cursor)

    def streams(self) -> tuple[Stream, ...]:
        """See `lockgate.core.ports.SourceReader.streams`: the columns of each stream's first file."""
        return tuple(self._sampled(stream) for stream in self._source.streams)

    def _sampled(self, stream: Stream) -> Stream:
        first = self._content(stream, self._paths(stream)[0])
        return replace(stream, columns=sampled(first, stream))

    def _content(self, stream: Stream, path: Path) -> StagedFile:
        said = {name: value for name, value in stream.options.items() if name not in _PLACE and value is not None}
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


def _described(folder: Path, path: Path) -> SourceFile:
    """A file by its name below the folder, its size and the SHA-256 of its content.

    Raises:
        SourceRefused: it cannot be read.
    """
    try:
        with path.open("rb") as content:
            version = hashlib.file_digest(content, "sha256").hexdigest()
        return SourceFile(str(path.relative_to(folder)), path.stat().st_size, version)
    except OSError as error:
        raise SourceRefused(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
