"""The HTTP reader against a real server that misbehaves on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.adapters.exchange import Patience
from lockgate.adapters.sources.http import open_http
from lockgate.adapters.staging.duckdb import DuckDBStager
from lockgate.core.load import CursorRange
from lockgate.core.ports import Extraction, StagingOrder
from lockgate.core.relation import Column
from lockgate.core.stream import Source, Stream
from lockgate.core.types import ColumnType
from lockgate.errors import SourceInconsistent, SourceRefused, SourceUnavailable

RECORDS = [{"id": number, "name": f"n{number} ü漢"} for number in range(1, 8)]
QUICK = Patience(
    attempts=3, first_wait_seconds=0.001, longest_wait_seconds=0.01, timeout_seconds=1.0, body_bytes=10_000
)

Answer = tuple[int, dict[str, str], bytes]


class Secrets:
    """Knows one secret."""

    def resolve(self, reference: str) -> str:
        return "token-51" if reference == "secret://key" else reference


class Service:
    """A server whose answers a test decides; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answer: Callable[[str, dict[str, str], int], Answer] = lambda path, asked, number: page(asked)
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
                service.asked.append((parts.path, asked, dict(self.headers)))
                status, headers, body = service.answer(parts.path, asked, len(service.asked))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


def page(asked: dict[str, str], **changes: object) -> Answer:
    """A page of RECORDS by the cursor, which is the number of records given so far."""
    begin, size = int(asked.get("cursor", "0")), int(asked["page_size"])
    end = begin + size
    body = {"items": RECORDS[begin:end], "next": str(end) if end < len(RECORDS) else None, "total": len(RECORDS)}
    return 200, {}, json.dumps({**body, **changes}).encode()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.server.shutdown()
    service.server.server_close()


def reader(service: Service, *, page_size: int = 3, **options: object):
    source = Source("s", "http", (Stream("users"),), options={"url": service.url, "page_size": page_size, **options})
    return open_http(source, Secrets(), Path(), patience=QUICK)


def read(service: Service, extraction: Extraction | None = None, **options: object) -> list[dict[str, object]]:
    packages = reader(service, **options).extract(extraction or Extraction(Stream("users")))
    return [record for package in packages for record in records_in(package)]


def records_in(package) -> list[dict[str, object]]:
    document = json.loads(package.content.text)
    return document if package.content.field is None else document[package.content.field]


def test_every_record_comes_once_and_in_order(service) -> None:
    assert read(service) == RECORDS
    assert [asked.get("cursor") for _, asked, _ in service.asked] == [None, "3", "6"]


def test_an_incremental_load_asks_from_the_cursor_on(service) -> None:
    read(service, Extraction(Stream("users"), CursorRange(since="2026-01-31T00:00:00Z")))

    assert {asked["updated_since"] for _, asked, _ in service.asked} == {"2026-01-31T00:00:00Z"}


def test_headers_carry_secrets_and_parameters_are_sent(service) -> None:
    stream = Stream("users", options={"path": "v1/people", "params": {"active": "1"}})

    read(service, Extraction(stream), headers={"Authorization": "secret://key"})

    path, asked, headers = service.asked[0]
    assert (path, asked["active"], headers["Authorization"]) == ("/v1/people", "1", "token-51")


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 9), st.integers(0, 4))
def test_going_on_after_any_package_gives_the_rest(page_size: int, done: int) -> None:
    service = Service()
    packages = list(reader(service, page_size=page_size).extract(Extraction(Stream("users"))))
    done = min(done, len(packages) - 1)
    first = [record for package in packages[: done + 1] for record in records_in(package)]

    rest = read(service, Extraction(Stream("users"), resume=packages[done].resume), page_size=page_size)

    service.server.shutdown()
    service.server.server_close()
    assert first + rest == RECORDS


def test_pages_may_be_lists_linked_by_a_header_or_by_an_address(service) -> None:
    def linked(path: str, asked: dict[str, str], number: int) -> Answer:
        last = number == 2
        header = {} if last else {"Link": f'<{service.url}/users?page_size=3&cursor=3>; rel="next"'}
        return 200, header, json.dumps(RECORDS[3:] if last else RECORDS[:3]).encode()

    service.answer = linked
    assert read(service) == RECORDS

    service.asked.clear()
    service.answer = lambda path, asked, number: page(
        asked, next="/users?page_size=9&cursor=3" if number == 1 else None
    )
    assert read(service) == RECORDS


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again(service, status: int) -> None:
    service.answer = lambda path, asked, number: (status, {"Retry-After": "0"}, b"") if number < 3 else page(asked)

    assert read(service) == RECORDS


def test_a_service_that_stays_broken_is_unavailable(service) -> None:
    service.answer = lambda path, asked, number: (500, {}, b"")

    with pytest.raises(SourceUnavailable, match="500"):
        read(service)
    assert len(service.asked) == QUICK.attempts


def test_a_cut_answer_is_asked_for_again(service) -> None:
    def cut(path: str, asked: dict[str, str], number: int) -> Answer:
        status, headers, body = page(asked)
        if number == 2:
            return status, headers, body[:-20]
        if number == 4:
            return status, {"Content-Length": str(len(body)), "Connection": "close"}, body[:10]
        return status, headers, body

    service.answer = cut
    assert read(service) == RECORDS


def test_a_page_that_leads_back_is_asked_for_again_and_then_refused(service) -> None:
    service.answer = lambda path, asked, number: page(asked, next="3") if number == 2 else page(asked)
    assert read(service) == RECORDS

    service.answer = lambda path, asked, number: page(asked, next="3") if "cursor" in asked else page(asked)
    with pytest.raises(SourceInconsistent, match="was read before"):
        read(service)


def test_missing_records_are_noticed_at_the_end(service) -> None:
    service.answer = lambda path, asked, number: page(asked, total=9)

    with pytest.raises(SourceInconsistent, match="said 9 records and gave 7"):
        read(service)


def test_a_listing_that_grows_meanwhile_is_fine(service) -> None:
    service.answer = lambda path, asked, number: page(asked, total=6 if number == 1 else 7)

    assert read(service) == RECORDS


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404])
def test_a_refusal_is_not_repeated(service, status: int) -> None:
    service.answer = lambda path, asked, number: (status, {"Location": "http://127.0.0.1:9/"}, b"no")

    with pytest.raises(SourceRefused, match=str(status)):
        read(service)
    assert len(service.asked) == 1


def test_nobody_else_is_asked(service) -> None:
    service.answer = lambda path, asked, number: page(asked, next="http://169.254.169.254/latest/meta-data")

    with pytest.raises(SourceInconsistent, match=r"169\.254\.169\.254"):
        read(service)


def test_an_answer_without_bound_is_refused(service) -> None:
    service.answer = lambda path, asked, number: (200, {}, b" " * 20_000)

    with pytest.raises(SourceRefused, match="10,000 bytes"):
        read(service)


@pytest.mark.parametrize("body", [b"[1, 2]", b'{"rows": []}', b'"text"', b"null"])
def test_what_is_no_page_of_records_is_told(service, body: bytes) -> None:
    service.answer = lambda path, asked, number: (200, {}, body)

    with pytest.raises(SourceInconsistent, match="no list of records"):
        read(service)


def test_a_slow_drip_and_a_closed_port_are_unavailable(service) -> None:
    release = threading.Event()

    def drip(path: str, asked: dict[str, str], number: int) -> Answer:
        release.wait(5)
        return page(asked)

    service.answer = drip
    with pytest.raises(SourceUnavailable, match="ReadTimeout"):
        read(service)
    release.set()
    source = Source("s", "http", (), options={"url": "http://127.0.0.1:1"})
    with pytest.raises(SourceUnavailable, match="ConnectError"):
        list(open_http(source, Secrets(), Path(), patience=QUICK).extract(Extraction(Stream("users"))))


def test_no_message_shows_a_parameter(service) -> None:
    service.answer = lambda path, asked, number: (200, {}, b"{")
    stream = Stream("users", options={"params": {"key": "canary-99"}})

    with pytest.raises(SourceInconsistent) as raised:
        read(service, Extraction(stream))

    assert "canary-99" not in str(raised.value)


def test_an_empty_listing_is_one_package_without_records(service) -> None:
    service.answer = lambda path, asked, number: (200, {}, b'{"items": [], "next": null, "total": 0}')

    assert read(service) == []


def test_streams_tell_their_columns(service) -> None:
    records = [{"id": None, "on": True}, {"id": 7, "cost": 1.5, "name": "x", "tags": ["a"]}]
    service.answer = lambda path, asked, number: (200, {}, json.dumps(records).encode())
    declared = (Column("cost", ColumnType.parse("numeric(12,2)")),)
    source = Source("s", "http", (Stream("users", columns=declared),), options={"url": service.url})

    (stream,) = open_http(source, Secrets(), Path(), patience=QUICK).streams()

    assert {column.name: str(column.type) for column in stream.columns} == {
        "on": "boolean",
        "id": "bigint",
        "cost": "numeric(12,2)",
        "name": "text",
        "tags": "json",
    }


def staged(service, folder: Path, body: bytes, **types: str):
    """A page as staging takes it: values of the rows, and the rejects."""
    service.answer = lambda path, asked, number: (200, {}, body)
    columns = tuple(Column(name, ColumnType.parse(type_)) for name, type_ in types.items())
    stream = Stream("users", columns=columns)
    (package,) = reader(service).extract(Extraction(stream))
    staged = DuckDBStager().stage(package, StagingOrder(stream, load_id=7, number=1, first_row=1, folder=folder))
    rows = pq.read_table(staged.file).select(list(types)).to_pylist()
    rejects = pq.read_table(staged.rejects).to_pylist() if staged.rejects else []
    return [tuple(row.values()) for row in rows], [(one["_row"], one["reason"], one["record"]) for one in rejects]


def test_every_digit_arrives_as_it_was_written(service, tmp_path) -> None:
    body = b"""{"items": [
        {"a": 12345678901234567.89, "b": 12345678901234567.89, "c": {"x": [0.10, 12345678901234567.89]}},
        {"a": 1.5e3, "b": 1.10, "c": -0.12345678901234567890123}
    ]}"""

    rows, rejects = staged(service, tmp_path, body, a="numeric(38,2)", b="text", c="json")

    assert rows == [
        (Decimal("12345678901234567.89"), "12345678901234567.89", '{"x":[0.10,12345678901234567.89]}'),
        (Decimal("1500.00"), "1.10", "-0.12345678901234567890123"),
    ]
    assert rejects == []


@pytest.mark.parametrize("form", ["%s", '{"before": [1], "items": %s, "next": null}', '{"items":%s,"z":{"items":1}}'])
def test_a_lone_surrogate_sets_its_record_aside(service, tmp_path, form: str) -> None:
    records = r'[{"a": 1.10, "b": "\ud83d\ude00"}, {"a": 2, "b": "\ud800"}, {"a": 3, "b": "]"}]'

    rows, rejects = staged(service, tmp_path, (form % records).encode(), a="text", b="text")

    assert rows == [("1.10", "😀"), ("3", "]")]
    assert [(row, reason, json.loads(record)) for row, reason, record in rejects] == [
        (2, "not JSON", r'{"a": 2, "b": "\ud800"}')
    ]


def test_a_page_that_is_nested_without_end_is_refused(service) -> None:
    service.answer = lambda path, asked, number: (200, {}, b'[{"a": %s}]' % (b"[" * 4000 + b"]" * 4000))

    with pytest.raises(SourceInconsistent, match="nested too deeply"):
        read(service)


def test_an_integer_of_any_length_does_not_stop_a_load(service, tmp_path) -> None:
    rows, rejects = staged(service, tmp_path, b'[{"a": 1%s}, {"a": 2}]' % (b"0" * 5000), a="bigint")

    assert rows == [(2,)]
    assert [(row, reason) for row, reason, _ in rejects] == [(1, "does not fit bigint")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_pages_in_any_encoding_of_unicode_are_read(service, tmp_path, encoding: str) -> None:
    rows, _ = staged(service, tmp_path, '[{"a": "ü漢"}]'.encode(encoding), a="text")

    assert rows == [("ü漢",)]


def test_a_cursor_that_is_a_number_is_sent_as_it_was_written(service) -> None:
    service.answer = lambda path, asked, number: page(asked, next=3 if "cursor" not in asked else None, total=None)

    reader_of = read(service, page_size=3)

    assert [asked.get("cursor") for _, asked, _ in service.asked] == [None, "3"]
    assert reader_of == RECORDS[:6]
