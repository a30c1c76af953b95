"""References as people write them: what they mean, and that no password is ever in a name or an error."""

from __future__ import annotations

import duckdb
import pytest

from lockgate.adapters.relations.references import (
    FileReference,
    TableReference,
    in_target,
    opened,
    reference,
    shown_address,
    split,
)
from lockgate.core.relation import Relation
from lockgate.errors import AccessRefused, CapabilityMissing, ComparisonInvalid, UnknownName

T = Relation("s", "t")


@pytest.mark.parametrize("name", ["people.csv", "a b.parquet", "x::y"])
def test_a_file_that_is_there_is_a_file(tmp_path, name) -> None:
    file = tmp_path / name.replace("::", "--")
    file.touch()

    assert reference(str(file)) == FileReference(str(file), file)


@pytest.mark.parametrize(
    ("written", "relation"),
    [
        ("s.t", T),
        ("t", Relation("main", "t")),
        ('"a.b"."C d"', Relation("a.b", "C d")),
        ('s."漢字"', Relation("s", "漢字")),
    ],
)
def test_a_table_of_a_database_file(tmp_path, written, relation) -> None:
    file = tmp_path / "w.duckdb"
    duckdb.connect(str(file)).close()

    assert reference(f"{file}::{written}") == TableReference(f"{file}::{written}", "duckdb", str(file), relation)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://db/main", "postgresql://db/main"),
        ("postgresql://app:s3cret@db:5432/main", "postgresql://db:5432/main"),
        ("postgres://app:s3cret@[::1]:5432/main", "postgres://[::1]:5432/main"),
        ("postgresql://db/main?password=s3cret&sslmode=require", "postgresql://db/main"),
        ("postgresql://app:s3@cr/et@db/main", "postgresql://db/main"),
        ("postgresql://app:s3cr?et@db/main", "postgresql://…"),
        ("postgresql://db/main?user=a@b&password=s3cret", "postgresql://…"),
        ("postgresql:///main?host=/run/postgresql", "postgresql:///main"),
    ],
)
def test_a_table_at_an_address_is_named_without_what_is_secret(address, shown) -> None:
    named = reference(f"{address}::s.t")

    assert named == TableReference(f"{shown}::s.t", "postgres", address, T)
    assert shown_address(address) == shown


@pytest.mark.parametrize(
    "written",
    [
        "postgresql://app:s3cret@db/main",
        "postgresql://app:s3cret@[::1]:5432/main",
        "postgresql://app:x::s3cret@db/main",
        "postgresql://db/main?password=s3cret",
        "mysql://app:s3cret@db/main::t",
        "host=db password=s3cret::t",
        "postgresql://app:s3cret@db/main::a.b.c",
    ],
)
def test_what_cannot_be_read_is_refused_without_its_password(written) -> None:
    with pytest.raises(ComparisonInvalid) as refused:
        reference(written)

    assert "s3cret" not in refused.value.message + refused.value.remedy


def test_a_colon_in_a_password_is_no_separator() -> None:
    assert split("postgresql://app:a::b@db/main") == ("postgresql://app:a::b@db/main", "")
    assert split('postgresql://app:a::b@db/main::"x@y"') == ("postgresql://app:a::b@db/main", '"x@y"')


def test_a_database_file_that_is_missing_is_told(tmp_path) -> None:
    with pytest.raises(UnknownName, match=r"there is no database file .*gone\.duckdb"):
        reference(f"{tmp_path}/gone.duckdb::t")


def test_what_only_a_project_can_name_is_left_to_it() -> None:
    assert [reference(each) for each in ("people", "people@rules", "main.analytics.people")] == [None, None, None]


def test_a_target_is_where_its_kind_keeps_it(tmp_path) -> None:
    (tmp_path / "catalog.duckdb").touch()
    url = "postgresql://app:s3cret@db/main"

    file = in_target("main.s.t", "duckdb", {"path": str(tmp_path)}, T)
    table = in_target("pg.s.t", "postgres", {"url": url}, T)

    assert (file.location, file.relation) == (str(tmp_path / "catalog.duckdb"), T)
    assert (table.name, table.location) == ("pg.s.t", url)


def test_a_target_without_anything_in_it_and_one_that_is_not_read_are_told(tmp_path) -> None:
    with pytest.raises(UnknownName, match="holds nothing yet"):
        in_target("main.s.t", "duckdb", {"path": str(tmp_path / "none")}, T)
    with pytest.raises(CapabilityMissing, match="'snowflake'"):
        in_target("lake.s.t", "snowflake", {}, T)


def test_an_address_that_cannot_be_read_is_told_without_its_password(tmp_path) -> None:
    with opened(tmp_path, memory_bytes=500_000_000) as opening, pytest.raises(AccessRefused) as refused:
        opening.side(reference("postgresql://app:s3 cret@127.0.0.1:1/main::s.t"))

    assert refused.value.message == "the database's address cannot be read"
    assert "%20" in refused.value.remedy
    assert refused.value.__cause__ is None
