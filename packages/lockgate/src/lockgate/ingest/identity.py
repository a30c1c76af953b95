"""What makes two loads the same: the stream's definition, what was asked, and which files were read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from lockgate.core.load import LoadMode, SourceFile
from lockgate.core.run import Bounds
from lockgate.core.stream import Source, Stream


def definition_of(source: Source, stream: Stream, mode: LoadMode) -> str:
    """A digest of all that decides which rows the same answer of the source becomes."""
    facts = {
        "source": [source.kind, source.options],
        "stream": [stream.name, stream.cursor, stream.on_new_column, stream.options],
        "columns": [[column.name, str(column.type)] for column in stream.columns],
        "mode": mode,
    }
    return _digest(facts)


def manifest_of(definition: str, files: Sequence[SourceFile]) -> str:
    """The manifest of a load, as JSON; '' where the source is no files."""
    return json.dumps({"definition": definition, "files": [asdict(file) for file in files]}) if files else ""


def request_of(definition: str, bounds: Bounds, files: Sequence[SourceFile]) -> str:
    """A digest of what an unfinished load was asked for; only the same request goes on with it."""
    return _digest({"definition": definition, "bounds": asdict(bounds), "files": [asdict(file) for file in files]})


def _digest(facts: object) -> str:
    written = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()
