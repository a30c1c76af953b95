"""Real engines to run rules on: DuckDB in memory, one database of the real PostgreSQL a module, and local Spark."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from urllib.parse import urlsplit
from uuid import uuid4

import pyarrow as pa
import pytest
from sqlglot import exp

from lockgate.core.arrow import arrow_schema
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import sql_type
from lockgate.core.types import ColumnType, Kind


class DuckDB:
    """DuckDB in memory."""

    dialect = "duckdb"

    def __init__(self) -> None:
        import duckdb

        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'America/New_York'")

    def run(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple]:
        cursor = self._connection.execute(sql, list(parameters))
        return cursor.fetchall() if cursor.description else []

    def placeholder(self) -> str:
        return "?"

    def close(self) -> None:
        self._connection.close()


class Postgres:
    """One database of a real PostgreSQL."""

    dialect = "postgres"

    def __init__(self, url: str) -> None:
        import psycopg

        self.url = url
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("SET TIME ZONE 'America/New_York'")
        self._connection.execute("SET DateStyle = 'ISO, DMY'")

    def run(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple]:
        # Without parameters, % is no placeholder.
        cursor = self._connection.execute(sql, list(parameters) or None)
        return cursor.fetchall() if cursor.description else []

    def placeholder(self) -> str:
        return "%s"

    def close(self) -> None:
        self._connection.close()


class Spark:
    """A session of its own on the one local Spark."""

    dialect = "spark"

    def __init__(self, session) -> None:
        self.session = session.newSession()
        self.session.conf.set("spark.sql.session.timeZone", "America/New_York")

    def run(self, sql: str) -> list[tuple]:
        return [tuple(row.values()) for row in self.arrow(sql).to_pylist()]

    def arrow(self, sql: str) -> pa.Table:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.session.sql(sql).toArrow()

    def view(self, name: str, names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
        """Texts under a name."""
        columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(len(names))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.session.createDataFrame(pa.table(columns, list(names))).createOrReplaceTempView(name)

    def typed(self, text: str, type_: ColumnType) -> str:
        """A column of texts as another type; UUIDs are texts in lower case here."""
        return f"lower({text})" if type_.kind is Kind.UUID else f"CAST({text} AS {sql_type(type_).sql('spark')})"

    def load(self, relation: Relation, columns: Sequence[Column], rows: Sequence[Sequence[str | None]]) -> None:
        """Makes the relation anew from values written as text."""
        self.run(f"CREATE SCHEMA IF NOT EXISTS {relation.schema}")
        self.run(f"DROP TABLE IF EXISTS {relation.schema}.{relation.name}")
        self.view("given", [f"v{place}" for place in range(len(columns))], rows)
        typed = ", ".join(
            f"{self.typed(f'v{place}', column.type)} AS `{column.name}`" for place, column in enumerate(columns)
        )
        self.run(f"CREATE TABLE {relation.schema}.{relation.name} AS SELECT {typed} FROM given")
        self.session.catalog.dropTempView("given")


class BigQuery:
    """A stand-in for BigQuery, asked by Google's client: it is ours, and no BigQuery."""

    dialect = "bigquery"

    def __init__(self, api) -> None:
        from google.cloud import bigquery
        from google.oauth2.service_account import Credentials

        scopes = ["https://www.googleapis.com/auth/bigquery"]
        credentials = Credentials.from_service_account_info(api.service_account(), scopes=scopes)
        options = {"api_endpoint": api.url}
        self._client = bigquery.Client(project=api.project, credentials=credentials, client_options=options)
        self._client.create_dataset("raw")

    def run(self, sql: str) -> list[tuple]:
        job = self._client.query(sql, job_retry=None)
        return [tuple(row.values()) for row in job.result(timeout=60, job_retry=None)]

    def load(self, relation: Relation, columns: Sequence[Column], rows: Sequence[Sequence[str | None]]) -> None:
        """Makes the relation anew from values written as text; UUIDs are texts in lower case here."""
        selected = []
        for place, column in enumerate(columns):
            cast = exp.cast(exp.column(f"v{place}"), sql_type(column.type))
            text = f"LOWER(v{place})" if column.type.kind is Kind.UUID else cast.sql("bigquery")
            selected.append(f"{text} AS {exp.to_identifier(column.name, quoted=True).sql('bigquery')}")
        texts = [[exp.Literal.string(v) if v is not None else exp.null() for v in row] for row in rows]
        given = " UNION ALL ".join(
            "SELECT " + ", ".join(f"CAST({v.sql('bigquery')} AS STRING) AS v{place}" for place, v in enumerate(row))
            for row in texts
        )
        name = f"{relation.schema}.{relation.name}"
        self.run(f"CREATE OR REPLACE TABLE {name} AS SELECT {', '.join(selected)} FROM ({given})")

    def close(self) -> None:
        self._client.close()


def load(engine, relation: Relation, columns: Sequence[Column], rows: Sequence[Sequence[str | None]]) -> None:
    """Makes the relation anew from values written as text."""
    if isinstance(engine, Spark | BigQuery):
        engine.load(relation, columns, rows)
        return
    engine.run(f'CREATE SCHEMA IF NOT EXISTS "{relation.schema}"')
    engine.run(f'DROP TABLE IF EXISTS "{relation.schema}"."{relation.name}"')
    types = [sql_type(column.type).sql(engine.dialect) for column in columns]
    names = [exp.to_identifier(column.name, quoted=True).sql(engine.dialect) for column in columns]
    named = ", ".join(f"{name} {type_}" for name, type_ in zip(names, types, strict=True))
    engine.run(f'CREATE TABLE "{relation.schema}"."{relation.name}" ({named})')
    mark = engine.placeholder()
    line = "(" + ", ".join(f"CAST(CAST({mark} AS TEXT) AS {type_})" for type_ in types) + ")"
    for start in range(0, len(rows), 500):
        some = rows[start : start + 500]
        values = ", ".join([line] * len(some))
        engine.run(
            f'INSERT INTO "{relation.schema}"."{relation.name}" VALUES {values}', [v for row in some for v in row]
        )


def columns_of(types: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, ColumnType.parse(type_)) for name, type_ in types.items())


def fetch(engine, query: exp.Expr) -> list[dict[str, object]]:
    """The rows of a query, as mappings."""
    names = [expression.alias_or_name for expression in query.selects]
    return [dict(zip(names, row, strict=True)) for row in engine.run(query.sql(engine.dialect, comments=False))]


@pytest.fixture(scope="module")
def duckdb_engine() -> Iterator[DuckDB]:
    engine = DuckDB()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def postgres_engine(postgres_server) -> Iterator[Postgres]:
    import psycopg

    name = f"rules_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        engine = Postgres(urlsplit(postgres_server)._replace(path=f"/{name}").geturl())
        yield engine
        engine.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def open_memory(request):
    """Opens a memory of that kind; a program has one of its own."""
    from lockgate.adapters.records.duckdb import DuckDBMemory
    from lockgate.adapters.warehouses.postgres import open_postgres

    if request.param == "duckdb":
        yield DuckDBMemory
        return
    warehouse = open_postgres("main", request.getfixturevalue("postgres_engine").url, clock=None)
    yield warehouse.memory
    warehouse.close()


@pytest.fixture(scope="module")
def spark_engine(spark_session) -> Spark:
    return Spark(spark_session)


@pytest.fixture(scope="module")
def bigquery_engine() -> Iterator[BigQuery]:
    from lockgate.sandbox.bigquery_api import BigQueryApi

    with BigQueryApi() as api:
        engine = BigQuery(api)
        yield engine
        engine.close()


@pytest.fixture(params=["duckdb", "postgres", pytest.param("spark", marks=pytest.mark.slow)])
def engine(request):
    return request.getfixturevalue(f"{request.param}_engine")


class EngineWorkshop:
    """A workshop straight on an engine: the schema `workshop`, without roles or files of its own."""

    name = "workshop"

    def __init__(self, engine, relations: Mapping[Relation, tuple[Column, ...]]) -> None:
        self._engine, self._relations, self.dialect = engine, relations, engine.dialect
        engine.run("DROP SCHEMA IF EXISTS workshop CASCADE")
        engine.run("CREATE SCHEMA workshop")

    def build(self, name: str, query: exp.Expr) -> int:
        self._engine.run(f"DROP TABLE IF EXISTS workshop.{name}")
        self._engine.run(f"CREATE TABLE workshop.{name} AS {query.sql(self.dialect)}")
        return self._engine.run(f"SELECT count(*) FROM workshop.{name}")[0][0]

    def read_bytes(self) -> None:
        return None

    def query(self, query: exp.Expr) -> pa.Table:
        return pa.Table.from_pylist(fetch(self._engine, query))

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        return self._relations.get(relation, ())


def table(columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> pa.Table:
    """Rows in memory, with the columns' types."""
    names = [column.name for column in columns]
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], arrow_schema(tuple(columns)))


@pytest.fixture(scope="session")
def tools():
    """What this file has for tests, as `tools.load` and so on."""
    return SimpleNamespace(load=load, fetch=fetch, columns_of=columns_of, table=table, workshop=EngineWorkshop)
