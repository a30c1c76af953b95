"""What a query that was run reads and leaves, told in names of datasets and without a value."""

from __future__ import annotations

import pytest

from lockgate.app.told_queries import Known, ReadQuery, read_queries
from lockgate.core.lineage import LineageNode, NodeKind, Reading
from lockgate.core.lineage_event import DatasetName, FieldRead
from lockgate.core.relation import Relation


def named(relation):
    return DatasetName("here", str(relation))


RAW, OTHER = named("raw.users"), named("elsewhere.notes")
KNOWN = Known({Relation("raw", "users"): ("id", "name", "deleted")}, named)


def read(sql, dialect="duckdb", name="out") -> ReadQuery:
    node = LineageNode(name, NodeKind.MODEL, ("made", name), sql=sql, dialect=dialect)
    return read_queries([node], KNOWN).get(name, ReadQuery())


def test_values_and_filters_are_told_apart():
    found = read("select id as user_id, upper(name) as name from raw.users where not deleted")

    assert found.reads == (RAW,)
    assert found.columns == ("user_id", "name")
    assert set(found.fields) == {
        FieldRead("user_id", RAW, "id", Reading.DIRECT),
        FieldRead("name", RAW, "name", Reading.DIRECT),
        FieldRead("", RAW, "deleted", Reading.FILTER),
    }


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "spark"])
def test_values_are_taken_out_of_sql_and_lengths_of_types_stay(dialect):
    sql = "select cast(id as decimal(12, 2)) as id from raw.users where name = 'Ada' and id > 41 -- Ada again"

    found = read(sql, dialect).sql

    assert "Ada" not in found
    assert "41" not in found
    assert found.count("?") == 2
    assert "12, 2" in found


@pytest.mark.parametrize(
    ("dialect", "written"),
    [
        ("postgres", "$$Ada$$, E'Ada', x'ADA1', U&'Ada', N'Ada', b'101', array['Ada'], name::jsonb -> 'Ada'"),
        ("duckdb", "$$Ada$$, {'k': 'Ada'}, map {'Ada': 1}, ['Ada'], name -> '$.Ada', date '2024-01-31'"),
        ("spark", "\"Ada\", x'ADA1', r'Ada', 41L, interval '41' day"),
        ("bigquery", "r'Ada', b'Ada', \"Ada\", '''Ada''', struct('Ada' as k), timestamp '2024-01-31 00:00:00'"),
    ],
)
def test_values_are_taken_out_however_they_are_written(dialect, written):
    found = read(f"select {written} from raw.users", dialect).sql

    assert found
    assert [value for value in ("Ada", "ADA1", "101", "41", "2024") if value in found] == []


def test_a_database_before_names_and_other_capitals_mean_the_same_relation():
    found = read('select ID from "warehouse".RAW.Users')

    assert found.reads == (RAW,)


def test_a_star_is_told_by_the_columns_behind_it():
    found = read("select * from raw.users")

    assert found.columns == ("id", "name", "deleted")
    assert [one.field for one in found.fields] == ["deleted", "id", "name"]


def test_a_name_of_the_query_itself_is_no_dataset():
    found = read("with u as (select * from raw.users) select id from u")

    assert found.reads == (RAW,)
    assert found.fields == (FieldRead("id", RAW, "id", Reading.DIRECT),)


def test_a_relation_that_nobody_declared_is_told_by_its_name():
    found = read("select u.id, n.text from raw.users u join elsewhere.notes n on n.user_id = u.id")

    assert found.reads == (OTHER, RAW)
    assert FieldRead("text", OTHER, "text", Reading.DIRECT) in found.fields
    assert FieldRead("", OTHER, "user_id", Reading.JOIN) in found.fields


def test_a_query_is_read_through_the_one_before_it():
    first = LineageNode("first", NodeKind.MODEL, ("made", "first"), sql="select id from raw.users", dialect="duckdb")
    second = LineageNode(
        "second",
        NodeKind.MODEL,
        ("made", "second"),
        sql="select * from made.first",
        parents=("first",),
        dialect="duckdb",
    )

    found = read_queries([first, second], KNOWN)["second"]

    assert found.reads == (named("made.first"),)
    assert found.fields == (FieldRead("id", named("made.first"), "id", Reading.DIRECT),)


@pytest.mark.parametrize("sql", ["", "  ", "select ((", "this is no SQL at all ;;"])
def test_what_cannot_be_read_is_left_out(sql):
    assert read(sql) == ReadQuery()


def test_a_seed_that_has_no_query_is_one_that_others_read():
    seed = LineageNode("seed", NodeKind.SEED, ("made", "codes"), dialect="duckdb")
    model = LineageNode("model", NodeKind.MODEL, ("made", "m"), sql="select code from made.codes", dialect="duckdb")

    found = read_queries([seed, model], KNOWN)

    assert set(found) == {"model"}
    assert found["model"].fields == (FieldRead("code", named("made.codes"), "code", Reading.DIRECT),)
