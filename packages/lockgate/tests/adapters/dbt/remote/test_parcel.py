"""What comes back from where dbt ran is unpacked within bounds, and refused by name where it is no archive."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from lockgate.adapters.dbt.remote import parcel, protocol
from lockgate.adapters.dbt.remote.parcel import unpack
from lockgate.adapters.dbt.remote.protocol import lines_of
from lockgate.errors import ExecutorRefused


def archive(name: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"abc"))
    return content.getvalue()


def test_files_of_an_archive_in_pieces_are_written(tmp_path) -> None:
    whole = archive("artifacts/run/a.sql")

    unpack(iter((whole[:100], whole[100:])), tmp_path, strip=1)

    assert (tmp_path / "run" / "a.sql").read_bytes() == b"abc"


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(archive("a"))[:-20], archive("../a"), archive("/a")],
    ids=["nothing", "text", "cut off", "above", "absolute"],
)
def test_what_is_no_archive_of_ours_is_refused(tmp_path, content) -> None:
    with pytest.raises(ExecutorRefused, match="cannot be unpacked"):
        unpack(content, tmp_path / "folder")

    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_more_than_may_be_is_not_read_to_its_end(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(parcel, "MOST_UNPACKED_BYTES", 1000)
    pieces = iter([b"x" * 600] * 10)

    with pytest.raises(ExecutorRefused, match="more than 1,000 bytes"):
        unpack(pieces, tmp_path)

    assert len(list(pieces)) == 8


def test_a_line_without_end_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(protocol, "MOST_LINE_BYTES", 1000)
    lines = lines_of([b"one\n", b"x" * 600, b"x" * 600])

    assert next(lines) == "one"
    with pytest.raises(ExecutorRefused, match="a line of more than 1,000 bytes"):
        next(lines)
