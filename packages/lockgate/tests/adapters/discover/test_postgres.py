"""A database tells its readable tables with types and keys; a password never gets into the project."""

from __future__ import annotations

import psycopg
import pytest

from lockgate.adapters.discover.postgres import found_database
from lockgate.core.relation import Column
from lockgate.core.types import ColumnType
from lockgate.errors import SourceRefused, SourceUnavailable

TABLES = """
    create schema sales;
    create table public.users (
        tenant int, id bigint, email varchar(100) not null unique, cost numeric(12, 2), at timestamp(3) with time zone,
        tags text[], more jsonb, mood inet, flag bool, code char(2), primary key (id, tenant)
    );
    insert into users select 1, n, n || '@x', 1.5, now(), '{a}', '{}', '::1', true, 'de' from generate_series(1, 5) n;
    create table sales."Order Lines" (order_id int, line int, gone int, sku text);
    alter table sales."Order Lines" drop column gone;
    insert into sales."Order Lines" values (1, 1, 'a'), (1, 2, 'a'), (2, 1, 'b');
    create view sales.totals as select sku, count(*) as lines from sales."Order Lines" group by sku;
    create table sales.parts (id int primary key, region text) partition by range (id);
    create table sales.parts_1 partition of sales.parts for values from (1) to (10);
"""


@pytest.fixture
def database(postgres_url) -> str:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(TABLES)
    return postgres_url


def test_tables_and_views_are_found_with_declared_or_counted_keys(database):
    source = found_database(database)

    assert [(table.options["table"], table.key, table.rows) for table in source.tables] == [
        ("public.users", ("id", "tenant"), 5),
        ("sales.Order Lines", ("order_id", "line"), 3),
        ("sales.parts", ("id",), 0),
        ("sales.totals", ("sku",), 2),
    ]


def test_types_are_those_of_the_database(database):
    users = found_database(f"{database}::public.users").tables[0]

    types = {
        "tenant": "integer", "id": "bigint", "email": "text", "cost": "numeric(12,2)", "at": "timestamptz",
        "tags": "json", "more": "json", "mood": "text", "flag": "boolean", "code": "text",
    }  # fmt: skip
    assert users.columns == tuple(Column(name, ColumnType.parse(type_)) for name, type_ in types.items())


def test_the_password_stays_a_secret(database):
    source = found_database(database)

    ((name, value),) = source.secrets.items()
    assert source.options == {"url": f"secret://{name}"}
    assert value == database
    assert database.partition("@")[0].rpartition(":")[2] not in repr(source)


def test_a_table_that_is_not_there_is_refused(database):
    with pytest.raises(SourceRefused, match=r"holds no table sales\.gone that may be read"):
        found_database(f"{database}::sales.gone")


def test_a_database_that_is_not_there_is_unavailable():
    with pytest.raises(SourceUnavailable, match="does not answer") as caught:
        found_database("postgresql://me:hunter22@127.0.0.1:1/db")

    assert "hunter22" not in str(caught.value)
