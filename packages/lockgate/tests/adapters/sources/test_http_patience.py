"""The HTTP reader against a service that never comes to an end, or says the same again."""

from __future__ import annotations

import gzip
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lockgate.adapters.exchange import Patience
from lockgate.adapters.sources.http import open_http
from lockgate.core.ports import Extraction
from lockgate.core.stream import Source, Stream
from lockgate.errors import SourceInconsistent, SourceUnavailable

QUICK = Patience(attempts=2, first_wait_seconds=0.001, longest_wait_seconds=0.01, timeout_seconds=5.0)
OK = b"HTTP/1.1 200 OK\r\n"
Answer = Callable[[bytes, int], Iterator[bytes]]


class NoSecrets:
    def resolve(self, reference: str) -> str:
        return reference


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, list[bytes]]]:
    """A server that writes what `answer` yields for each request line; its address, and the lines it was asked."""
    asked: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline())
            while self.rfile.readline().strip():
                pass
            try:
                for part in answer(asked[-1], len(asked)):
                    self.wfile.write(part)
            except OSError:
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def read(url: str, stream: Stream | None = None, patience: Patience = QUICK, **options: object) -> int:
    """How many pages are read."""
    source = Source("s", "http", (), options={"url": url, **options})
    reader = open_http(source, NoSecrets(), Path(), patience=patience)
    return len(list(reader.extract(Extraction(stream or Stream("users")))))


def body(document: object, *headers: bytes) -> bytes:
    written = json.dumps(document).encode()
    length = b"Content-Length: %d\r\n" % len(written)
    return OK + b"".join(headers) + b"Connection: close\r\n" + length + b"\r\n" + written


def dripped_body(line: bytes, number: int) -> Iterator[bytes]:
    yield OK + b"Content-Length: 100000\r\n\r\n"
    for _ in range(100):
        time.sleep(0.05)
        yield b" "


def dripped_head(line: bytes, number: int) -> Iterator[bytes]:
    yield OK
    for _ in range(100):
        time.sleep(0.05)
        yield b"X: y\r\n"


def endless_body(line: bytes, number: int) -> Iterator[bytes]:
    yield OK + b"Connection: close\r\n\r\n[]"
    time.sleep(5)


@pytest.mark.parametrize("answer", [dripped_body, dripped_head, endless_body])
def test_an_answer_that_does_not_end_is_cut_off(answer: Answer) -> None:
    with answering(answer) as (url, asked), pytest.raises(SourceUnavailable, match=r"within 0\.3 s") as refused:
        read(url, deadline=timedelta(seconds=0.3))

    assert len(asked) == 2
    assert "`deadline`" in refused.value.remedy


def test_a_deadline_is_for_each_answer_and_not_for_all() -> None:
    def slow(line: bytes, number: int) -> Iterator[bytes]:
        time.sleep(0.2)
        yield body({"items": [{"id": number}], "next": str(number) if number < 4 else None})

    with answering(slow) as (url, _):
        assert read(url, patience=replace(QUICK, deadline_seconds=0.6)) == 4


def test_a_body_that_cannot_be_unpacked_is_asked_for_again() -> None:
    def broken(line: bytes, number: int) -> Iterator[bytes]:
        packed = gzip.compress(b'[{"id": 1}]')
        sent = packed if number == 2 else packed[:5] + b"broken" + packed[11:]
        yield OK + b"Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(sent) + sent

    with answering(broken) as (url, asked):
        assert read(url) == 1
        assert len(asked) == 2
        asked.append(b"a third request is broken again")
        with pytest.raises(SourceUnavailable, match="cannot be unpacked"):
            read(url)


def test_a_page_that_repeats_the_one_before_is_refused() -> None:
    def stuck(line: bytes, number: int) -> Iterator[bytes]:
        yield body({"items": [{"id": 1}, {"id": 2}], "next": str(number)})

    with answering(stuck) as (url, asked), pytest.raises(SourceInconsistent, match="repeats the page before"):
        read(url)

    assert len(asked) == 3


@pytest.mark.parametrize(("key", "pages"), [((), 3), (("id",), None)])
def test_single_records_may_be_equal_where_no_key_tells_them_apart(key: tuple[str, ...], pages: int | None) -> None:
    def equal(line: bytes, number: int) -> Iterator[bytes]:
        yield body({"items": [{"id": 1}], "next": str(number) if number < 3 else None})

    with answering(equal) as (url, _):
        if pages:
            assert read(url, Stream("users", key=key)) == pages
        else:
            with pytest.raises(SourceInconsistent, match="repeats the page"):
                read(url, Stream("users", key=key))
