"""Comparisons: what is asked of two relations, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from lockgate.core.load import Pin
from lockgate.core.route import Edition
from lockgate.core.touches import Touches
from lockgate.core.types import ColumnType
from lockgate.errors import LockgateError


class Verdict(StrEnum):
    """What a comparison means."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class Method(StrEnum):
    """How rows were compared: joined in one engine, by fingerprints of buckets, or streamed into one engine."""

    JOIN = "join"
    FINGERPRINT = "fingerprint"
    STREAM = "stream"


class Status(StrEnum):
    """What is the matter with a row: not on the right, not on the left, or other values there."""

    MISSING = "missing"
    EXTRA = "extra"
    CHANGED = "changed"


HIDDEN = "***"
_TOLERANCE = re.compile(
    r"(?P<number>\d+(?:\.\d+)?|\.\d+)(?:[eE](?P<power>[+-]?\d{1,3}))?\s*(?P<unit>%|ms|s|m|h|d)?", re.ASCII
)
_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}


@dataclass(frozen=True, slots=True)
class Tolerance:
    """By how much two values may differ: an amount, a share of the left value, a duration. The bound counts as equal.

    Amounts and shares hold for numbers, durations for dates and times.
    """

    absolute: Decimal | None = None
    relative: Decimal | None = None
    seconds: Decimal | None = None

    @classmethod
    def parse(cls, written: str) -> Tolerance:
        """`0.01`, `1%` or, for times, `500ms`, `2s`, `5m`, `1h`, `1d`.

        Raises:
            ValueError: it is none of these.
        """
        match = _TOLERANCE.fullmatch(written.strip())
        if not match:
            raise ValueError(f"{written!r} is not a tolerance: write 0.01, 1% or, for times, 2s")
        try:
            number = Decimal(f"{match['number']}e{match['power'] or 0}")
        except InvalidOperation as error:
            raise ValueError(f"{written!r} is not a tolerance") from error
        if match["unit"] == "%":
            return cls(relative=number / 100)
        if match["unit"]:
            return cls(seconds=number * _SECONDS[match["unit"]])
        return cls(absolute=number)

    def __str__(self) -> str:
        """The tolerance as it is written."""
        if self.relative is not None:
            return f"{self.relative * 100:f}%"
        return f"{self.seconds:f}s" if self.seconds is not None else f"{self.absolute or 0:f}"


class Transform(StrEnum):
    """What may be done to both values of a column before they are compared."""

    TRIM = "trim"
    LOWER = "lower"
    UPPER = "upper"
    NFC = "nfc"
    EMPTY_IS_NULL = "empty_is_null"
    DATE = "date"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """How the two values of one column are held against each other."""

    tolerance: Tolerance | None = None
    transforms: tuple[Transform, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedDifference:
    """A difference that was agreed on: where it is, who answers for it, why, until when, for how many rows.

    It explains the changed values of `columns` (of every column where none is named) in rows that `where` is true of,
    a condition in SQL over the columns as they are named on the left; and, where `status` says so, missing or extra
    rows. With `right`, an expression over the left row, only values explain themselves that equal it.
    """

    name: str
    owner: str
    reason: str
    expires: date
    most_rows: int
    columns: tuple[str, ...] = ()
    where: str | None = None
    right: str | None = None
    status: Status = Status.CHANGED


@dataclass(frozen=True, slots=True)
class Thrift:
    """When fingerprints pay.

    Below `fewest_rows`, reading all of them costs less than hashing them; it costs less, too, where more than
    `most_fetched` of the rows are in buckets that differ and are not solved.
    """

    fewest_rows: int = 50_000
    most_fetched: float = 0.3


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """What to compare and how.

    `renamed` maps names on the left to names on the right; every other option names columns as the left does.
    `tolerance` holds for each number or, as a duration, for each time without a rule of its own. Where no `method` is
    asked for, `thrift` helps to choose. With `touches`, whoever shows it to a person also tells what it touches.
    """

    key: tuple[str, ...]
    tolerance: Tolerance | None = None
    rules: Mapping[str, ColumnRule] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    noisy: frozenset[str] = frozenset()
    where: str | None = None
    group_by: tuple[str, ...] = ()
    sample_rows: int | None = None
    most_samples: int = 20
    show_values: bool = False
    fewest_rows: int = 1
    method: Method | None = None
    expected: tuple[ExpectedDifference, ...] = ()
    thrift: Thrift = Thrift()
    touches: bool = True


@dataclass(frozen=True, slots=True)
class ComparedColumn:
    """A column of a relation that is compared: its logical type, and the type as its engine names it.

    `is_written` says that the values are text which writes that type, as a CSV file has them; `is_empty` that there are
    none, so that the type is anybody's guess.
    """

    name: str
    type: ColumnType
    native: str
    is_written: bool = False
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows by what came of them: left = matched + changed + missing, right = matched + changed + extra."""

    left: int
    right: int
    matched: int
    missing: int
    extra: int
    changed: int

    @property
    def differing(self) -> int:
        """How many rows are missing, extra or changed."""
        return self.missing + self.extra + self.changed


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """A column's changed values, the engines' names of its types, and the largest amount two numbers differ by.

    Of times the amount is in seconds.
    """

    name: str
    changed: int
    type_left: str
    type_right: str
    largest: float | None = None
    is_noisy: bool = False


@dataclass(frozen=True, slots=True)
class SchemaDifference:
    """Columns of one side alone, columns with other types, and whether those of both stand in another order."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    type_changed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    is_reordered: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One difference: the row's key, and for a changed row the column with its two values."""

    status: Status
    key: Mapping[str, object]
    column: str | None = None
    left: object = None
    right: object = None


@dataclass(frozen=True, slots=True)
class Cause:
    """What many changed values of a column, or many missing or extra rows, have in common.

    `transform` says how the right value comes from the left one, `where` in which rows. `rows` of the `of` values (or
    rows) that differ are so, and `share` of all rows that `where` is true of.
    """

    status: Status
    column: str | None
    transform: str | None
    where: str | None
    rows: int
    of: int
    share: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Explained:
    """How many differing rows an expected difference explains, and why it explains none though it might."""

    name: str
    rows: int
    most_rows: int
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class UnexplainedIn:
    """Where the differences are that nothing explains: changed values by column, and rows of one side alone."""

    columns: Mapping[str, int] = field(default_factory=dict)
    missing: int = 0
    extra: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one value of the columns that were asked for."""

    values: Mapping[str, object]
    rows: RowCounts


@dataclass(frozen=True, slots=True)
class Comparison:
    """The keyed row-level difference of two relations, and what it means.

    `editions` are those that the left and the right side show, `pins` the loads that they were made of. `evidence` is
    the number under which it is kept, where it is about one entity; `unkept` why it could not be kept. `unexplained_in`
    is None where it was kept by a Lockgate that did not tell; `touches` where nothing unexplained is of an entity.
    """

    left: str
    right: str
    key: tuple[str, ...]
    verdict: Verdict
    reasons: tuple[str, ...]
    rows: RowCounts
    columns: tuple[ColumnDifference, ...]
    schema: SchemaDifference
    samples: tuple[Sample, ...]
    causes: tuple[Cause, ...]
    groups: tuple[Group, ...]
    explained: tuple[Explained, ...]
    unexplained: int
    method: Method
    why_method: str
    rows_moved: int
    seconds: float
    pins: tuple[Pin, ...] = ()
    editions: tuple[tuple[Edition, ...], tuple[Edition, ...]] = ((), ())
    evidence: int | None = None
    unkept: LockgateError | None = None
    unexplained_in: UnexplainedIn | None = None
    touches: Touches | None = None


@dataclass(frozen=True, slots=True)
class ComparisonRecord:
    """A comparison of an entity that was kept as evidence.

    `found` is its document as JSON, without values of rows, and with what was asked as `request`.
    """

    comparison_id: int
    entity: str
    verdict: Verdict
    unexplained: int
    compared_at: datetime
    found: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Noise:
    """The columns in which two executions of one implementation, at one revision and on the same loads, differ."""

    entity: str
    implementation: str
    revision: str
    columns: tuple[str, ...]
    learnt_at: datetime


def renamed_back(renamed: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    """Names on the right as the left has them."""
    back = {right: left for left, right in renamed.items()}
    return tuple(back.get(name, name) for name in names)
