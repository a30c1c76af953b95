"""Answers about records as JSON: each kind of value has one spelling, whatever stands beside it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from lockgate.app.record_desk import RecordsAnswer
from lockgate.server.rendering import records_text

VALUES = {
    "text": 'Zoë "q" \\',
    "number": 12345678901234567890,
    "half": 0.5,
    "truth": True,
    "nothing": None,
    "day": date(2024, 2, 29),
    "instant": datetime(2026, 1, 31, 9, 15, 0, 123000, tzinfo=UTC),
    "moment": datetime.fromisoformat("2026-01-31T09:15:00"),
    "time": time(23, 59, 59),
    "lasting": timedelta(seconds=90),
    "price": Decimal("10.50"),
    "id": UUID("12345678-1234-5678-1234-567812345678"),
    "bytes": b"\x00\xff",
    "list": [Decimal("1.0"), {"at": date(2024, 1, 1)}],
}
SPELLED = (
    '"text":"Zoë \\"q\\" \\\\","number":12345678901234567890,"half":0.5,"truth":true,"nothing":null,"day":"2024-02-29",'
    '"instant":"2026-01-31T09:15:00.123000+00:00","moment":"2026-01-31T09:15:00","time":"23:59:59","lasting":90.0,'
    '"price":"10.50","id":"12345678-1234-5678-1234-567812345678","bytes":"AP8=","list":["1.0",{"at":"2024-01-01"}]'
)


@pytest.mark.parametrize(
    ("more", "spelled"),
    [
        ({}, ""),
        ({"none": float("nan"), "most": float("inf")}, ',"none":"NaN","most":"Infinity"'),
    ],
)
def test_every_kind_of_value_is_spelled_in_one_way(more, spelled):
    answer = RecordsAnswer("users", "rules", {"rules": 1}, "row", [{"index": 0, "output": {**VALUES, **more}}])

    head = '{"entityType":"users","engine":"rules","engines":{"rules":1},"records":1,"scope":"row","fallback":null,'
    expected = f'{head}"outcomes":[{{"index":0,"output":{{{SPELLED}{spelled}}}}}]}}'
    assert records_text(answer).decode() == expected
