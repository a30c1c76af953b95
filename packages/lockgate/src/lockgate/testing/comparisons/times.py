"""The truth matrix's cells about dates and times: equal instants are equal."""

from __future__ import annotations

from decimal import Decimal

from lockgate.core.comparison import Tolerance
from lockgate.testing.comparisons.cell import Cell, Engine, changed, differs, equal, table

_ZONED = {"id": "bigint", "at": "timestamptz"}
_PLAIN = {"id": "bigint", "at": "timestamp"}
_DAY = {"id": "bigint", "at": "date"}
_NO_INFINITY = "an infinite time is not inferred from text"

TIMES = (
    Cell(
        "with_and_without_zone",
        "a timestamp without zone, which is in UTC, and one with",
        table(_PLAIN, ("1", "2024-02-29 12:00:00"), ("2", "2024-02-29 12:00:00.5")),
        table(_ZONED, ("1", "2024-02-29 12:00:00+00"), ("2", "2024-02-29 12:00:00.5+01")),
        differs((2, 2), changed("at", "2"), largest={"at": 3600.0}),
    ),
    Cell(
        "two_zones",
        "equal instants in two zones, and one that is not",
        table(_ZONED, ("1", "2024-02-29 12:00:00+00"), ("2", "2024-02-29 12:00:00+00")),
        table(_ZONED, ("1", "2024-02-29 17:30:00+05:30"), ("2", "2024-02-29 12:00:00+05:30")),
        differs((2, 2), changed("at", "2"), largest={"at": 19800.0}),
    ),
    Cell(
        "midnight",
        "a date and a timestamp at midnight, and one a second later",
        table(_DAY, ("1", "2024-02-29"), ("2", "2024-02-29")),
        table(_PLAIN, ("1", "2024-02-29 00:00:00"), ("2", "2024-02-29 00:00:01")),
        differs((2, 2), changed("at", "2"), largest={"at": 1.0}),
    ),
    Cell(
        "microsecond",
        "a microsecond, before 1970 and after",
        table(_PLAIN, ("1", "1969-12-31 23:59:59.999999"), ("2", "2024-02-29 12:00:00.000001")),
        table(_PLAIN, ("1", "1969-12-31 23:59:59.999998"), ("2", "2024-02-29 12:00:00.000001")),
        differs((2, 2), changed("at", "1"), largest={"at": 0.000001}),
    ),
    Cell(
        "tolerated_second",
        "a second of difference, and two, with a tolerance of a second",
        table(_ZONED, ("1", "2024-02-29 12:00:00+00"), ("2", "2024-02-29 12:00:00+00")),
        table(_ZONED, ("1", "2024-02-29 12:00:01+00"), ("2", "2024-02-29 12:00:02+00")),
        differs((2, 2), changed("at", "2"), largest={"at": 2.0}),
        tolerance=Tolerance(seconds=Decimal(1)),
    ),
    Cell(
        "infinite_times",
        "infinite times",
        table(_ZONED, ("1", "infinity"), ("2", "-infinity"), ("3", "infinity")),
        table(_ZONED, ("1", "-infinity"), ("2", "-infinity"), ("3", None)),
        differs((3, 3), changed("at", "1"), changed("at", "3")),
        without={Engine.CSV: _NO_INFINITY},
    ),
    Cell(
        "dates_far_away",
        "the first day of the calendar and the last of four digits",
        table(_DAY, ("1", "0001-01-01"), ("2", "9999-12-31")),
        table(_DAY, ("1", "0001-01-01"), ("2", "9999-12-30")),
        differs((2, 2), changed("at", "2"), largest={"at": 86400.0}),
    ),
    Cell(
        "time_of_day",
        "times of day",
        table({"id": "bigint", "at": "time"}, ("1", "00:00:00"), ("2", "23:59:59.999999")),
        table({"id": "bigint", "at": "time"}, ("1", "00:00:00"), ("2", "23:59:59.999998")),
        differs((2, 2), changed("at", "2")),
    ),
    Cell(
        "instants_as_keys",
        "keys that are equal instants in two zones",
        table({"at": "timestamptz", "n": "bigint"}, ("2024-02-29 12:00:00+00", "1"), ("2024-02-29 13:00:00+00", "2")),
        table(
            {"at": "timestamptz", "n": "bigint"}, ("2024-02-29 17:30:00+05:30", "1"), ("2024-02-29 14:00:00+01", "2")
        ),
        equal(2),
        key=("at",),
    ),
)
