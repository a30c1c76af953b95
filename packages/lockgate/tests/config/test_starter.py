"""Whatever was found, however it is called, becomes a project without problems, in words one can go on from."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.config import load_project
from lockgate.config.names import column_fault
from lockgate.config.rules import load_rule_set
from lockgate.config.starter import starter_files
from lockgate.core.discovery import FoundSource, FoundTable
from lockgate.core.project import Project
from lockgate.core.relation import Column, Relation
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import SourceRefused


def written(folder: Path, *sources: FoundSource) -> Project:
    """The project that the files of a start make; its rule sets are read too."""
    for name, text in starter_files(folder, sources).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    project = load_project(folder)
    for entity in project.entities.values():
        load_rule_set(entity.implementations["rules"].path, file="rules.yml")
    return project


def columns(**types: str) -> tuple[Column, ...]:
    return tuple(Column(name, ColumnType.parse(type_)) for name, type_ in types.items())


def test_a_table_becomes_a_stream_and_an_entity_with_its_types_and_key(tmp_path):
    found = FoundTable(
        "orders", columns(id="bigint", total="numeric(12,2)"), ("id",), 7, {"path": "orders.csv", "null": ["", "NA"]}
    )

    project = written(tmp_path, FoundSource("data", "csv", (found,), {"path": str(tmp_path / "data")}))

    (stream,) = project.sources["data"].streams
    entity = project.entities["orders"]
    assert (stream.key, stream.columns) == (("id",), found.columns)
    assert stream.options == {"path": "orders.csv", "null": ["", "NA"]}
    assert project.sources["data"].options == {"path": str(tmp_path / "data")}
    assert "    path: data\n" in (tmp_path / "lockgate.yml").read_text(encoding="utf-8")
    assert (entity.contract.columns, entity.contract.key) == (found.columns, ("id",))
    assert project.relations() == (Relation("raw", "orders"),)


def test_names_are_made_plain_and_different(tmp_path):
    odd = FoundTable(
        "Größe & Maß!",
        columns(**{"Größe (m)": "double", "ID": "bigint", "名前": "text", "grosse_m": "text"}),
        ("ID",),
        1,
    )
    same = FoundTable("grosse-mass", columns(order="bigint"), ("order",), 1)

    project = written(tmp_path, FoundSource("2024", "csv", (odd, same), {"path": "/data"}))

    assert list(project.sources) == ["source_2024"]
    assert list(project.entities) == ["grosse_mass", "grosse_mass_2"]
    assert project.entities["grosse_mass"].contract.names == ("grosse_m_2", "id", "column_3", "grosse_m")
    assert [column.name for column in project.sources["source_2024"].streams[0].columns] == [
        "Größe (m)",
        "ID",
        "名前",
        "grosse_m",
    ]
    assert '"\\"order\\" is not null"' in (tmp_path / "rules/grosse_mass_2.yml").read_text(encoding="utf-8")


def test_a_table_without_a_key_is_loaded_and_it_is_said_what_to_do(tmp_path):
    events = FoundTable("events", columns(at="timestamptz", what="text"), (), 1234)

    project = written(tmp_path, FoundSource("data", "csv", (events,), {"path": "/data"}))

    assert project.entities == {}
    assert [stream.name for stream in project.sources["data"].streams] == ["events"]
    assert "events: no key was found, since no few columns tell its 1,234 rows apart" in (
        tmp_path / "lockgate.yml"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [{}, {"path": "empty.csv"}], ids=str)
def test_a_table_without_columns_makes_a_project_all_the_same(tmp_path, options):
    table = FoundTable("empty", (), (), 0, options)

    project = written(tmp_path, FoundSource("data", "csv", (table,), {"path": "/data"}))

    (stream,) = project.sources["data"].streams
    assert (stream.name, stream.columns) == ("empty", ())


def test_without_sources_there_is_a_project_to_begin_with(tmp_path):
    project = written(tmp_path)

    assert (project.sources, project.entities) == ({}, {})


def test_a_column_that_no_database_can_have_is_refused(tmp_path):
    table = FoundTable("t", columns(_row="bigint"), ("_row",), 1)

    with pytest.raises(SourceRefused, match="t, column 1: the column name '_row' belongs to Lockgate"):
        starter_files(tmp_path, [FoundSource("s", "csv", (table,), {"path": "/data"})])


@pytest.mark.parametrize("name", ["true", "null", "on", "y"])
def test_a_name_that_yaml_reads_as_something_else_stays_a_name(tmp_path, name):
    table = FoundTable(name, columns(id="bigint"), ("id",), 1)
    (tmp_path / name).mkdir()

    project = written(tmp_path / name, FoundSource(name, "csv", (table,), {"path": "/data"}))

    assert (project.name, list(project.sources), list(project.entities)) == (name, [name], [name])


names = st.text(min_size=1, max_size=30)
paths = names.filter(lambda name: "\0" not in name)
column_names = st.lists(
    names.filter(lambda name: column_fault(name) is None), min_size=1, max_size=6, unique_by=str.casefold
)


@st.composite
def tables(draw):
    found = tuple(Column(name, ColumnType(draw(st.sampled_from(Kind)))) for name in draw(column_names))
    key = draw(st.lists(st.sampled_from([column.name for column in found]), max_size=2, unique=True))
    return FoundTable(draw(names), found, tuple(key), draw(st.integers(0, 10)), {"path": draw(paths)})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(names, st.lists(tables(), min_size=1, max_size=3)), max_size=3))
def test_any_names_make_a_project_without_problems(found):
    sources = [FoundSource(name, "csv", tuple(of_it), {"path": "/data"}) for name, of_it in found]

    with tempfile.TemporaryDirectory() as folder:
        project = written(Path(folder), *sources)

    assert [
        column.name for source in project.sources.values() for stream in source.streams for column in stream.columns
    ] == [column.name for source in sources for table in source.tables for column in table.columns]
    assert len(project.entities) == sum(bool(table.key) for source in sources for table in source.tables)
