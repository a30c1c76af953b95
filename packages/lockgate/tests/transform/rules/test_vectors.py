"""Every operator and function of the list, by the vectors in `vectors/`: executed on DuckDB, PostgreSQL and Spark."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from uuid import UUID

import pyarrow.compute as pc
import pytest
from google.api_core.exceptions import GoogleAPICallError
from sqlglot import parse_one

from lockgate.config.yaml_positions import read_yaml
from lockgate.core.relation import Relation
from lockgate.core.types import ColumnType, Kind
from lockgate.transform.rules.language.allowed import NAMES
from lockgate.transform.rules.language.functions import SQL
from lockgate.transform.rules.program import Catalog
from lockgate.transform.rules.query import outcomes_query
from lockgate.transform.rules.rule_set import Derive, Expression, Place, Rule, RuleSet

FOLDER = Path(__file__).parent / "vectors"
VECTORS = [vector for file in sorted(FOLDER.glob("*.yml")) for vector in read_yaml(file, file=file.name).data]
RAW = Relation("raw", "vectors")
PLACE = Place("vectors.yml", 1)
PYTHON: dict[Kind, Callable[[str], object]] = {
    Kind.BOOLEAN: lambda text: text == "true",
    Kind.SMALLINT: int,
    Kind.INTEGER: int,
    Kind.BIGINT: int,
    Kind.NUMERIC: Decimal,
    Kind.DOUBLE: float,
    Kind.TEXT: str,
    Kind.DATE: date.fromisoformat,
    Kind.TIMESTAMP: datetime.fromisoformat,
    Kind.TIMESTAMPTZ: datetime.fromisoformat,
    Kind.UUID: UUID,
}


def rule_set(vector, tools) -> tuple[RuleSet, Catalog]:
    derive = Derive((("result", Expression(vector["expression"], PLACE)),))
    rules = RuleSet("vectors", RAW, (Rule("vector", derive, PLACE),), ("nth", "result"), PLACE, PLACE)
    columns = tools.columns_of({"nth": "integer", **vector["columns"]})
    return rules, Catalog(((RAW, columns),))


def same(value: object) -> object:
    """A value so that equal ones are equal in Python: instants in UTC, decimals with their digits, UUIDs as text."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    return str(value) if isinstance(value, Decimal | UUID) else value


def expected(vector) -> list[object]:
    read = PYTHON[ColumnType.parse(vector["type"]).kind]
    return [None if row[-1] is None else same(read(row[-1])) for row in vector["rows"]]


@pytest.fixture(params=["duckdb", "postgres"])
def engine(request):
    """Spark has a test of its own below: a statement takes it long, whatever it does."""
    return request.getfixturevalue(f"{request.param}_engine")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['expression']} ({', '.join(v['columns'].values())})")
def test_gives_what_the_vector_says(vector, engine, tools):
    rules, catalog = rule_set(vector, tools)
    rows = [[str(number), *row[:-1]] for number, row in enumerate(vector["rows"])]
    tools.load(engine, RAW, catalog.columns(RAW), rows)

    found = tools.fetch(engine, outcomes_query(rules, catalog, engine.dialect))

    assert [same(row["result"]) for row in sorted(found, key=lambda row: row["nth"])] == expected(vector)


# The stand-in holds 20 digits of a BIGNUMERIC before the point and 18 behind it, where BigQuery has 38 and 38.
BEYOND_THE_STAND_IN = {
    ("cast(a as numeric(12,2))", "text"),
    ("cast(a as numeric(38,10))", "text"),
    ("a::bigint", "numeric(38,10)"),
    ("a::numeric(4,2)", "numeric(38,0)"),
    ("a::numeric(37,9)", "numeric(38,10)"),
    ("-12345678901234567890123456789012345.55", "integer"),
    ("'12345678901234567890123456789012345.555'::numeric(38,2)", "integer"),
    ("a > 9999999999999999999999999999999999999", "bigint"),
    ("a * b", "bigint", "bigint"),
    ("a + b - c", "numeric(36,10)", "numeric(36,10)", "numeric(5,0)"),
    ("a * 2.5", "numeric(30,6)"),
    ("a / b", "numeric(20,8)", "numeric(10,4)"),
    ("a / b", "numeric(30,2)", "numeric(5,2)"),
    ("a = b", "bigint", "numeric(38,19)"),
}


def on_the_stand_in(vector, engine, tools) -> None:
    """The vector holds, whatever noughts a decimal ends in: the type has no digits there."""
    rules, catalog = rule_set(vector, tools)
    tools.load(engine, RAW, catalog.columns(RAW), [[str(n), *row[:-1]] for n, row in enumerate(vector["rows"])])

    found = sorted(tools.fetch(engine, outcomes_query(rules, catalog, "bigquery")), key=itemgetter("nth"))

    given, wanted = [same(row["result"]) for row in found], expected(vector)
    if ColumnType.parse(vector["type"]).kind is Kind.NUMERIC:
        given, wanted = ([None if one is None else Decimal(str(one)) for one in each] for each in (given, wanted))
    assert given == wanted


@pytest.mark.slow
@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['expression']} ({', '.join(v['columns'].values())})")
def test_gives_what_the_vector_says_on_a_stand_in_for_bigquery(vector, bigquery_engine, tools):
    if (vector["expression"], *vector["columns"].values()) not in BEYOND_THE_STAND_IN:
        on_the_stand_in(vector, bigquery_engine, tools)
    else:
        with pytest.raises((GoogleAPICallError, AssertionError)):
            on_the_stand_in(vector, bigquery_engine, tools)


KINDS_OF_COLUMNS = list(dict.fromkeys(tuple(vector["columns"].items()) for vector in VECTORS))


@pytest.fixture(scope="module")
def texts(spark_engine):
    """The rows of all vectors as a view of texts on Spark."""
    rows = [
        [str(number), str(nth), *row[:-1], *[None] * (3 - len(row[:-1]))]
        for number, vector in enumerate(VECTORS)
        for nth, row in enumerate(vector["rows"])
    ]
    spark_engine.view("texts", ["vector", "nth", "v0", "v1", "v2"], rows)
    spark_engine.run("CREATE SCHEMA IF NOT EXISTS raw")
    spark_engine.run("CREATE TABLE raw.vector_texts AS SELECT * FROM texts")
    return spark_engine


@pytest.mark.slow
@pytest.mark.parametrize("columns", KINDS_OF_COLUMNS, ids=lambda columns: ", ".join(map(" ".join, columns)))
@pytest.mark.parametrize("ansi", ["true", "false"])
def test_gives_what_the_vectors_say_on_spark(columns, ansi, texts, tools):
    """All vectors over columns of these types at once, each over the others' rows too; dbt takes ANSI mode off."""
    vectors = {number: vector for number, vector in enumerate(VECTORS) if tuple(vector["columns"].items()) == columns}
    derived = tuple((f"r{number}", Expression(vector["expression"], PLACE)) for number, vector in vectors.items())
    output = ("vector", "nth", *(name for name, _ in derived))
    rules = RuleSet("vectors", RAW, (Rule("vectors", Derive(derived), PLACE),), output, PLACE, PLACE)
    typed = tools.columns_of({"vector": "integer", "nth": "integer", **dict(columns)})
    places = ["vector", "nth", "v0", "v1", "v2"]
    selected = ", ".join(
        f"{texts.typed(place, column.type)} AS `{column.name}`" for place, column in zip(places, typed, strict=False)
    )
    listed = ", ".join(map(str, vectors))
    texts.session.conf.set("spark.sql.ansi.enabled", ansi)
    texts.run(
        f"CREATE OR REPLACE VIEW raw.vectors AS SELECT {selected} FROM raw.vector_texts WHERE vector IN ({listed})"
    )

    found = texts.arrow(outcomes_query(rules, Catalog(((RAW, typed),)), "spark").sql("spark")).sort_by("nth")

    own = {number: found.filter(pc.field("vector") == number)[f"r{number}"].to_pylist() for number in vectors}
    given = {number: list(map(same, values)) for number, values in own.items()}
    assert given == {number: expected(vector) for number, vector in vectors.items()}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['expression']} ({', '.join(v['columns'].values())})")
def test_has_the_type_that_the_vector_says(vector, tools):
    from lockgate.transform.rules.binding import bound

    rules, catalog = rule_set(vector, tools)

    assert str(dict(bound(rules, catalog).output)["result"].type) == str(ColumnType.parse(vector["type"]))


@pytest.mark.parametrize("dialect", ["spark", "bigquery"])
def test_is_sql_that_parses(dialect, tools):
    for vector in VECTORS:
        sql = outcomes_query(*rule_set(vector, tools), dialect).sql(dialect)
        again = parse_one(sql, dialect=dialect).sql(dialect)
        assert parse_one(again, dialect=dialect).sql(dialect) == again


def test_every_function_of_the_list_has_a_vector():
    told = " ".join(vector["expression"] for vector in VECTORS)

    assert [name for name in NAMES if f"{name}(" not in told] == []


def test_every_template_is_executed_by_a_vector(tools, monkeypatch):
    from lockgate.transform.rules.language import lowering

    used = set()
    original = lowering.template
    monkeypatch.setattr(lowering, "template", lambda name, dialect: used.add(name) or original(name, dialect))
    for vector in VECTORS:
        outcomes_query.__wrapped__(*rule_set(vector, tools), "duckdb")

    assert set(SQL) - used == {"element", "is_not_true"}
