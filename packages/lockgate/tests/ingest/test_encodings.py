"""Loads of text in encodings, named and not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.core.stream import Stream
from lockgate.errors import SourceInconsistent


@pytest.fixture
def house(house):
    house.kind = "csv"
    house.stream = Stream("things", options={"path": "*.csv"})
    (house.folder / "files").mkdir()
    return house


def test_a_load_whose_every_record_is_in_another_encoding_fails_and_lands_once_it_is_named(house) -> None:
    (house.folder / "files/a.csv").write_bytes("id,name\n1,Müller\n2,Zoë\n".encode("latin-1"))

    with pytest.raises(SourceInconsistent, match="none of its 2 records can be read as text") as refused:
        house.load()
    landed = house.landed
    house.stream = replace(house.stream, options={"path": "*.csv", "encoding": "latin-1"})
    house.load()

    assert "`encoding: windows-1252`" in refused.value.remedy
    assert landed == ()
    assert house.statuses == ["failed", "landed"]
    assert house.rows == [{"id": 1, "name": "Müller"}, {"id": 2, "name": "Zoë"}]


def test_a_record_among_others_is_set_aside(house) -> None:
    (house.folder / "files/a.csv").write_bytes(b"id,name\n1,M\xfcller\n")
    (house.folder / "files/b.csv").write_bytes(b"id,name\n2,Ada\n")

    load = house.load()

    assert (load.rows, load.rejected) == (1, 1)
