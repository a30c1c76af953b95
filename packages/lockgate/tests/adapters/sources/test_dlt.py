"""What dlt adds to the suite that every reader passes: what resources yield, how they fail."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lockgate.adapters.sources.dlt import open_dlt
from lockgate.adapters.staging.duckdb import DuckDBStager
from lockgate.core.ports import Extraction, StagingOrder
from lockgate.core.stream import Source, Stream
from lockgate.errors import SourceRefused, SourceUnavailable

_numbers = count()


class Secrets:
    def resolve(self, reference: str) -> str:
        return "token-51" if reference == "secret://key" else reference


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes a module whose function `things` is the body given, and opens a reader of it."""
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")

    def write(body: str, **options: object):
        name = f"resources_{next(_numbers)}"
        text = f"import dlt\n\n@dlt.resource\ndef things(token='none'):\n    {body}\n"
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        said = {"source": f"{name}:things", **options}
        return open_dlt(Source("shop", "dlt", (Stream("things"),), options=said), Secrets(), tmp_path)

    return write


def staged(reader, folder: Path) -> tuple[list[dict], list[tuple]]:
    """The rows, and the position, reason and record of rejects."""
    (package,) = reader.extract(Extraction(Stream("things")))
    order = StagingOrder(Stream("things"), load_id=7, number=1, first_row=1, folder=folder)
    found = DuckDBStager().stage(package, order)
    rejects = pq.read_table(found.rejects).to_pylist() if found.rejects else []
    rows = pq.read_table(found.file).drop_columns(["_load_id", "_row"]).to_pylist()
    return rows, [(one["_row"], one["reason"], json.loads(one["record"])) for one in rejects]


def test_arguments_carry_secrets(project, tmp_path) -> None:
    reader = project("yield {'token': token}", arguments={"token": "secret://key"})

    assert staged(reader, tmp_path / "staged") == ([{"token": "token-51"}], [])


def test_tables_of_arrow_are_packages_as_they_are(project, tmp_path) -> None:
    reader = project("import pyarrow; yield pyarrow.table({'n': [1, 2]})")

    assert staged(reader, tmp_path / "staged") == ([{"n": 1}, {"n": 2}], [])


@pytest.mark.parametrize(
    ("bad", "reason", "record"),
    [
        (r"{'a': '\ud800'}", "not JSON", r'{"a": "\ud800"}'),
        (r"{('a',): '\ud800'}", "not an object", "a dict that has no form in JSON"),
    ],
)
def test_a_record_that_cannot_be_written_is_set_aside(project, tmp_path, bad, reason, record) -> None:
    reader = project(f"yield from [{{'a': 'b'}}, {bad}, {{'a': 'c'}}]")

    rows, rejects = staged(reader, tmp_path / "staged")

    assert rows == [{"a": "b"}, {"a": "c"}]
    assert rejects == [(2, reason, record)]


def test_what_does_not_answer_is_unavailable(project) -> None:
    with pytest.raises(SourceUnavailable, match=r"shop: .*nobody there"):
        list(project("yield {'a': 1}; raise ConnectionError('nobody there')").extract(Extraction(Stream("things"))))


def test_what_fails_otherwise_is_refused(project) -> None:
    with pytest.raises(SourceRefused, match=r"shop: .*no such page"):
        list(project("yield {'a': 1}; raise RuntimeError('no such page')").extract(Extraction(Stream("things"))))


@pytest.mark.parametrize("named", ["no_such_module:things", "json:no_such_function", "json:dumps"])
def test_a_function_that_cannot_be_called_is_refused(project, named) -> None:
    with pytest.raises(SourceRefused, match=f"shop: {named} cannot be opened"):
        list(project("yield", source=named).extract(Extraction(Stream("things"))))
