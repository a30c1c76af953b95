"""Services that answer pages of JSON records over HTTP.

Understood without being told: a list, or an object with the list under `items`, `data`, `results`, `records` or
`value`; the next page as a cursor or an address under `next`, or as a `Link` header with `rel="next"` (RFC 8288); how
many records there are under `total`. Asked for are `page_size`, `cursor`, and `updated_since` where a load is
incremental.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from lockgate.adapters.exchange import Patience
from lockgate.adapters.sources.exchange import Exchange
from lockgate.adapters.sources.sampling import sampled
from lockgate.core.load import CursorRange, SourceFile
from lockgate.core.ports import Extraction, JsonRecords, Package, Secrets
from lockgate.core.stream import Source, Stream
from lockgate.errors import SourceInconsistent

if TYPE_CHECKING:
    import httpx

_LONGEST_TOTAL = 19
LISTS = ("items", "data", "results", "records", "value")


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its records as they are written, how many they are, where the next page is (None: nowhere).

    `total` is how many records the listing says it has; `digest` is equal for equal records.
    """

    content: JsonRecords
    records: int
    following: str | None
    total: int | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an extraction has come: the address of the next page, records so far, the first total told."""

    address: str
    given: int = 0
    told: int | None = None

    def after(self, page: Page) -> Progress:
        """How far it is with one more page; only meaningful where there is a next one."""
        told = page.total if self.told is None else self.told
        return Progress(page.following or "", self.given + page.records, told)


def open_http(source: Source, secrets: Secrets, folder: Path, *, patience: Patience | None = None) -> HttpReader:
    """The reader of a service; nothing is asked before its streams are read. `folder` is of no use to it."""
    del folder
    headers = dict(source.options.get("headers", {}))  # type: ignore[call-overload]
    patience = patience or Patience()
    if isinstance(deadline := source.options.get("deadline"), timedelta):
        patience = replace(patience, deadline_seconds=deadline.total_seconds())
    return HttpReader(source, secrets, headers, patience)


class HttpReader:
    """See `lockgate.core.ports.SourceReader`. Every page is of the service's own origin; redirects are not followed."""

    def __init__(self, source: Source, secrets: Secrets, headers: Mapping[str, str], patience: Patience) -> None:
        """Read `source`, with the values of `headers` resolved when they are sent."""
        self._source = source
        self._secrets = secrets
        self._headers = headers
        self._patience = patience

    def files(self, stream: Stream) -> tuple[SourceFile, ...]:
        """A service has none."""
        del stream
        return ()

    def extract(self, extraction: Extraction) -> Iterator[Package]:
        """See `lockgate.core.ports.SourceReader.extract`."""
        progress: Progress | None = self._start(extraction)
        seen = {progress.address} if progress else set()
        page: Page | None = None
        with self._exchange() as exchange:
            while progress is not None:
                page = self._page(exchange, extraction.stream, progress.address, seen, before=page)
                following = progress.after(page)
                if page.following is None:
                    _refuse_other_total(following, page, extraction.stream)
                yield _package(page, following, extraction.cursor)
                progress = following if page.following is not None else None
                seen.add(following.address)

    def streams(self) -> tuple[Stream, ...]:
        """The streams, each with the columns of its first page: types as JSON has them, declared ones first."""
        with self._exchange() as exchange:
            return tuple(self._sampled(exchange, stream) for stream in self._source.streams)

    def _start(self, extraction: Extraction) -> Progress | None:
        """Where an extraction begins, or goes on; None where it had come to its end."""
        resume = extraction.resume
        if resume is None:
            return Progress(self._first_address(extraction.stream, extraction.cursor.since))
        if resume["address"] is None:
            return None
        return Progress(str(resume["address"]), int(str(resume["given"])), resume["told"])  # type: ignore[arg-type]

    def _first_address(self, stream: Stream, since: str | None) -> str:
        import httpx

        base = str(self._secrets.resolve(str(self._source.options["url"]))).rstrip("/")
        parameters = {"page_size": self._source.options.get("page_size", 1000), **_parameters(stream)}
        if since is not None:
            parameters["updated_since"] = since
        return str(httpx.URL(f"{base}/{stream.options.get('path') or stream.name}").copy_merge_params(parameters))

    def _exchange(self) -> Exchange:
        headers = {name: self._secrets.resolve(value) for name, value in self._headers.items()}
        return Exchange(headers, self._patience)

    def _page(
        self, exchange: Exchange, stream: Stream, address: str, seen: set[str], *, before: Page | None = None
    ) -> Page:
        """The page at an address; asked for again while it is cut, repeats the one before, or leads back.

        Raises:
            SourceInconsistent: it stays so.
        """

        def read(answer: httpx.Response, body: bytes) -> Page:
            page = _read(answer, body, address)
            if page.following in seen:
                raise SourceInconsistent(f"{stream.name}: {_shown(address)} is followed by a page that was read before")
            if before is not None and page.digest == before.digest and _tells(page, stream):
                raise SourceInconsistent(f"{stream.name}: {_shown(address)} repeats the page before it")
            return page

        return exchange.get(address, read)

    def _sampled(self, exchange: Exchange, stream: Stream) -> Stream:
        page = self._page(exchange, stream, self._first_address(stream, None), set())
        return replace(stream, columns=sampled(page.content, stream))


def _tells(page: Page, stream: Stream) -> bool:
    """Whether a page that is equal to another one must be the same: single records without a key may well be equal."""
    return page.records > 1 or (page.records == 1 and bool(stream.key))


def _parameters(stream: Stream) -> dict[str, Any]:
    parameters = stream.options.get("params") or {}
    return dict(parameters) if isinstance(parameters, Mapping) else {}


def _read(answer: httpx.Response, body: bytes, address: str) -> Page:
    """An answer as a page; its records are only counted, so that staging gets every digit as it was written.

    Raises:
        SourceInconsistent: it is cut, or is no page of records.
    """
    try:
        written = body.decode(json.detect_encoding(body))
        document = json.loads(written, parse_int=str, parse_float=str)
    except ValueError as error:
        raise SourceInconsistent(f"the answer of {_shown(address)} is cut or is not JSON") from error
    except RecursionError as error:
        raise SourceInconsistent(f"the answer of {_shown(address)} is nested too deeply to be read") from error
    facts = document if isinstance(document, dict) else {}
    field = next((name for name in LISTS if isinstance(facts.get(name), list)), None)
    records = document if field is None else facts[field]
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise SourceInconsistent(f"the answer of {_shown(address)} has no list of records under {', '.join(LISTS)}")
    content = JsonRecords(written.encode(), field)
    digest = hashlib.blake2b(repr(records).encode()).digest()
    return Page(content, len(records), _following(facts, answer, address), _total(facts), digest)


def _total(facts: Mapping[str, Any]) -> int | None:
    """How many records the listing says it has; what is no number says nothing."""
    written = str(facts.get("total"))
    return int(written) if written.isdecimal() and len(written) < _LONGEST_TOTAL else None


def _following(facts: Mapping[str, Any], answer: httpx.Response, address: str) -> str | None:
    """The address of the next page.

    Raises:
        SourceInconsistent: it is on another host; whoever answers here must not choose whom we ask.
    """
    import httpx

    told = facts.get("next") or answer.links.get("next", {}).get("url")
    if not told:
        return None
    if "/" not in str(told) and not str(told).startswith("?"):
        return str(httpx.URL(address).copy_set_param("cursor", told))
    following = urljoin(address, str(told))
    if urlsplit(following)[:2] != urlsplit(address)[:2]:
        raise SourceInconsistent(f"{_shown(address)} sends us to another place, {urlsplit(following).netloc}")
    return following


def _package(page: Page, progress: Progress, within: CursorRange) -> Package:
    """A page as a package that can be resumed after."""
    address = progress.address or None
    resume = {"address": address, "given": progress.given, "told": progress.told}
    return Package(page.content, resume, within)


def _refuse_other_total(progress: Progress, last: Page, stream: Stream) -> None:
    """A listing must have given as many records as it said it has; one that grew meanwhile may lie in between.

    Raises:
        SourceInconsistent: records are missing, or there are too many.
    """
    told = [total for total in (progress.told, last.total) if total is not None]
    if told and not min(told) <= progress.given <= max(told):
        raise SourceInconsistent(f"{stream.name}: the service said {told[-1]:,} records and gave {progress.given:,}")


def _shown(address: str) -> str:
    """An address as messages may show it: without its parameters, which can hold secrets and cursors."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
