"""Text files in the encodings that a stream may name, handed on in UTF-8."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from lockgate.core.ports import Package, StagedFile
from lockgate.errors import SourceInconsistent

UTF_8 = "utf-8"
# What a byte means to Python that the encoding gives no meaning: it stays as it is, so that its line is set aside.
_CODECS = {"latin-1": "latin-1", "windows-1252": "cp1252", "utf-16": "utf-16"}
_CHUNK = 1 << 20


@contextmanager
def in_utf_8(package: Package, folder: Path) -> Iterator[Package]:
    """The package, its file in UTF-8: a copy below `folder`, gone at the end, where its `encoding` is another.

    Raises:
        SourceInconsistent: the file is not of its encoding as a whole, or not compressed as its name says.
    """
    content = package.content
    named = str(content.options.get("encoding", UTF_8)) if isinstance(content, StagedFile) else UTF_8
    if not isinstance(content, StagedFile) or named == UTF_8:
        yield package
        return
    with TemporaryDirectory(prefix="text-", dir=folder) as place:
        copy = Path(place) / content.path.name.removesuffix(".gz")
        try:
            _copy(content.path, copy, _CODECS[named])
        except (UnicodeError, pa.ArrowInvalid, EOFError) as error:
            raise SourceInconsistent(
                f"{content.path.name} is not {named}", hint="Name the file's encoding in the stream: `encoding`."
            ) from error
        yield replace(package, content=replace(content, path=copy))


def _copy(source: Path, target: Path, codec: str) -> None:
    decoder = codecs.getincrementaldecoder(codec)("strict" if codec == "utf-16" else "surrogateescape")
    with pa.input_stream(str(source), compression="detect") as read, target.open("wb") as written:
        while chunk := read.read(_CHUNK):
            written.write(decoder.decode(chunk).encode(UTF_8, "surrogateescape"))
        written.write(decoder.decode(b"", final=True).encode(UTF_8))
