"""Paths and addresses become sources: files of one folder and kind are one, and what is neither is refused."""

from __future__ import annotations

import pytest

from lockgate.adapters.discover.origins import discover
from lockgate.errors import SourceRefused


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("b.csv", "a.csv"):
        (folder / name).write_text("id\n1\n", encoding="utf-8")
    (folder / "c.ndjson").write_text('{"id": 1}\n', encoding="utf-8")
    (folder / "notes.txt").write_text("not data", encoding="utf-8")
    return folder


def test_a_folder_is_a_source_a_kind(data):
    found = discover([str(data)])

    assert [(source.name, source.kind, [table.name for table in source.tables]) for source in found] == [
        ("data", "csv", ["a", "b"]),
        ("data", "ndjson", ["c"]),
    ]
    assert found[0].options == {"path": str(data)}


def test_a_file_named_twice_is_read_once(data, monkeypatch):
    monkeypatch.chdir(data)

    (source,) = discover(["a.csv", str(data / "a.csv")])

    assert [table.name for table in source.tables] == ["a"]


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("gone.csv", "there is no file"),
        ("notes.txt", "is not a file that is known"),
        ("empty", "holds no file that is known"),
        ("https://example.org/a.csv", "https:// is not looked into"),
    ],
)
def test_anything_else_is_refused(data, monkeypatch, origin, said):
    monkeypatch.chdir(data)
    (data / "empty").mkdir()

    with pytest.raises(SourceRefused, match=said):
        discover([origin])
