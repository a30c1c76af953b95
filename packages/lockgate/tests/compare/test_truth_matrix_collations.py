"""Text is exact by code point also where a PostgreSQL column's collation takes other text for equal."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from datetime import date
from pathlib import Path

import psycopg
import pytest

from lockgate.adapters.relations.references import opened, reference
from lockgate.compare import compare
from lockgate.core.comparison import ComparisonRequest, Method, RowCounts, Verdict
from lockgate.testing.comparisons.cell import table
from lockgate.testing.comparisons.writers import write_duckdb

TABLES = """
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
CREATE TABLE lefts (code text COLLATE blind PRIMARY KEY, word text COLLATE blind, tags text[] COLLATE blind);
CREATE TABLE rights (code text COLLATE blind PRIMARY KEY, word text COLLATE blind, tags text[] COLLATE blind);
INSERT INTO lefts VALUES ('a', 'tea', '{x}'), ('b', 'tea', '{x}'), ('c', 'café', '{x}'), ('d', 'tea', '{x}');
INSERT INTO rights VALUES ('A', 'tea', '{x}'), ('b', 'TEA', '{x}'), ('c', 'cafe', '{x}'), ('d', 'tea', '{X}');
"""


@pytest.fixture(scope="module")
def icu_server(tmp_path_factory):
    """A PostgreSQL of the system, built with ICU, which the one that other tests use is not."""
    programs = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)
    if programs is None or not (programs / "initdb").exists():
        pytest.skip("the system has no PostgreSQL, and so none with ICU")
    folder = tmp_path_factory.mktemp("icu")
    prefix = _as_nobody(folder)
    subprocess.run(
        [*prefix, programs / "initdb", "-D", folder / "data", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N"],
        check=True,
        capture_output=True,
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
    settings = [f"--{name}={value}" for name, value in options.items()]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*prefix, programs / "postgres", "-D", folder / "data", *settings], stderr=log)
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    _wait(url)
    yield url
    server.terminate()
    server.wait(30)


def _as_nobody(folder):
    """What starts a program as an account that PostgreSQL runs as: root is none."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "nobody", "nogroup")
    for above in list(folder.parents)[:2]:
        above.chmod(0o755)
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=INT"]


def _wait(url):
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="module")
def blind(icu_server, tmp_path_factory):
    """References of two tables whose collation ignores case and accents, and of the left one's rows in DuckDB."""
    with psycopg.connect(icu_server, autocommit=True) as connection:
        connection.execute(TABLES)
    types = {"code": "text", "word": "text", "tags": "text[]"}
    rows = [("a", "tea", '["x"]'), ("b", "tea", '["x"]'), ("c", "café", '["x"]'), ("d", "tea", '["x"]')]
    database = tmp_path_factory.mktemp("exact") / "exact.duckdb"
    return {
        "postgres": f"{icu_server}::public.lefts",
        "right": f"{icu_server}::public.rights",
        "duckdb": write_duckdb({"lefts": table(types, *rows)}, database)["lefts"],
    }


@pytest.mark.parametrize("method", [None, Method.STREAM])
@pytest.mark.parametrize("left", ["postgres", "duckdb"])
def test_a_collation_that_ignores_case_and_accents_hides_nothing(blind, tmp_path, left, method):
    request = ComparisonRequest(key=("code",), method=method)
    with opened(tmp_path, memory_bytes=500_000_000) as opening:
        sides = opening.side(reference(blind[left])), opening.side(reference(blind["right"]))
        found = compare(*sides, opening.bench, request, today=date(2024, 2, 29), progress=lambda *_: None)

    assert found.verdict is Verdict.FAIL
    assert found.rows == RowCounts(left=4, right=4, matched=0, missing=1, extra=1, changed=3)
    assert {one.name: one.changed for one in found.columns} == {"code": 0, "word": 2, "tags": 1}


def test_fingerprints_see_through_such_a_collation_too(blind, tmp_path):
    request = ComparisonRequest(key=("code",), excluded=frozenset({"tags"}), method=Method.FINGERPRINT)
    with opened(tmp_path, memory_bytes=500_000_000) as opening:
        sides = opening.side(reference(blind["duckdb"])), opening.side(reference(blind["right"]))
        found = compare(*sides, opening.bench, request, today=date(2024, 2, 29), progress=lambda *_: None)

    assert found.rows == RowCounts(left=4, right=4, matched=1, missing=1, extra=1, changed=2)
