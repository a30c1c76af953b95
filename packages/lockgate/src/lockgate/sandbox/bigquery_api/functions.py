r"""The functions of GoogleSQL that the stand-in knows, as DuckDB computes them: one template a number of arguments.

`_1`, `_2` are arguments; `_PART` is a part of a date, in DuckDB's word. What is not here is refused. `bq_…` are ours.
Source: cloud.google.com/bigquery/docs/reference/standard-sql/functions-and-operators.
"""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp, parse_one

_MICRO = "1000000"
_ASCII_BLANKS = "chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || ' ' || chr(133) || chr(160)"


def _same(*names: str, counts: tuple[int, ...] = (1,)) -> dict[tuple[str, int], str]:
    """Functions that DuckDB has under the same name with the same meaning."""
    return {
        (name, count): f"{name.lower()}({', '.join(f'_{n}' for n in range(1, count + 1))})"
        for name in names
        for count in counts
    }


def _nth_or_null(name: str, compare: str) -> dict[tuple[str, int], str]:
    """GREATEST and LEAST: NULL where any argument is."""
    made = {}
    for count in range(1, 9):
        arguments = [f"_{n}" for n in range(1, count + 1)]
        none = " OR ".join(f"{each} IS NULL" for each in arguments)
        made[name, count] = f"CASE WHEN {none} THEN NULL ELSE {compare}({', '.join(arguments)}) END"
    return made


TEMPLATES: dict[tuple[str, int], str] = {
    **_same("ABS", "SQRT", "EXP", "LN", "ISNAN", "ASCII", "REVERSE", "LOWER", "UPPER"),
    **_same("COALESCE", counts=tuple(range(1, 21))),
    **_same("NULLIF", "STARTS_WITH", "ENDS_WITH", "STRPOS", counts=(2,)),
    **_nth_or_null("GREATEST", "greatest"),
    **_nth_or_null("LEAST", "least"),
    ("IFNULL", 2): "coalesce(_1, _2)",
    ("IS_NAN", 1): "isnan(_1)",
    ("IS_INF", 1): "isinf(_1)",
    # text; SUBSTR: position 0 is 1, and one before the start is the start
    ("CHAR_LENGTH", 1): "length(_1)",
    ("CHARACTER_LENGTH", 1): "length(_1)",
    ("SUBSTR", 2): "bq_substr(_1, _2, 9223372036854775807)",
    ("SUBSTR", 3): "bq_substr(_1, _2, _3)",
    ("SUBSTRING", 2): "bq_substr(_1, _2, 9223372036854775807)",
    ("SUBSTRING", 3): "bq_substr(_1, _2, _3)",
    ("INSTR", 2): "strpos(_1, _2)",
    ("LEFT", 2): "CASE WHEN _2 < 0 THEN error('Second argument in LEFT() cannot be negative') ELSE left(_1, _2) END",
    ("RIGHT", 2): "CASE WHEN _2 < 0 THEN error('Second argument in RIGHT() cannot be negative') ELSE right(_1, _2) END",
    ("TRIM", 2): "trim(_1, _2)",
    ("LTRIM", 2): "ltrim(_1, _2)",
    ("RTRIM", 2): "rtrim(_1, _2)",
    ("TRIM", 1): "bq_trim(_1, 'BOTH')",
    ("LTRIM", 1): "bq_trim(_1, 'LEADING')",
    ("RTRIM", 1): "bq_trim(_1, 'TRAILING')",
    ("REPLACE", 3): "CASE WHEN _2 = '' THEN _1 ELSE replace(_1, _2, _3) END",
    ("TRANSLATE", 3): "translate(_1, _2, _3)",
    ("LPAD", 2): "bq_pad(_1, _2, ' ', true)",
    ("LPAD", 3): "bq_pad(_1, _2, _3, true)",
    ("RPAD", 2): "bq_pad(_1, _2, ' ', false)",
    ("RPAD", 3): "bq_pad(_1, _2, _3, false)",
    ("REPEAT", 2): "repeat(_1, _2)",
    ("CHR", 1): "chr(CAST(_1 AS INTEGER))",
    ("SPLIT", 1): "bq_split(_1, ',')",
    ("SPLIT", 2): "bq_split(_1, _2)",
    ("REGEXP_CONTAINS", 2): "regexp_matches(_1, _2)",
    ("REGEXP_REPLACE", 3): "regexp_replace(_1, _2, _3, 'g')",
    ("CONTAINS_SUBSTR", 2): "contains(lower(_1), lower(_2))",
    ("TO_CODE_POINTS", 1): "list_transform(string_split(_1, ''), lambda letter: CAST(unicode(letter) AS BIGINT))",
    ("GENERATE_UUID", 0): "CAST(uuid() AS VARCHAR)",
    # bytes
    ("MD5", 1): "unhex(md5(_1))",
    ("SHA256", 1): "unhex(sha256(_1))",
    ("SHA1", 1): "unhex(sha1(_1))",
    ("TO_HEX", 1): "lower(hex(_1))",
    ("FROM_HEX", 1): "unhex(_1)",
    ("TO_BASE64", 1): "to_base64(_1)",
    ("FROM_BASE64", 1): "from_base64(_1)",
    ("FARM_FINGERPRINT", 1): "bq_fingerprint(_1)",
    # numbers
    ("DIV", 2): "CASE WHEN _2 = 0 THEN error('division by zero: DIV') ELSE _1 // _2 END",
    ("MOD", 2): "CASE WHEN _2 = 0 THEN error('division by zero: MOD') WHEN _2 = -1 THEN _1 % 1 ELSE _1 % _2 END",
    ("SIGN", 1): "CASE WHEN _1 > 0 THEN 1 WHEN _1 < 0 THEN -1 WHEN _1 = 0 THEN 0 END",
    ("POW", 2): "pow(CAST(_1 AS DOUBLE), CAST(_2 AS DOUBLE))",
    ("POWER", 2): "pow(CAST(_1 AS DOUBLE), CAST(_2 AS DOUBLE))",
    ("IEEE_DIVIDE", 2): "CAST(_1 AS DOUBLE) / CAST(_2 AS DOUBLE)",
    ("RAND", 0): "random()",
    # dates and moments
    ("CURRENT_TIMESTAMP", 0): "now()",
    ("CURRENT_DATE", 0): "CAST(now() AS DATE)",
    ("CURRENT_DATETIME", 0): "CAST(now() AS TIMESTAMP)",
    ("UNIX_MICROS", 1): "epoch_us(_1)",
    ("UNIX_MILLIS", 1): "CAST(floor(epoch_us(_1) / 1e3) AS BIGINT)",
    ("UNIX_SECONDS", 1): "CAST(floor(epoch_us(_1) / 1e6) AS BIGINT)",
    ("TIMESTAMP_MICROS", 1): "CAST(make_timestamp(_1) AS TIMESTAMPTZ)",
    ("TIMESTAMP_MILLIS", 1): "CAST(make_timestamp(_1 * 1000) AS TIMESTAMPTZ)",
    ("TIMESTAMP_SECONDS", 1): "CAST(make_timestamp(_1 * 1000000) AS TIMESTAMPTZ)",
    ("DATE", 1): "CAST(_1 AS DATE)",
    ("DATE", 3): "make_date(_1, _2, _3)",
    ("TIMESTAMP", 1): "CAST(_1 AS TIMESTAMPTZ)",
    ("DATETIME", 1): "CAST(_1 AS TIMESTAMP)",
    ("UNIX_DATE", 1): "CAST(_1 - DATE '1970-01-01' AS BIGINT)",
    ("DATE_FROM_UNIX_DATE", 1): "DATE '1970-01-01' + CAST(_1 AS INTEGER)",
    # JSON
    ("TO_JSON_STRING", 1): "bq_json(_1)",
    ("TO_JSON", 1): "to_json(_1)",
    ("PARSE_JSON", 1): "CAST(_1 AS JSON)",
    ("JSON_VALUE", 2): "bq_json_value(_1, _2)",
    ("JSON_EXTRACT_SCALAR", 2): "bq_json_value(_1, _2)",
    ("JSON_QUERY", 2): "json_extract(_1, _2)",
    # arrays
    ("ARRAY_LENGTH", 1): "CAST(len(_1) AS BIGINT)",
    ("ARRAY_TO_STRING", 2): "array_to_string(list_filter(_1, lambda each: each IS NOT NULL), _2)",
    ("ARRAY_TO_STRING", 3): "array_to_string(list_transform(_1, lambda each: coalesce(each, _3)), _2)",
    ("ARRAY_REVERSE", 1): "list_reverse(_1)",
    ("GENERATE_ARRAY", 2): "generate_series(_1, _2)",
    ("GENERATE_ARRAY", 3): "generate_series(_1, _2, _3)",
    # aggregates
    ("ANY_VALUE", 1): "any_value(_1)",
    ("BIT_XOR", 1): "bit_xor(_1)",
    ("BIT_AND", 1): "bit_and(_1)",
    ("BIT_OR", 1): "bit_or(_1)",
    ("COUNT", 1): "count(_1)",
    ("COUNTIF", 1): "CAST(coalesce(count_if(_1), 0) AS BIGINT)",
    ("APPROX_COUNT_DISTINCT", 1): "count(DISTINCT _1)",
    ("LOGICAL_AND", 1): "bool_and(_1)",
    ("LOGICAL_OR", 1): "bool_or(_1)",
    ("MAX", 1): "max(_1)",
    ("MIN", 1): "min(_1)",
    ("STRING_AGG", 1): "string_agg(_1, ',')",
    ("STRING_AGG", 2): "string_agg(_1, _2)",
    # windows
    **_same("ROW_NUMBER", "RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", counts=(0,)),
    **_same("FIRST_VALUE", "LAST_VALUE", "NTILE"),
    **_same("LAG", "LEAD", counts=(1, 2, 3)),
    **_same("NTH_VALUE", counts=(2,)),
    # errors
    ("ERROR", 1): "error(_1)",
}
AGGREGATES = frozenset({
    "ANY_VALUE", "BIT_XOR", "BIT_AND", "BIT_OR", "COUNT", "COUNTIF", "APPROX_COUNT_DISTINCT", "LOGICAL_AND",
    "LOGICAL_OR", "MAX", "MIN", "STRING_AGG", "SUM", "AVG", "ARRAY_AGG",
})  # fmt: skip
_UNITS = ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "QUARTER", "YEAR")
UNITS = {unit: unit.lower() for unit in _UNITS}
PARTS = {
    **{f"{kind}_TRUNC": ("trunc", kind) for kind in ("DATE", "TIMESTAMP", "DATETIME")},
    **{f"{kind}_DIFF": ("diff", kind) for kind in ("DATE", "TIMESTAMP", "DATETIME")},
    **{f"{kind}_ADD": ("add", kind) for kind in ("DATE", "TIMESTAMP", "DATETIME")},
    **{f"{kind}_SUB": ("sub", kind) for kind in ("DATE", "TIMESTAMP", "DATETIME")},
}
HELD = {"DATE": "DATE", "TIMESTAMP": "TIMESTAMPTZ", "DATETIME": "TIMESTAMP"}


@lru_cache(maxsize=1024)
def parsed(sql: str) -> exp.Expr:
    """An expression of DuckDB as a tree."""
    found: exp.Expr = parse_one(f"SELECT {sql}", dialect="duckdb").expressions[0]
    return found


def filled(sql: str, *arguments: exp.Expr) -> exp.Expr:
    """A template with its arguments."""
    tree = exp.Paren(this=parsed(sql).copy())
    for column in list(tree.find_all(exp.Column)):
        name = column.name
        if name.startswith("_") and name[1:].isdigit() and not column.table:
            column.replace(_guarded(arguments[int(name[1:]) - 1].copy()))
    return _bare(tree.this)


def _guarded(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=node) if isinstance(node, exp.Binary | exp.Unary | exp.Between | exp.In) else node


def _bare(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=node.pop()) if isinstance(node, exp.Binary | exp.Unary) else node.pop()
