"""The SQL of every operator and function of the allow-list, one template an engine.

`_1`, `_2` stand for arguments and `_p1`, `_p2` for literal parameters. A template under `*` is written in PostgreSQL's
SQL and spelled by sqlglot. A function without a template for an engine is refused there. Nothing here can fail on a
row: what has no result is NULL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp, parse_one

UPPER, LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
BLANKS = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"
DIALECTS = ("duckdb", "postgres", "spark", "bigquery")
MOST_DAYS = 4_000_000


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; `repeated` are the arguments that stand in it more than once."""

    tree: exp.Expr
    repeated: frozenset[int]


def _letters(change: str, before: str, after: str) -> Mapping[str, str]:
    """ASCII letters to the other case. DuckDB's own function is fast, and right where the text is all ASCII."""
    moved = f"translate(_1, '{before}', '{after}')"
    any_letter = f"regexp_matches(_1, '[{before[0]}-{before[-1]}]')"
    return {
        "duckdb": f"CASE WHEN strlen(_1) = length(_1) THEN {change}(_1) WHEN {any_letter} THEN {moved} ELSE _1 END",
        "postgres": f'{change}(_1 COLLATE "C") COLLATE "default"',
        "spark": moved,
        "bigquery": moved,
    }


def _trimmed(side: str, postgres: str, duckdb: str) -> Mapping[str, str]:
    """The six ASCII blanks off one side or both. DuckDB finds out faster that there are none than it takes them off."""
    any_blank = r"regexp_matches(_1, '^[ \t-\r]|[ \t-\r]$')"
    return {
        "duckdb": f"CASE WHEN {any_blank} THEN {duckdb}(_1, {BLANKS}) ELSE _1 END",
        "postgres": f"{postgres}(_1, {BLANKS})",
        "spark": f"trim({side} ({BLANKS}) FROM _1)",
        "bigquery": f"{duckdb}(_1, {BLANKS})",
    }


def _extracted(part: str) -> Mapping[str, str]:
    """A part of a date, or of a timestamp that has no zone any more."""
    return {"*": f"CAST(EXTRACT({part} FROM _1) AS INTEGER)"}


def _truncated(unit: str) -> Mapping[str, str]:
    """The first day of a date's month, quarter or year."""
    return {
        "duckdb": f"CAST(date_trunc('{unit}', _1) AS DATE)",
        "postgres": f"CAST(date_trunc('{unit}', CAST(_1 AS TIMESTAMP)) AS DATE)",
        "spark": f"trunc(_1, '{unit.upper()}')",
        "bigquery": f"DATE_TRUNC(_1, {unit.upper()})",
    }


def _written(zone: str) -> str:
    """A timestamp on Spark as text; `date_format` would take it for one of the session's zone."""
    text = "CAST(_1 AS STRING)"
    parts = f"substr({text}, 1, 10), 'T', substr({text}, 12, 8), '.', substr({text}, 21)"
    return f"concat(rpad(concat({parts}), 26, '0'), '{zone}')"


_NEAR = f"_2 BETWEEN -{MOST_DAYS} AND {MOST_DAYS}"
_PAST = "CASE WHEN (_1 < 0) <> (_2 < 0) THEN -1 ELSE 1 END"
# Exact division: with both sides as integers N and D, (2|N| + |D|) div 2|D| is |N / D| rounded half away from zero.
_DUCKDB_N = "(abs(CAST(_1 * _p1 AS HUGEINT)) * _p2)"
_DUCKDB_D = "abs(CAST(_2 * _p3 AS HUGEINT))"
_POSTGRES_N, _POSTGRES_D = "(abs(_1) * _p1 * _p2)", "(abs(_2) * _p3)"
# Spark divides decimals that can be divided without a remainder, as millionths, which leaves room for 38 digits.
_SPARK_N = "(CAST(abs(_1) * _p1 AS DECIMAL(38, 0)) * _p2)"
_SPARK_D = "CAST(abs(NULLIF(_2, 0)) * _p3 AS DECIMAL(38, 0))"
_SPARK_M, _SPARK_K = f"(2 * {_SPARK_N} + {_SPARK_D})", f"(2 * {_SPARK_D})"
# BigQuery has no two operands of one type here by itself: integers become BIGNUMERIC first.
_BIG_1, _BIG_2 = "CAST(_1 AS BIGNUMERIC)", "CAST(_2 AS BIGNUMERIC)"
_BIGQUERY_N, _BIGQUERY_D = f"(abs({_BIG_1}) * _p1 * _p2)", f"(abs(NULLIF({_BIG_2}, 0)) * _p3)"
_EPOCH = "CAST('1970-01-01 00:00:00' AS TIMESTAMP_NTZ)"

SQL: Mapping[str, Mapping[str, str]] = {
    # a value of a list by its number, from 1
    "element": {
        "duckdb": "list_extract(_1, _2)",
        "postgres": "(_1)[_2]",
        "spark": "get(_1, _2 - 1)",  # its `element_at` takes a number that is NULL for -1, the last
        "bigquery": "_1[SAFE_ORDINAL(_2)]",
    },
    # comparison
    "equal": {"*": "_1 = _2"},
    "not_equal": {"*": "_1 <> _2"},
    "less": {"*": "_1 < _2"},
    "less_equal": {"*": "_1 <= _2"},
    "greater": {"*": "_1 > _2"},
    "greater_equal": {"*": "_1 >= _2"},
    "distinct": {"*": "_1 IS DISTINCT FROM _2"},
    "not_distinct": {"*": "_1 IS NOT DISTINCT FROM _2"},
    "is_null": {"*": "_1 IS NULL"},
    "is_not_null": {"*": "NOT _1 IS NULL"},
    "is_true": {"*": "_1 IS TRUE"},
    "is_not_true": {"*": "NOT _1 IS TRUE"},
    "is_false": {"*": "_1 IS FALSE"},
    "is_not_false": {"*": "NOT _1 IS FALSE"},
    "nullif": {"*": "NULLIF(_1, _2)"},
    "by_code_point": {"postgres": '_1 COLLATE "C"', "duckdb": "_1", "spark": "_1", "bigquery": "_1"},
    # logic; AND, OR and || are chains of any length, spelled alike everywhere
    "not": {"*": "NOT _1"},
    # exact numbers; operands already have types in which nothing can overflow
    "add": {"*": "_1 + _2"},
    "subtract": {"*": "_1 - _2"},
    "multiply": {"*": "_1 * _2"},
    "negate": {"*": "-_1"},
    "abs": {"*": "abs(_1)"},
    "sign": {"*": "CASE WHEN _1 > 0 THEN 1 WHEN _1 < 0 THEN -1 WHEN _1 = 0 THEN 0 END"},
    "divide_integers": {"duckdb": "_1 // NULLIF(_2, 0)", "postgres": "_1 / NULLIF(_2, 0)"}
    | dict.fromkeys(("spark", "bigquery"), "div(_1, NULLIF(_2, 0))"),
    "divide_whole": {
        "duckdb": "CAST(_1 AS HUGEINT) // NULLIF(CAST(_2 AS HUGEINT), 0)",
        "postgres": "div(_1, NULLIF(_2, 0))",
        "spark": "(_1 - _1 % NULLIF(_2, 0)) / NULLIF(_2, 0)",
        "bigquery": f"DIV({_BIG_1}, NULLIF({_BIG_2}, 0))",
    },
    "divide": {
        "duckdb": f"CASE WHEN _2 <> 0 THEN CAST((2 * {_DUCKDB_N} + {_DUCKDB_D}) // (2 * {_DUCKDB_D}) * {_PAST} "
        "AS DECIMAL(38, 0)) * _p4 END",
        "postgres": f"CASE WHEN _2 <> 0 THEN div(2 * {_POSTGRES_N} + {_POSTGRES_D}, 2 * {_POSTGRES_D}) * {_PAST} "
        "* _p4 END",
        "spark": f"({_SPARK_M} - {_SPARK_M} % {_SPARK_K}) * 0.000001 / {_SPARK_K} * {_PAST}",
        "bigquery": f"DIV(2 * {_BIGQUERY_N} + {_BIGQUERY_D}, 2 * {_BIGQUERY_D}) * {_PAST} * _p4",
    },
    "modulo": {"*": "mod(_1, NULLIF(_2, 0))", "duckdb": "_1 % NULLIF(CASE WHEN _2 = -1 THEN 1 ELSE _2 END, 0)"}
    | {"postgres": "_1 % NULLIF(_2, 0)"},
    "ceil": {"*": "ceil(_1)"},
    "floor": {"*": "floor(_1)"},
    "trunc": {"*": "CASE WHEN _1 < 0 THEN ceil(_1) ELSE floor(_1) END"},
    # text
    "lower": _letters("lower", UPPER, LOWER),
    "upper": _letters("upper", LOWER, UPPER),
    "trim": _trimmed("BOTH", "btrim", "trim"),
    "ltrim": _trimmed("LEADING", "ltrim", "ltrim"),
    "rtrim": _trimmed("TRAILING", "rtrim", "rtrim"),
    "length": {"*": "length(_1)", "spark": "char_length(_1)", "bigquery": "CHAR_LENGTH(_1)"},
    "substring": {"*": "substr(_1, _2, _3)"},
    "substring_to_end": {"*": "substr(_1, _2)"},
    "left": {"*": "left(_1, _p1)"},
    "right": {"*": "right(_1, _p1)"},
    "strpos": {"duckdb": "strpos(_1, _2)", "postgres": "strpos(_1, _2)", "spark": "locate(_2, _1)"}
    | {"bigquery": "STRPOS(_1, _2)"},
    "split_part": {
        "*": "split_part(_1, _p1, _p2)",
        "bigquery": "CASE WHEN NOT _1 IS NULL THEN COALESCE(SPLIT(_1, _p1)[SAFE_ORDINAL(_p2)], '') END",
    },
    "replace": {"*": "replace(_1, _p1, _p2)"},
    "starts_with": {"*": "starts_with(_1, _2)", "spark": "startswith(_1, _2)"},
    "lpad": {"*": "lpad(_1, _p1, _p2)"},
    "rpad": {"*": "rpad(_1, _p1, _p2)"},
    "md5": {"*": "md5(_1)", "bigquery": "TO_HEX(MD5(_1))"},
    "like": {"*": "_1 LIKE _p1", "duckdb": "_1 LIKE _p1 ESCAPE '\\'"},
    "matches": {
        "duckdb": "regexp_matches(_1, _p1)",
        "postgres": "_1 ~ _p1",
        "spark": "_1 RLIKE _p1",
        "bigquery": "REGEXP_CONTAINS(_1, _p1)",
    },
    "regexp_replace": {
        "duckdb": "regexp_replace(_1, _p1, _p2, 'g')",
        "postgres": "regexp_replace(_1, _p1, _p2, 'g')",
        "spark": "regexp_replace(_1, _p1, _p2)",
        "bigquery": "REGEXP_REPLACE(_1, _p1, _p2)",
    },
    # casts
    "whole_double": {
        "*": "CASE WHEN _1 = floor(_1) AND _1 >= CAST(_p1 AS DOUBLE PRECISION) AND _1 < CAST(_p2 AS DOUBLE PRECISION) "
        "THEN CAST(_1 AS BIGINT) END",
        "spark": "CASE WHEN _1 >= CAST(_p1 AS DOUBLE) AND _1 < CAST(_p2 AS DOUBLE) AND _1 = TRY_CAST(_1 AS BIGINT) "
        "THEN TRY_CAST(_1 AS BIGINT) END",
    },
    "scaled_double": {
        "*": "CASE WHEN abs(_1) < _p1 THEN CAST(CAST(floor(abs(_1) * CAST(_p2 AS DOUBLE PRECISION) "
        "+ CAST(0.5 AS DOUBLE PRECISION)) AS BIGINT) * CASE WHEN _1 < 0 THEN -1 ELSE 1 END AS DECIMAL(16, 0)) * _p3 END"
    },
    "date_as_text": {"*": "CAST(_1 AS TEXT)", "postgres": "to_char(_1, 'YYYY-MM-DD')"},
    "timestamp_as_text": {
        "duckdb": "strftime(_1, '%Y-%m-%dT%H:%M:%S.%f')",
        "postgres": "to_char(_1, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')",
        "spark": _written(""),
        "bigquery": "FORMAT_DATETIME('%Y-%m-%dT%H:%M:%E6S', _1)",
    },
    "instant_as_text": {
        "duckdb": "strftime(_1, '%Y-%m-%dT%H:%M:%S.%fZ')",
        "postgres": 'to_char(_1, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')',
        "spark": _written("Z"),
        "bigquery": "FORMAT_DATETIME('%Y-%m-%dT%H:%M:%E6SZ', _1)",
    },
    # Outside of its ANSI mode Spark's CAST writes an exponent; dbt takes that mode off.
    # BigQuery's leaves the noughts at the end out.
    "decimal_as_text": {
        "spark": "TRY_CAST(_1 AS STRING)",
        "bigquery": "CONCAT(CASE WHEN _1 < 0 THEN '-' ELSE '' END, CAST(TRUNC(ABS(_1)) AS STRING), '.', "
        "LPAD(CAST((ABS(_1) - TRUNC(ABS(_1))) * _p2 AS STRING), _p1, '0'))",
    }
    | dict.fromkeys(("duckdb", "postgres"), "CAST(_1 AS TEXT)"),
    # dates and instants
    "extract_year": _extracted("year"),
    "extract_quarter": _extracted("quarter"),
    "extract_month": _extracted("month"),
    "extract_day": _extracted("day"),
    "extract_hour": _extracted("hour"),
    "extract_minute": _extracted("minute"),
    "first_of_year": _truncated("year"),
    "first_of_quarter": _truncated("quarter"),
    "first_of_month": _truncated("month"),
    "add_days": {
        "duckdb": f"CASE WHEN {_NEAR} THEN _1 + CAST(_2 AS INTEGER) END",
        "postgres": f"CASE WHEN {_NEAR} THEN _1 + CAST(_2 AS INTEGER) END",
        "spark": f"CASE WHEN {_NEAR} THEN date_add(_1, CAST(_2 AS INT)) END",
        "bigquery": f"CASE WHEN {_NEAR} THEN DATE_ADD(_1, INTERVAL _2 DAY) END",
    },
    "days_between": {
        "duckdb": "CAST(_1 - _2 AS INTEGER)",
        "postgres": "_1 - _2",
        "spark": "datediff(_1, _2)",
        "bigquery": "DATE_DIFF(_1, _2, DAY)",
    },
    "add_seconds": {
        "duckdb": "_1 + to_seconds(_p1)",
        "postgres": "_1 + make_interval(secs => _p1)",
        "spark": "_1 + make_interval(0, 0, 0, 0, 0, 0, _p1)",
        "bigquery": "DATETIME_ADD(_1, INTERVAL _p1 SECOND)",
    },
    # On Spark by microseconds: its casts between the two go by the session's zone.
    "as_utc": {
        "*": "_1 AT TIME ZONE 'UTC'",
        "spark": f"{_EPOCH} + unix_micros(_1) * INTERVAL '0.000001' SECOND",
        "bigquery": "DATETIME(_1, 'UTC')",
    },
    "utc_instant": {
        "*": "_1 AT TIME ZONE 'UTC'",
        "spark": "timestamp_micros(CAST(CAST(CAST("
        f"(_1 - {_EPOCH}) AS INTERVAL SECOND) AS DECIMAL(18, 6)) * 1000000 AS BIGINT))",
        "bigquery": "TIMESTAMP(_1, 'UTC')",
    },
}


@lru_cache(maxsize=512)
def template(function: str, dialect: str) -> Template | None:
    """The function's template for an engine; None where the engine does not have it."""
    spellings = SQL[function]
    if dialect in spellings:
        return parsed(spellings[dialect], dialect)
    return parsed(spellings["*"], "postgres") if "*" in spellings else None


@lru_cache(maxsize=512)
def parsed(sql: str, dialect: str) -> Template:
    """A template's text as a tree."""
    tree = parse_one(f"SELECT {sql}", dialect=dialect).expressions[0]
    names = [column.name for column in tree.find_all(exp.Column) if not column.name.startswith("_p")]
    return Template(tree, frozenset(int(name[1:]) for name in names if names.count(name) > 1))
