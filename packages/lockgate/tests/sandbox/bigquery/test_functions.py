"""What functions give: the values that Google's reference says.

Pages of cloud.google.com/bigquery/docs/reference/standard-sql: mathematical_functions, string_functions,
hash_functions, conversion_functions, date_functions, timestamp_functions, array_functions, aggregate_functions,
operators.
"""

from __future__ import annotations

import datetime as dt
from base64 import b64decode
from decimal import Decimal

import pytest
from google.api_core.exceptions import BadRequest, MethodNotImplemented

GIVEN = [
    # mathematical_functions
    *[(f"ROUND({x})", y) for x, y in ((2.3, 2.0), (2.8, 3.0), (2.5, 3.0), (-2.3, -2.0), (-2.8, -3.0), (-2.5, -3.0))],
    ("ROUND(123.7, -1)", 120.0),
    ("ROUND(1.235, 2)", 1.24),
    ("ROUND(NUMERIC '2.345', 2)", Decimal("2.35")),
    ("TRUNC(-2.8)", -2.0),
    ("CEIL(2.3)", 3.0),
    ("FLOOR(-2.3)", -3.0),
    *[(f"DIV({x}, {y})", z) for x, y, z in ((20, 4, 5), (12, -7, -1), (20, 3, 6), (0, 20, 0))],
    ("MOD(25, 12)", 1),
    ("MOD(-7, 2)", -1),
    ("MOD(-9223372036854775807 - 1, -1)", 0),
    ("SAFE_DIVIDE(20, 4)", 5.0),
    ("SAFE_DIVIDE(20, 0)", None),
    ("1 / 3 = CAST(1 AS FLOAT64) / 3", True),
    ("NUMERIC '1' / 3", Decimal("0.333333333")),
    ("NUMERIC '2' / 3", Decimal("0.666666667")),
    ("NUMERIC '1.5' * NUMERIC '1.000000001'", Decimal("1.500000002")),
    ("GREATEST(3, 5, 1)", 5),
    ("GREATEST(3, NULL)", None),
    ("LEAST(3, 5, 1)", 1),
    ("SIGN(-10)", -1),
    # string_functions
    ("SUBSTR('apple', 2)", "pple"),
    ("SUBSTR('apple', 2, 2)", "pp"),
    ("SUBSTR('apple', -2)", "le"),
    ("SUBSTR('apple', 1, 123)", "apple"),
    ("SUBSTR('apple', 123)", ""),
    ("SUBSTR('apple', 0, 2)", "ap"),
    ("STRPOS('foo@example.com', '@')", 4),
    ("SUBSTR('apple', 2, CAST(NULL AS INT64))", None),
    ("INSTR('banana', 'an')", 2),
    ("LPAD('abc', 5)", "  abc"),
    ("LPAD('abc', 8, 'def')", "defdeabc"),
    ("RPAD('abc', 2)", "ab"),
    ("REPLACE('apple pie', 'pie', 'cobbler')", "apple cobbler"),
    ("CONCAT('T.P.', ' ', 'Bar')", "T.P. Bar"),
    ("CONCAT('a', NULL)", None),
    ("CHAR_LENGTH('абвгд')", 5),
    ("BYTE_LENGTH('абвгд')", 10),
    ("TRIM('   apple   ')", "apple"),
    ("TRIM('***apple***', '*')", "apple"),
    ("SPLIT('b,c,d')", ["b", "c", "d"]),
    ("SPLIT('')", [""]),
    ("STARTS_WITH('bar', 'b')", True),
    ("REGEXP_CONTAINS('foo@example.com', r'@[a-zA-Z0-9-]+\\.[a-zA-Z0-9-.]+')", True),
    ("REGEXP_REPLACE('# Heading', r'^# ([a-zA-Z0-9\\s]+$)', r'<h1>\\1</h1>')", "<h1>Heading</h1>"),
    ("'a_c' LIKE 'a\\\\_c'", True),
    ("'abc' LIKE 'a\\\\_c'", False),
    # hash_functions
    ("FARM_FINGERPRINT(CONCAT(CAST(1 AS STRING), 'foo', CAST(TRUE AS STRING)))", -1541654101129638711),
    ("FARM_FINGERPRINT(CONCAT(CAST(2 AS STRING), 'apple', CAST(FALSE AS STRING)))", 2794438866806483259),
    ("FARM_FINGERPRINT(CONCAT(CAST(3 AS STRING), '', CAST(TRUE AS STRING)))", -4880158226897771312),
    ("MD5('Hello World')", b64decode("sQqNsWTgdUEFt6mb5y4/5Q==")),
    ("SHA256('Hello World')", b64decode("pZGm1Av0IEBKARczz7exkNYsZb8LzaMrV7J32a2fFG4=")),
    ("TO_HEX(b'foobar')", "666f6f626172"),
    # conversion_functions
    ("SAFE_CAST('apple' AS INT64)", None),
    ("CAST('0x87a' AS INT64)", 2170),
    ("CAST(1.5 AS INT64)", 2),
    ("CAST(-0.5 AS INT64)", -1),
    ("CAST(2.5 AS INT64)", 3),
    ("CAST('TRUE' AS BOOL)", True),
    ("SAFE_CAST('yes' AS BOOL)", None),
    ("SAFE_CAST('2.5' AS INT64)", None),
    ("CAST(NUMERIC '1.50' AS STRING)", "1.5"),
    ("CAST(DATE '2024-02-29' AS STRING)", "2024-02-29"),
    ("SAFE_CAST('2024-02-30' AS DATE)", None),
    ("SAFE_CAST(12345.678 AS NUMERIC(5, 2))", None),
    # dates and moments
    ("DATE_ADD(DATE '2008-12-25', INTERVAL 5 DAY)", dt.date(2008, 12, 30)),
    ("DATE_ADD(DATE '2024-01-31', INTERVAL 1 MONTH)", dt.date(2024, 2, 29)),
    ("DATE_DIFF(DATE '2010-07-07', DATE '2008-12-25', DAY)", 559),
    ("DATE_TRUNC(DATE '2008-12-25', MONTH)", dt.date(2008, 12, 1)),
    ("TIMESTAMP_DIFF(TIMESTAMP '2010-07-07 10:20:00+00:00', TIMESTAMP '2008-12-25 15:30:00+00:00', HOUR)", 13410),
    ("UNIX_MICROS(TIMESTAMP '2008-12-25 15:30:00+00')", 1230219000000000),
    ("UNIX_SECONDS(TIMESTAMP '1970-01-02 00:00:00')", 86400),
    ("EXTRACT(HOUR FROM TIMESTAMP '2024-02-29 23:30:00-02')", 1),
    ("CAST(TIMESTAMP '2024-02-29 23:30:00-02' AS STRING)", "2024-03-01 01:30:00+00"),
    ("DATE(TIMESTAMP '2024-02-29 23:30:00-02')", dt.date(2024, 3, 1)),
    ("EXTRACT(DAYOFWEEK FROM DATE '2024-02-25')", 1),
    # arrays and aggregates
    ("ARRAY_LENGTH([1, 2, 3])", 3),
    ("[10, 20][OFFSET(1)]", 20),
    ("[10, 20][SAFE_OFFSET(5)]", None),
    ("(SELECT STRING_AGG(f, '&' ORDER BY f) FROM UNNEST(['b', 'a']) AS f)", "a&b"),
    ("(SELECT COUNTIF(x < 0) FROM UNNEST([5, -2, 3, 6, -10, -7, 4, 0]) AS x)", 3),
    ("(SELECT BIT_XOR(x) FROM UNNEST([5678, 1234]) AS x)", 4860),
    ("(SELECT AVG(x) FROM UNNEST([NUMERIC '1', NUMERIC '2']) AS x)", Decimal("1.5")),
    ("(SELECT SUM(x) FROM UNNEST([1, NULL, 2]) AS x)", 3),
    ("TO_JSON_STRING([1, 2])", "[1,2]"),
    ("TO_JSON_STRING(9007199254740993)", '"9007199254740993"'),
    ("TO_JSON_STRING('a\"b')", '"a\\"b"'),
    ("(SELECT COUNTIF(x > 1) FROM UNNEST([1]) AS x WHERE x > 1)", 0),
    ("(SELECT SUM(n) FROM UNNEST([STRUCT(1 AS n, 'a' AS s), STRUCT(NULL AS n, 'b' AS s)]))", 1),
    ("ARRAY(SELECT x FROM UNNEST([1, 2]) AS x WHERE x > 1)", [2]),
    # operators
    ("NULL IS NOT DISTINCT FROM NULL", True),
    ("1 IN (2, NULL)", None),
    ("DATE '2024-02-29' = '2024-02-29'", True),
]


@pytest.mark.parametrize(("sql", "value"), GIVEN, ids=[sql for sql, _ in GIVEN])
def test_gives_what_the_reference_says(run, sql, value):
    assert run(f"SELECT {sql}") == [(value,)]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1 / 0", "division by zero"),
        ("SELECT CAST('apple' AS INT64)", "Bad int64 value: apple"),
        ("SELECT [1][OFFSET(1)]", "Array index is out of bounds"),
        ("SELECT ERROR('told so')", "told so"),
        ("SELECT 9223372036854775807 + 1", "Overflow"),
        ("SELECT NUMERIC '99999999999999999999999999999' * 10", "numeric overflow"),
        ("SELEC 1", "Syntax error"),
        ("SELECT 1 FROM UNNEST([1]) AS x WHERE y = 1", "Unrecognized name: y at [1:38]"),
        ("SELECT 1 = 'a'", "No matching signature"),
        ("SELECT TIMESTAMP_ADD(DATETIME '2024-02-29 00:00:00', INTERVAL 1 DAY)", "No matching signature"),
        ("SELECT 'a' + 1", "No matching signature"),
        ("SELECT 1 UNION ALL SELECT 'a'", "incompatible types"),
        ("SELECT 1 AS a, 2 AS A", "Duplicate column names"),
    ],
)
def test_an_error_of_a_query_is_one_of_the_query(run, sql, said):
    with pytest.raises(BadRequest) as caught:
        run(sql)

    assert said in str(caught.value)
    assert caught.value.errors[0]["reason"] == "invalidQuery"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT SOUNDEX('a')",
        "SELECT 1 FROM UNNEST([1]) TABLESAMPLE SYSTEM (10 PERCENT)",
        "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a WHERE n < 3) SELECT * FROM a",
        "CALL d.p()",
        "SELECT CAST('1.1234567890123456789' AS BIGNUMERIC(38, 19)) + 1",
        "SELECT FORMAT_DATE('%A', DATE '2024-02-29')",
    ],
)
def test_what_is_not_known_is_refused_and_not_guessed(run, sql):
    with pytest.raises((MethodNotImplemented, BadRequest)) as caught:
        run(sql)

    assert "does not know" in str(caught.value) or "Syntax error" in str(caught.value)
