"""What BigQuery's adapter says, checked without a service: names, statements, casts, errors."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from importlib.resources import files

import pytest
import sqlglot
from google.api_core import exceptions as google
from sqlglot import exp, parse_one

from lockgate.adapters.warehouses.bigquery import open_bigquery
from lockgate.adapters.warehouses.bigquery.failures import is_lease_lost, translated, translation, without_values
from lockgate.adapters.warehouses.bigquery.names import Names, column_of, field
from lockgate.adapters.warehouses.bigquery.types import bigquery_type, columns_in
from lockgate.adapters.warehouses.bigquery.views import ranges
from lockgate.adapters.warehouses.named_sql import statements
from lockgate.adapters.warehouses.state import View
from lockgate.core.casting import cast_to
from lockgate.core.relation import Column, Relation
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import AccessRefused, OutputInvalid, StatementFailed, TargetBusy, WarehouseUnavailable

PACKAGE = "lockgate.adapters.warehouses.bigquery"
NAMES = Names("my-project", "test_")
# What stands in braces: SQL of the right sort where it is not a table's name.
PARTS = {
    "columns": "`a`", "column": "`a`", "type": "NUMERIC(9, 2)", "counts": "COUNTIF(`a` IS NULL)",
    "values": "`a` AS `a`",
    "bucket": "0", "key": "`a`", "missing": "`a` IS NULL", "paired": "fresh.`a` = kept.`a`", "limit": "100",
    "differing": "fresh.`a` IS DISTINCT FROM kept.`a`", "entity": "'users'", "schema": "'raw'", "stream": "'users'",
    "number": "1", "n": "0", "arm": "0", "lock": "lock_0", "owner": "owner_0", "empty": '{"generation": 0}',
    "query": "SELECT 1 AS `a`", "expires": "'2024-02-29 12:00:00+00:00'",
}  # fmt: skip
# The statements of scripts and of DML and DDL that cloud.google.com/bigquery/docs/reference/standard-sql documents.
DOCUMENTED = (exp.Create, exp.Alter, exp.Insert, exp.Update, exp.Delete, exp.Select, exp.Transaction, exp.Commit)


def _written(name: str, text: str) -> str:
    words = {word: PARTS.get(word, "`my-project`.`data`.`table`") for word in re.findall(r"\{(\w+)\}", text)}
    assert words or "{" not in text, name
    return text.format(**words)


STATEMENTS = statements(PACKAGE, "statements.sql")


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_is_in_the_grammar(name: str) -> None:
    found = sqlglot.parse(_written(name, STATEMENTS[name]), dialect="bigquery")

    for one in found:
        is_assertion = isinstance(one, exp.Alias) and one.this.sql("bigquery").startswith("ASSERT(")
        assert is_assertion or isinstance(one, DOCUMENTED), one
        assert not one.find(exp.Command)


def test_no_statement_has_a_value_in_it() -> None:
    written = files(PACKAGE).joinpath("statements.sql").read_text(encoding="utf-8")

    literals = set(re.findall(r"'([^']*)'", written))

    assert literals == {
        "", "{empty}", "1970-01-01 00:00:00+00", "the state has moved on", "the lease is lost"
    }  # fmt: skip


KINDS = [
    "boolean", "smallint", "integer", "bigint", "numeric", "numeric(12,2)", "numeric(38,0)", "numeric(2,2)", "real",
    "double", "text", "date", "time", "timestamp", "timestamptz", "uuid", "json", "bytes",
]  # fmt: skip


@pytest.mark.parametrize("wanted", KINDS)
def test_every_cast_is_in_the_grammar_and_gives_a_cast_no_precision(wanted: str) -> None:
    texts = []
    for source in KINDS:
        try:
            cast = cast_to(Column("x", ColumnType.parse(wanted)), ColumnType.parse(source), "bigquery")
        except OutputInvalid:
            continue
        texts += [cast.value, cast.refused or "TRUE"]

    for text in texts:
        assert not re.search(r"numeric\s*\(", text)
        for made in parse_one(f"SELECT {text}", dialect="bigquery").find_all(exp.Cast, exp.TryCast):
            assert made.to.this.name in {
                "BIGINT", "BIGDECIMAL", "BINARY", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "TEXT", "TIME", "TIMESTAMP",
                "TIMESTAMPTZ",
            }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("größe", "größe"),
        ("Order", "Order"),
        ('a "b".c', "a_x20__x22_b_x22__x2e_c"),
        ("größe'; --", "größe_x27__x3b__x20__x2d__x2d_"),
        ("`", "_x60_"),
        ("\\", "_x5c_"),
        ("_x22_", "_x5f_x22_"),
        ("1st", "_x31_st"),
        ("_TABLE_SUFFIX", "_x5f_TABLE_SUFFIX"),
        ("_partitiontime", "_x5f_partitiontime"),
        ("_load_id", "_load_id"),
        ("🤦", "_x1f926_"),
    ],
)
def test_a_columns_name_is_spelled_out_and_read_back(name: str, there: str) -> None:
    assert field(name) == there
    assert column_of(there) == name


def test_relations_are_tables_of_datasets_with_the_prefix() -> None:
    assert NAMES.path(Relation("raw", "users")) == "my-project.test_raw.users"
    assert NAMES.quoted(Relation('Größe "raw"', "Ordér 'x'__1")) == (
        "`my-project`.`test_Gr_xf6__xdf_e_x20__x22_raw_x22_`.`Ordér _x27_x_x27___1`"
    )


def test_a_tree_is_written_with_bigquerys_names_and_types() -> None:
    tree = parse_one(
        'WITH "t 1" AS (SELECT u."a.b", CAST(u.x AS DECIMAL(38, 0)) AS n, CAST(u.x AS UUID) AS id FROM raw."u" AS u) '
        'SELECT CAST(n AS TIMESTAMP) FROM "t 1"',
        dialect="postgres",
    )

    assert NAMES.sql(tree) == (
        "WITH `t_x20_1` AS (SELECT `u`.`a_x2e_b`, CAST(`u`.`x` AS BIGNUMERIC) AS `n`, CAST(`u`.`x` AS STRING) AS `id` "
        "FROM `my-project`.`test_raw`.`u` AS `u`) SELECT CAST(`n` AS DATETIME) FROM `t_x20_1`"
    )


@pytest.mark.parametrize(
    ("type_", "there"),
    [
        ("numeric", "NUMERIC(38, 9)"),
        ("numeric(29,0)", "NUMERIC(29, 0)"),
        ("numeric(30,0)", "BIGNUMERIC(30, 0)"),
        ("numeric(12,10)", "BIGNUMERIC(12, 10)"),
        ("smallint", "INT64"),
        ("timestamp", "DATETIME"),
        ("timestamptz", "TIMESTAMP"),
        ("json", "STRING"),
    ],
)
def test_types_are_those_that_hold_every_value(type_: str, there: str) -> None:
    assert bigquery_type(ColumnType.parse(type_)) == there


def test_columns_are_read_from_a_schema() -> None:
    from google.cloud.bigquery import SchemaField

    schema = [
        SchemaField("a_x20_b", "INTEGER"),
        SchemaField("n", "BIGNUMERIC", precision=38, scale=0),
        SchemaField("m", "NUMERIC"),
        SchemaField("list", "STRING", mode="REPEATED"),
        SchemaField("at", "TIMESTAMP"),
        SchemaField("shape", "GEOGRAPHY"),
    ]

    found = {one.name: str(one.type) for one in columns_in(schema)}

    assert found == {
        "a b": "bigint", "n": "numeric(38,0)", "m": "numeric", "list": "json", "at": "timestamptz", "shape": "text"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("view", "granted"),
    [
        (View("s", "t", 1, None, 500), {1: (0, 10_000)}),
        (View("s", "t", None, 2, 10_000), {2: (0, 10_000)}),
        (View("s", "t", 1, 2, 0), {1: (0, 10_000)}),
        (View("s", "t", 1, 2, 10_000), {2: (0, 10_000)}),
        (View("s", "t", 1, 2, 500), {1: (500, 10_000), 2: (0, 500)}),
    ],
)
def test_every_bucket_is_granted_to_one_edition(view: View, granted: dict[int, tuple[int, int]]) -> None:
    assert ranges(view) == granted


def _told(reason: str, message: str) -> list[dict[str, str]]:
    return [{"reason": reason, "message": message}]


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (google.Forbidden("slow", errors=_told("rateLimitExceeded", "slow")), TargetBusy, ""),
        (google.Forbidden("used", errors=_told("quotaExceeded", "used")), AccessRefused, "quota is used up"),
        (google.Forbidden("no", errors=_told("accessDenied", "no")), AccessRefused, "docs/reference/targets.md"),
        (google.Unauthorized("who"), AccessRefused, "docs/reference/targets.md"),
        (google.ServiceUnavailable("later"), WarehouseUnavailable, ""),
        (google.InternalServerError("oh", errors=_told("jobBackendError", "oh")), WarehouseUnavailable, ""),
        (google.BadRequest("stop", errors=_told("stopped", "stop")), StatementFailed, "job_timeout"),
        (
            google.BadRequest("much", errors=_told("bytesBilledLimitExceeded", "much")),
            StatementFailed,
            "maximum_bytes_billed",
        ),
        (
            google.BadRequest("Transaction is aborted due to concurrent update against table p:d.t"),
            TargetBusy,
            "",
        ),
        (google.BadRequest("Assertion failed: the state has moved on"), TargetBusy, ""),
        (google.BadRequest("Assertion failed: the lease is lost"), TargetBusy, ""),
        (google.NotFound("Not found: Table p:d.t"), StatementFailed, ""),
    ],
)
def test_errors_are_told_apart(error: google.GoogleAPICallError, kind: type[Exception], hint: str) -> None:
    found = translation(error)

    assert type(found) is kind
    assert hint in found.remedy


def test_a_lease_that_is_lost_is_told_from_a_conflict() -> None:
    lost = translation(google.BadRequest("the lease is lost"))
    second = translation(google.BadRequest("the state has moved on"))

    assert (is_lease_lost(lost), is_lease_lost(second)) == (True, False)


def test_what_does_not_answer_is_unavailable_and_a_wrong_key_is_refused() -> None:
    from google.auth.exceptions import RefreshError

    with pytest.raises(WarehouseUnavailable, match="did not answer: ConnectionResetError"), translated():
        raise ConnectionResetError
    with pytest.raises(AccessRefused, match="credentials were refused"), translated():
        raise RefreshError("invalid_grant")
    with pytest.raises(WarehouseUnavailable, match="in time"), translated():
        raise google.RetryError("Timeout of 1s exceeded", cause=ConnectionError("reset"))
    with pytest.raises(TargetBusy), translated():
        raise google.RetryError("x", cause=google.Forbidden("slow", errors=_told("rateLimitExceeded", "slow")))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Bad int64 value: 079-12", "Bad int64 value: …"),
        ("Bad double value: x", "Bad double value: …"),
        ("Invalid date: '2023-02-29'", "Invalid date: …"),
        ('Could not cast literal "abc" to type INT64 at [1:13]', "Could not cast literal …"),
        ("Unrecognized name: no_such_column at [1:8]", "Unrecognized name: no_such_column at [1:8]"),
        ("Not found: Table p:d.t was not found in location EU", "Not found: Table p:d.t was not found in location EU"),
    ],
)
def test_values_of_rows_are_left_out(said: str, told: str) -> None:
    assert without_values(said) == told


def test_the_key_is_never_told(caplog: pytest.LogCaptureFixture) -> None:
    document = json.dumps({"type": "service_account", "private_key": "hush", "client_email": "a@b"})

    with pytest.raises(AccessRefused, match="no key of a service account") as refused:
        open_bigquery("main", clock=lambda: datetime.now(UTC), project="p", location="EU", credentials=document)
    with pytest.raises(AccessRefused):
        open_bigquery("main", clock=lambda: datetime.now(UTC), project="p", location="EU", credentials="hush")

    assert "hush" not in f"{refused.value!r} {refused.value.__cause__!r} {caplog.text}"


def test_a_kind_that_is_text_there_is_still_its_own() -> None:
    assert cast_to(Column("x", ColumnType(Kind.UUID)), ColumnType(Kind.TEXT), "bigquery").value == "lower(`x`)"
