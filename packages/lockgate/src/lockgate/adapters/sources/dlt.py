"""Sources that dlt reads: any dlt source or resource, of the project or of a package, as packages of records.

dlt extracts; staging, types, quarantine and landing are Lockgate's own. A resource is read whole: staging leaves out
what lies before an incremental load, and an interrupted load begins anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic_core import to_json

from lockgate.adapters.sources.sampling import sampled
from lockgate.core.load import SourceFile
from lockgate.core.nearness import nearest
from lockgate.core.ports import Extraction, JsonRecords, Package, Secrets
from lockgate.core.stream import Source, Stream
from lockgate.errors import ExtraMissing, LockgateError, SourceRefused, SourceUnavailable

PACKAGE_RECORDS = 10_000


def open_dlt(source: Source, secrets: Secrets, folder: Path) -> DltReader:
    """The reader of a dlt source; its module is looked for in the project's folder first.

    Raises:
        ExtraMissing: dlt is not installed.
    """
    try:
        import dlt  # noqa: F401
    except ModuleNotFoundError as error:
        raise ExtraMissing("the kind 'dlt' needs dlt", hint="pip install 'lockgate[dlt]'") from error
    return DltReader(source, secrets, folder)


class DltReader:
    """See `lockgate.core.ports.SourceReader`."""

    def __init__(self, source: Source, secrets: Secrets, folder: Path) -> None:
        """Read the streams of `source`."""
        self._source = source
        self._secrets = secrets
        self._folder = folder

    def files(self, stream: Stream) -> tuple[SourceFile, ...]:
        """There are none that dlt would tell of."""
        del stream
        return ()

    def extract(self, extraction: Extraction) -> Iterator[Package]:
        """See `lockgate.core.ports.SourceReader.extract`."""
        for content in _contents(self._items(self._resource(extraction.stream))):
            yield Package(content, None, extraction.cursor)

    def streams(self) -> tuple[Stream, ...]:
        """The streams that are declared, each with the columns of its first records."""
        return tuple(self._sampled(stream) for stream in self._source.streams)

    def _sampled(self, stream: Stream) -> Stream:
        first = next(_contents(self._items(self._resource(stream))), None)
        return stream if first is None else replace(stream, columns=sampled(first, stream))

    def _resource(self, stream: Stream) -> Any:
        """The dlt resource behind a stream.

        Raises:
            SourceRefused: there is none of that name.
        """
        opened = self._opened()
        name = str(stream.options.get("resource") or stream.name)
        resources = getattr(opened, "resources", None)
        if resources is None:
            return opened
        if name not in resources:
            near = nearest(name, list(resources))
            told = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(resources)}"
            raise SourceRefused(f"{self._source.name} has no resource {name!r}; {told}", resource=name)
        return resources[name]

    def _opened(self) -> Any:
        """What the function that the project names returns, called with its arguments."""
        written = str(self._source.options["source"])
        module, _, attribute = written.partition(":")
        arguments = self._source.options.get("arguments") or {}
        resolved = {name: self._resolved(value) for name, value in dict(arguments).items()}  # type: ignore[call-overload]
        try:
            found = getattr(_imported(module, self._folder), attribute)
            return found(**resolved) if callable(found) else found
        except LockgateError:
            raise
        except (ImportError, AttributeError, TypeError) as error:
            raise SourceRefused(f"{self._source.name}: {written} cannot be opened: {error}") from error

    def _resolved(self, value: object) -> object:
        """An argument with the secret references in it replaced by their values."""
        if isinstance(value, str):
            return self._secrets.resolve(value)
        if isinstance(value, Mapping):
            return {name: self._resolved(one) for name, one in value.items()}
        return [self._resolved(one) for one in value] if isinstance(value, list) else value

    def _items(self, resource: Any) -> Iterator[Any]:
        """What a resource yields.

        Raises:
            SourceUnavailable: what it asks does not answer.
            SourceRefused: it failed otherwise; the message is its own.
        """
        try:
            yield from resource
        except LockgateError:
            raise
        except Exception as error:
            kind = SourceUnavailable if any(isinstance(one, OSError) for one in _causes(error)) else SourceRefused
            raise kind(f"{self._source.name}: {type(error).__name__}: {error}") from error


def _imported(module: str, folder: Path) -> Any:
    """A module of the project's folder, else an installed one."""
    sys.path.insert(0, str(folder))
    try:
        return import_module(module)
    finally:
        sys.path.remove(str(folder))


def _contents(items: Iterator[Any]) -> Iterator[pa.Table | JsonRecords]:
    """What a resource yields, as packages hold it: tables as they are, dictionaries gathered."""
    gathered: list[Any] = []
    for item in items:
        table = _table(item)
        if table is None:
            gathered.extend(item if isinstance(item, list) else [item])
        if gathered and (table is not None or len(gathered) >= PACKAGE_RECORDS):
            yield _records(gathered)
            gathered = []
        if table is not None:
            yield table
    if gathered:
        yield _records(gathered)


def _table(item: object) -> pa.Table | None:
    if isinstance(item, pa.Table):
        return item
    if isinstance(item, pa.RecordBatch):
        return pa.Table.from_batches([item])
    return pa.Table.from_pandas(item, preserve_index=False) if hasattr(item, "iloc") else None


def _records(items: list[Any]) -> JsonRecords:
    """Records as JSON, each by itself where they cannot be written together; staging sets aside what is no record."""
    try:
        return JsonRecords(_json(items))
    except ValueError:
        return JsonRecords(b"[" + b",".join(_record(item) for item in items) + b"]")


def _json(value: Any) -> bytes:
    return to_json(value, inf_nan_mode="null", bytes_mode="base64", serialize_unknown=True)


def _record(item: Any) -> bytes:
    """A record as JSON: half a character as an escape, a text where there is no way to write the record."""
    try:
        return _json(item)
    except ValueError:
        pass
    try:
        return json.dumps(item, default=str).encode()
    except (ValueError, TypeError, RecursionError):
        return _json(f"a {type(item).__name__} that has no form in JSON")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
