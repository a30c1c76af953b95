"""Every reader passes the suite that is shipped for every reader."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lockgate.adapters.sources import dlt as dlt_source
from lockgate.adapters.sources import postgres as postgres_source
from lockgate.adapters.sources.dlt import open_dlt
from lockgate.adapters.sources.files import open_csv, open_ndjson, open_parquet
from lockgate.adapters.sources.http import open_http
from lockgate.adapters.sources.postgres import open_postgres
from lockgate.adapters.staging.duckdb import DuckDBStager
from lockgate.core.arrow import arrow_schema
from lockgate.core.stream import Source, Stream
from lockgate.testing.sources import COLUMNS, FileReaderConformance, ReaderConformance, Record

NAMES = [one.name for one in COLUMNS]
_numbers = count()


class NoSecrets:
    def resolve(self, reference: str) -> str:
        return reference


def as_json(record: Record) -> str:
    """A record with every digit of its numbers."""

    def value(found: object) -> str:
        if isinstance(found, Decimal):
            return format(found, "f")
        return json.dumps(found.isoformat() if isinstance(found, datetime) else found, ensure_ascii=False)

    return "{" + ", ".join(f"{json.dumps(name)}: {value(found)}" for name, found in record.items()) + "}"


class FileStand:
    """Three records a file, at least one file."""

    def __init__(self, folder: Path, form: str) -> None:
        self.folder, self.form = folder / "files", form
        self.folder.mkdir()

    def hold(self, records: Sequence[Record]) -> None:
        for number, begin in enumerate(range(0, max(1, len(records)), 3)):
            self.write(self.folder / f"things-{number}.{self.form}", records[begin : begin + 3])

    def write(self, path: Path, records: Sequence[Record]) -> None:
        if self.form == "parquet":
            pq.write_table(pa.Table.from_pylist(list(records), schema=arrow_schema(COLUMNS)), path)
        elif self.form == "ndjson":
            path.write_text("".join(as_json(record) + "\n" for record in records), encoding="utf-8")
        else:
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, NAMES)
                writer.writeheader()
                writer.writerows(
                    {name: value.isoformat() if isinstance(value, datetime) else value for name, value in one.items()}
                    for one in records
                )

    def open(self, stream: Stream):
        opened = {"csv": open_csv, "ndjson": open_ndjson, "parquet": open_parquet}[self.form]
        stream = Stream(stream.name, columns=stream.columns, options={"path": f"{stream.name}-*.{self.form}"})
        source = Source("files", self.form, (stream,), options={"path": str(self.folder)})
        return _Named(opened(source, NoSecrets(), self.folder), stream)


class _Named:
    """A reader of files whose stream says where they are."""

    def __init__(self, reader, stream: Stream) -> None:
        self._reader, self._stream = reader, stream

    def files(self, stream: Stream):
        return self._reader.files(self._stream)

    def extract(self, extraction):
        return self._reader.extract(extraction)

    def streams(self):
        return self._reader.streams()


class HttpStand:
    """A service that answers three records a page, and knows nothing of bounds."""

    def __init__(self) -> None:
        self.records: Sequence[Record] = ()
        stand = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                begin = int(parse_qs(parts.query).get("cursor", ["0"])[0])
                body = stand.page(begin) if parts.path == "/things" else b""
                self.send_response(200 if body else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def page(self, begin: int) -> bytes:
        following = str(begin + 3) if begin + 3 < len(self.records) else None
        items = ", ".join(as_json(record) for record in self.records[begin : begin + 3])
        return f'{{"items": [{items}], "next": {json.dumps(following)}, "total": {len(self.records)}}}'.encode()

    def hold(self, records: Sequence[Record]) -> None:
        self.records = records

    def open(self, stream: Stream):
        url = f"http://127.0.0.1:{self.server.server_port}"
        return open_http(Source("service", "http", (stream,), options={"url": url}), NoSecrets(), Path())


class PostgresStand:
    """A table of one's own schema, on a search path that the address names."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}?options=-csearch_path%3Dshop"
        columns = ", ".join(f"{one.name} {one.type}" for one in COLUMNS)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE SCHEMA shop")
            connection.execute(f"CREATE TABLE shop.things ({columns}, PRIMARY KEY (id))")

    def hold(self, records: Sequence[Record]) -> None:
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.execute("TRUNCATE things")
            places = ", ".join(f"%({name})s" for name in NAMES)
            cursor.executemany(f"INSERT INTO things VALUES ({places})", records)

    def open(self, stream: Stream):
        return open_postgres(Source("shop", "postgres", (stream,), options={"url": self.url}), NoSecrets(), Path())


class DltStand:
    """A module of the project's folder with one resource."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, ""

    def hold(self, records: Sequence[Record]) -> None:
        self.name = f"conforming_{next(_numbers)}"
        module = f"""
            import dlt, datetime
            from decimal import Decimal

            @dlt.source
            def shop():
                @dlt.resource
                def things():
                    yield from {[dict(record) for record in records]!r}
                return things
        """
        lines = [line.removeprefix(" " * 12) for line in module.splitlines()]
        (self.folder / f"{self.name}.py").write_text("\n".join(lines), encoding="utf-8")

    def open(self, stream: Stream):
        source = Source("shop", "dlt", (stream,), options={"source": f"{self.name}:shop"})
        return open_dlt(source, NoSecrets(), self.folder)


@pytest.fixture
def stager() -> DuckDBStager:
    return DuckDBStager()


class TestCsv(FileReaderConformance):
    @pytest.fixture
    def stand(self, tmp_path) -> FileStand:
        return FileStand(tmp_path, "csv")


class TestNdjson(FileReaderConformance):
    @pytest.fixture
    def stand(self, tmp_path) -> FileStand:
        return FileStand(tmp_path, "ndjson")


class TestParquet(FileReaderConformance):
    @pytest.fixture
    def stand(self, tmp_path) -> FileStand:
        return FileStand(tmp_path, "parquet")


class TestHttp(ReaderConformance):
    @pytest.fixture
    def stand(self) -> Iterator[HttpStand]:
        stand = HttpStand()
        yield stand
        stand.server.shutdown()
        stand.server.server_close()


class TestPostgres(ReaderConformance):
    @pytest.fixture
    def stand(self, postgres_url, monkeypatch) -> PostgresStand:
        monkeypatch.setattr(postgres_source, "PACKAGE_BYTES", 200)
        return PostgresStand(postgres_url)


class TestDlt(ReaderConformance):
    resumes = False

    @pytest.fixture
    def stand(self, tmp_path, monkeypatch) -> DltStand:
        monkeypatch.setattr(dlt_source, "PACKAGE_RECORDS", 3)
        monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        return DltStand(tmp_path)
