"""How values are spelled in JSON: every kind of column, results, errors."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest

from lockgate.core.arrow import arrow_type
from lockgate.core.execution import WorkshopAccess
from lockgate.core.plain import json_text, problem, to_plain
from lockgate.core.relation import Column
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import Problem, ProjectInvalid, SourceUnavailable

# For each kind: a value as Arrow gives it, and as JSON has it.
SPELLED = {
    Kind.BOOLEAN: (True, True),
    Kind.SMALLINT: (-32768, -32768),
    Kind.INTEGER: (2**31 - 1, 2147483647),
    Kind.BIGINT: (-(2**63), -9223372036854775808),
    Kind.NUMERIC: (Decimal("10.000000000"), "10.000000000"),
    Kind.REAL: (0.5, 0.5),
    Kind.DOUBLE: (0.1, 0.1),
    Kind.TEXT: ('Łukasz "漢"\n', 'Łukasz "漢"\n'),
    Kind.DATE: (date(2026, 1, 31), "2026-01-31"),
    Kind.TIME: (time(5, 4, 3, 20), "05:04:03.000020"),
    Kind.TIMESTAMP: (datetime(2026, 1, 31, 5), "2026-01-31T05:00:00"),  # noqa: DTZ001  a timestamp has no zone
    Kind.TIMESTAMPTZ: (datetime(2026, 1, 31, 5, tzinfo=UTC), "2026-01-31T05:00:00+00:00"),
    Kind.UUID: ("6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b", "6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b"),
    Kind.JSON: ('{"a": 1}', '{"a": 1}'),
    Kind.BYTES: (b"\x00\xff<", "AP88"),
}


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_column_has_a_spelling(kind: Kind) -> None:
    value, spelled = SPELLED[kind]
    (arrived, missing) = pa.array([value, None], arrow_type(ColumnType(kind))).to_pylist()

    assert json.loads(json_text([arrived, missing])) == [spelled, None]


@pytest.mark.parametrize(("number", "spelled"), [("nan", "NaN"), ("inf", "Infinity"), ("-inf", "-Infinity")])
def test_what_is_no_number_is_text(number: str, spelled: str) -> None:
    assert json_text([float(number)]) == f'["{spelled}"]'


def test_results_become_objects() -> None:
    value = {
        "column": Column("cost", ColumnType.parse("numeric(12,2)")),
        "took": timedelta(seconds=1.5),
        "path": Path("a/b"),
        "id": UUID(int=7),
        "names": ("ü", "漢"),
    }

    assert to_plain(value) == {
        "column": {"name": "cost", "type": "numeric(12,2)", "description": ""},
        "took": 1.5,
        "path": "a/b",
        "id": "00000000-0000-0000-0000-000000000007",
        "names": ["ü", "漢"],
    }


def test_secrets_never_become_json() -> None:
    access = WorkshopAccess("postgres", "w", {"host": "h"}, secrets={"password": "canary-7f3a"})

    assert "canary-7f3a" not in json_text(access)
    assert "canary-7f3a" not in repr(access)


def test_an_error_becomes_its_code_message_hint_and_fields() -> None:
    error = ProjectInvalid((Problem("unknown key 'sorces'", "lockgate.yml", 3, "did you mean 'sources'?"),))

    plain = to_plain(error)

    assert isinstance(plain, dict)
    assert plain["code"] == "LG101"
    assert plain["fields"]["problems"][0]["line"] == 3
    assert "lockgate.yml:3: unknown key 'sorces' (did you mean 'sources'?)" in plain["message"]


def test_every_text_of_an_error_is_redacted_and_no_other() -> None:
    error = SourceUnavailable("no cret99", hint="not cret99", url="cret99", tried=("cret99",), status=503)

    plain = to_plain({"value": "cret99", "error": error}, lambda text: text.replace("cret99", "***"))

    assert plain == {
        "value": "cret99",
        "error": {
            "code": "LG601",
            "error": "SourceUnavailable",
            "message": "no ***",
            "hint": "not ***",
            "fields": {"url": "***", "tried": ["***"], "status": 503},
        },
    }


def test_an_error_without_secrets_is_told_as_it_is() -> None:
    assert problem(SourceUnavailable("no answer"))["message"] == "no answer"
