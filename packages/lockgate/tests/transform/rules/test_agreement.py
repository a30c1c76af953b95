"""The same rows whatever runs the rules: random rows on DuckDB, on PostgreSQL, on Spark, and as records in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.config.rules import parse_rule_set
from lockgate.core.relation import Relation
from lockgate.transform.rules.program import Catalog
from lockgate.transform.rules.query import outcomes_query
from lockgate.transform.rules.record_program import RecordProgram
from lockgate.transform.rules.records import transform_records

RAW, TEAMS = Relation("raw", "people"), Relation("raw", "teams")
COLUMNS = {
    "id": "bigint",
    "name": "text",
    "cost": "text",
    "born": "text",
    "seen": "text",
    "team": "text",
    "rank": "integer",
}
TEAM_COLUMNS = {"code": "text", "title": "text", "size": "integer"}
RULES = """
entity: people
from: raw.people
rules:
  - name: given
    validate: {that: id is not null, reason: id missing}
  - name: tidy
    derive:
      name: nullif(trim(upper(name)), '')
      code: lower(left(trim(team), 2)) || '-' || coalesce(rank::text, '?')
      fifth: rank / 5 * 100 % 7
      ratio: cast(rank as numeric(10,0)) / 7
      part: substring(name from rank for 3)
  - name: read
    cast:
      cost: {type: "numeric(6,2)", reason: cost}
      born: {type: date, formats: [YYYY-MM-DD, DD/MM/YYYY, YYYYMMDD], reason: born}
      seen: timestamptz
  - name: shown
    filter: {where: "name not like 'X%' or name is null"}
  - name: known
    lookup: {in: raw.teams, on: {team: code}, take: {title: title, size: size}, order: [size desc], default: {size: -1}}
  - name: level
    lookup: {on: title, take: level, map: {a: low, "": none, é: high}, default: unknown}
  - name: free
    default: {cost: 0, born: {sql: seen::date}}
  - name: later
    derive: {born: born + rank, twice: cost * 2 - size, yearly: extract(year from born)}
  - name: newest
    deduplicate: {key: [id], order: [seen desc, cost nulls first, name]}
  - name: namesake
    deduplicate: {key: [name, level], order: [born]}
output: [id, name, code, fifth, ratio, part, cost, born, seen, title, size, level, twice, yearly]
"""
BLANKS = " \t\n\v\f\r\u00a0"
LETTERS = st.sampled_from([*"aAbBxX-é ", *BLANKS, "ß", "Ñ", "ı", "\u0301", "🤦", "\u212a", "%", "_", "'", "\\"])
WORDS = st.one_of(st.none(), st.text(LETTERS, max_size=6))
NUMERIC = st.one_of(
    st.none(),
    st.sampled_from(["", "-", ".5", "5.", "1e3", " 1", "NaN", "+1", "9999.994", "9999.995", "-0.005", "0.005"]),
    st.decimals(-10_000, 10_000, places=4).map(lambda number: f"{number:f}"),
)
DAYS = st.one_of(
    st.none(),
    st.dates().map(lambda day: day.isoformat()),
    st.dates().map(lambda day: f"{day.day:02}/{day.month:02}/{day.year:04}"),
    st.builds(lambda y, m, d: f"{y:04}-{m:02}-{d:02}", st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32)),
    st.builds(lambda y, m, d: f"{y:04}{m:02}{d:02}", st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32)),
    st.sampled_from(["", "today", "2024-1-1", "29/02/2023", "29/02/2024"]),
)
INSTANTS = st.one_of(
    st.none(),
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.isoformat() + "Z"),  # noqa: DTZ001
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.isoformat() + "+05:30"),  # noqa: DTZ001
    st.sampled_from(["", "now", "2024-01-01", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00"]),
)
SMALL = st.one_of(st.none(), st.integers(-12, 12), st.sampled_from([2**31 - 1, -(2**31)]))
ROW = st.tuples(
    st.one_of(st.none(), st.integers(1, 5)),
    WORDS,
    NUMERIC,
    DAYS,
    INSTANTS,
    st.sampled_from(["a", "b", "", None]),
    SMALL,
)
TEAM = st.tuples(st.sampled_from(["a", "b", "", None]), st.sampled_from(["a", "", "é", None]), SMALL)


def written(rows) -> list[list[str | None]]:
    return [[None if value is None else str(value) for value in row] for row in rows]


def plain(row) -> dict:
    """A row so that equal ones are equal: instants in UTC, decimals with their digits."""
    return {name: _plain(value) for name, value in row.items()}


def _plain(value):
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    return str(value) if isinstance(value, Decimal | UUID) else value


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, max_size=25), teams=st.lists(TEAM, max_size=6))
def test_duckdb_postgres_and_records_agree_on_every_row(
    duckdb_engine, postgres_engine, open_memory, tools, rows, teams
):
    rule_set = parse_rule_set(RULES, file="people.yml")
    columns, team_columns = tools.columns_of(COLUMNS), tools.columns_of(TEAM_COLUMNS)
    numbered = (*columns, *tools.columns_of({"_row": "bigint"}))
    catalog = Catalog(((RAW, numbered), (TEAMS, team_columns)))
    found = []
    for engine in (duckdb_engine, postgres_engine):
        tools.load(engine, RAW, numbered, written([*row, number] for number, row in enumerate(rows, 1)))
        tools.load(engine, TEAMS, team_columns, written(teams))
        outcomes = tools.fetch(engine, outcomes_query(rule_set, catalog, engine.dialect))
        found.append([plain(row) for row in sorted(outcomes, key=lambda row: row["_row"])])
    records = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    context = {TEAMS: tools.table(team_columns, teams)}
    in_memory = transform_records(rule_set, records, open_memory(), catalog=catalog, context=context)
    found.append([plain(row) for row in in_memory.to_pylist()])

    assert len(found[0]) == len(rows)
    assert found[0] == found[1]
    assert found[0] == found[2]


def gathered(values, count: int) -> list:
    """So many random values, the same ones every time: for Spark, whose statements take long whatever they do."""
    found: list = []

    @settings(max_examples=count, deadline=None, derandomize=True, database=None)
    @given(value=values)
    def gather(value):
        found.append(value)

    gather()
    return found


@pytest.mark.slow
def test_spark_agrees_with_duckdb_on_every_row(duckdb_engine, spark_engine, tools):
    rule_set = parse_rule_set(RULES, file="people.yml")
    columns, team_columns = tools.columns_of({**COLUMNS, "_row": "bigint"}), tools.columns_of(TEAM_COLUMNS)
    catalog = Catalog(((RAW, columns), (TEAMS, team_columns)))
    days = ("9999", "0001")  # near the first and the last that Python has
    rows = [row for row in gathered(ROW, 1500) if not any(year in (row[3] or "") for year in days)]
    teams = gathered(TEAM, 20)
    found = []
    for engine in (duckdb_engine, spark_engine):
        tools.load(engine, RAW, columns, written([*row, number] for number, row in enumerate(rows, 1)))
        tools.load(engine, TEAMS, team_columns, written(teams))
        outcomes = tools.fetch(engine, outcomes_query(rule_set, catalog, engine.dialect))
        found.append([plain(row) for row in sorted(outcomes, key=lambda row: row["_row"])])

    assert len(found[0]) == len(rows)
    assert {row["_outcome"] for row in found[0]} == {"ok", "rejected", "filtered", "duplicate"}
    assert [pair for pair in zip(*found, strict=True) if pair[0] != pair[1]] == []


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(st.lists(ROW, max_size=4), max_size=6), teams=st.lists(TEAM, max_size=6))
def test_requests_answered_at_once_agree_with_each_answered_alone(open_memory, tools, requests, teams):
    rule_set = parse_rule_set(RULES, file="people.yml")
    team_columns = tools.columns_of(TEAM_COLUMNS)
    catalog = Catalog(((RAW, tools.columns_of(COLUMNS)), (TEAMS, team_columns)))
    context = {TEAMS: tools.table(team_columns, teams)}
    records = [[dict(zip(COLUMNS, row, strict=True)) for row in rows] for rows in requests]

    memory = open_memory()
    program = RecordProgram(rule_set, memory, catalog=catalog, context=context)
    at_once = [rows.drop_columns(["_row"]).to_pylist() for rows in program.outcomes(records)]
    memory.close()

    alone = [transform_records(rule_set, rows, open_memory(), catalog=catalog, context=context) for rows in records]
    assert program.is_apart
    assert at_once == [rows.drop_columns(["_row"]).to_pylist() for rows in alone]


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, max_size=25), shuffled=st.randoms())
def test_the_order_in_which_rows_come_changes_no_result(duckdb_engine, tools, rows, shuffled):
    rule_set = parse_rule_set(RULES, file="people.yml")
    columns, team_columns = tools.columns_of(COLUMNS), tools.columns_of(TEAM_COLUMNS)
    catalog = Catalog(((RAW, columns), (TEAMS, team_columns)))
    tools.load(duckdb_engine, TEAMS, team_columns, [])
    found = []
    for arranged in (rows, shuffled.sample(rows, len(rows))):
        tools.load(duckdb_engine, RAW, columns, written(arranged))
        outcomes = tools.fetch(duckdb_engine, outcomes_query(rule_set, catalog, "duckdb"))
        kept = [row for row in outcomes if row["_outcome"] == "ok"]
        found.append(sorted(repr({name: row[name] for name in rule_set.output}) for row in kept))

    assert found[0] == found[1]


TARGETS = [
    "bigint",
    "smallint",
    "numeric(5,2)",
    "numeric(38,20)",
    "boolean",
    "date",
    "timestamptz",
    "timestamp",
    "uuid",
    "double",
]
TEXTS = st.one_of(
    st.text(st.sampled_from("0123456789+-.:/TZeEtruefalsyno \n٣"), max_size=14),
    NUMERIC.filter(bool),
    DAYS.filter(bool),
    INSTANTS.filter(bool),
    st.uuids().map(str),
    st.floats().map(repr),
    st.integers(-(2**70), 2**70).map(str),
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=1, max_size=20))
def test_engines_read_the_same_texts_as_the_same_values(duckdb_engine, postgres_engine, tools, texts):
    found = [values_read(engine, tools, texts) for engine in (duckdb_engine, postgres_engine)]

    assert found[0] == found[1]


@pytest.mark.slow
def test_spark_reads_the_same_texts_as_the_same_values(duckdb_engine, spark_engine, tools):
    texts = gathered(TEXTS, 2000)

    found = [values_read(engine, tools, texts) for engine in (duckdb_engine, spark_engine)]

    assert all(len({row[f"c{number}"] for row in found[0]}) > 1 for number in range(len(TARGETS)))
    assert [pair for pair in zip(*found, strict=True) if pair[0] != pair[1]] == []


def values_read(engine, tools, texts) -> list[dict]:
    """What an engine reads in texts, as each of the target types."""
    casts = "\n".join(f"      c{number}: cast(a as {target})" for number, target in enumerate(TARGETS))
    names = [f"c{number}" for number in range(len(TARGETS))]
    rules = f"entity: texts\nfrom: raw.texts\nrules:\n  - derive:\n{casts}\noutput: [n, {', '.join(names)}]\n"
    rule_set, raw = parse_rule_set(rules, file="t.yml"), Relation("raw", "texts")
    columns = tools.columns_of({"n": "integer", "a": "text"})
    tools.load(engine, raw, columns, [[str(number), text] for number, text in enumerate(texts)])
    outcomes = tools.fetch(engine, outcomes_query(rule_set, Catalog(((raw, columns),)), engine.dialect))
    return [plain(row) for row in sorted(outcomes, key=lambda row: row["n"])]
