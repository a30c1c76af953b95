"""Random tables with differences planted in them, of the kinds that comparisons are known to miss or to invent.

Every row has values by which it is told from any other, so that what is planted is known by its place. Disguises are
rows that are equal though they are written otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeAlias

from lockgate.core.comparison import RowCounts, Status
from lockgate.testing.comparisons.cell import Located, Row, TypedTable

Values: TypeAlias = dict[str, str | None]
# Rows on the left, rows on the right, and where they differ.
Planting: TypeAlias = tuple[list[Values], list[Values], list[Located]]

COLUMNS = {
    "note": "text",
    "other": "text",
    "x": "double precision",
    "at": "timestamptz",
    "amount": "decimal(18,6)",
    "n": "bigint",
}
# The right side's type has more room, as where a column was widened.
_WIDER = {**COLUMNS, "amount": "decimal(38,12)"}
_NESTED = {"body": "json"}
_SPARSE = 2**60


class Keys(StrEnum):
    """What the keys are."""

    CLOSE = "close"
    NEGATIVE = "negative"
    SPARSE = "sparse"
    TEXT = "text"
    COMPOSITE = "composite"


@dataclass(frozen=True, slots=True)
class Planted:
    """Two tables, their key, and where they differ."""

    left: TypedTable
    right: TypedTable
    key: tuple[str, ...]
    located: tuple[Located, ...]
    counts: RowCounts


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of what to plant; `odd_keys` allows repeated and NULL keys, `nested` adds a column of JSON."""

    rows: int = 300
    differences: int = 50
    disguises: int = 6
    keys: Keys = Keys.CLOSE
    odd_keys: bool = False
    nested: bool = False


def planted(seed: int, plan: Plan) -> Planted:
    """Two tables with what the plan says planted in them; the same for the same seed."""
    random = Random(seed)  # noqa: S311 - no secret rests on it
    key, drawn = _keys(random, plan)
    rows = [_row(random, key, one, place, nested=plan.nested) for place, one in enumerate(drawn)]
    random.shuffle(rows)
    kinds = _kinds(seed, plan)
    plantings = [_planting(random, rows, key, kind) for kind in kinds]
    disguised = [DISGUISES[turn % len(DISGUISES)](rows.pop()) for turn in range(plan.disguises)]
    lefts = [*rows, *(row for left, _, _ in plantings for row in left), *(row for row, _ in disguised)]
    rights = [*rows, *(row for _, right, _ in plantings for row in right), *(row for _, row in disguised)]
    random.shuffle(rights)
    located = tuple(each for _, _, located in plantings for each in located)
    return Planted(
        left=_table(lefts, key, COLUMNS, nested=plan.nested),
        right=_table(rights, key, _WIDER, nested=plan.nested),
        key=tuple(key),
        located=located,
        counts=_counts((len(lefts), len(rights)), located),
    )


def _keys(random: Random, plan: Plan) -> tuple[dict[str, str], list[Row]]:
    """The key's columns with their types, and as many different keys as there are rows."""
    many = plan.rows
    if plan.keys is Keys.TEXT:
        return {"id": "text"}, [(f"{random.choice('aAéÉ')};{place}:~",) for place in range(many)]
    if plan.keys is Keys.COMPOSITE:
        pairs = [(str(place % 7), f"{place};{random.choice('ab')}") for place in range(many)]
        return {"shop": "integer", "code": "text"}, list(pairs)
    if plan.keys is Keys.SPARSE:
        return {"id": "bigint"}, [(str(one),) for one in random.sample(range(_SPARSE), many)]
    first = -many - 5 if plan.keys is Keys.NEGATIVE else 1
    return {"id": "bigint"}, [(str(first + place),) for place in range(many)]


def _kinds(seed: int, plan: Plan) -> list[Kind]:
    """The kinds that are planted, in turn; each seed goes on where the one before it ended."""
    kinds = [*PLAIN, *(ODD if plan.odd_keys else ())]
    return [kinds[(seed * plan.differences + turn) % len(kinds)] for turn in range(plan.differences)]


def _row(random: Random, key: Iterable[str], values: Row, place: int, *, nested: bool) -> Values:
    row: Values = dict(zip(key, values, strict=True))
    row |= {
        "note": f"note {place}",
        "other": random.choice(["a;b", "~", "3:x", "", None, "ß"]),
        "x": repr(place + random.random()),
        "at": f"2024-{place % 12 + 1:02}-{place % 28 + 1:02} {place % 24:02}:00:{random.randrange(60):02}+00",
        "amount": f"{place}.{random.randrange(10**6):06}",
        "n": str(random.randrange(-(2**62), 2**62)),
    }
    return row | ({"body": f'{{"a": [{place}, 2], "b": "x"}}'} if nested else {})


def _planting(random: Random, rows: list[Values], key: dict[str, str], kind: Kind) -> Planting:
    """Takes a row or two away and plants a difference where they were."""
    taken = [rows.pop() for _ in range(kind.rows)]
    return kind.plant(random, taken, key)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of difference, and how many rows it needs."""

    name: str
    plant: Callable[[Random, list[Values], dict[str, str]], Planting]
    rows: int = 1


def _changing(**values: tuple[str | None, str | None]) -> Callable[[Random, list[Values], dict[str, str]], Planting]:
    """Plants values, those of the left and those of the right, in one row."""

    def plant(_: Random, rows: list[Values], key: dict[str, str]) -> Planting:
        (row,) = rows
        left, right = row | {n: v for n, (v, _) in values.items()}, row | {n: v for n, (_, v) in values.items()}
        return [left], [right], [_changed(row, key, name) for name in values]

    return plant


def _swapped(_: Random, rows: list[Values], key: dict[str, str]) -> Planting:
    """Two rows have each other's key."""
    one, other = rows
    swapped = [
        one | {name: other[name] for name in key},
        other | {name: one[name] for name in key},
    ]
    names = [name for name in one if name not in key and one[name] != other[name]]
    return rows, swapped, [_changed(row, key, name) for row in rows for name in names]


def _lost(_: Random, rows: list[Values], key: dict[str, str]) -> Planting:
    return rows, [], [Located(Status.MISSING, _key(rows[0], key))]


def _added(_: Random, rows: list[Values], key: dict[str, str]) -> Planting:
    return [], rows, [Located(Status.EXTRA, _key(rows[0], key))]


def _doubled(_: Random, rows: list[Values], key: dict[str, str]) -> Planting:
    return rows, [*rows, *rows], [Located(Status.EXTRA, _key(rows[0], key))]


def _double_lost(_: Random, rows: list[Values], key: dict[str, str]) -> Planting:
    twin = rows[0] | {"note": "twin"}
    return [*rows, twin], rows, [Located(Status.MISSING, _key(rows[0], key))]


def _double_changed(_: Random, rows: list[Values], key: dict[str, str]) -> Planting:
    twin, changed = rows[0] | {"note": "twin"}, rows[0] | {"note": "twin "}
    return [*rows, twin], [changed, *rows], [_changed(rows[0], key, "note")]


def _last_digit(random: Random, rows: list[Values], key: dict[str, str]) -> Planting:
    """The last digit of a number past 2^53."""
    number = random.randrange(2**53, 2**62)
    return _changing(n=(str(number), str(number + 1)))(random, rows, key)


PLAIN = (
    Kind("null_for_empty", _changing(note=(None, ""))),
    Kind("empty_for_null", _changing(other=("", None))),
    Kind("delimiter", _changing(note=("x;y", "x"), other=("z", "y;z"))),
    Kind("delimiter_and_length", _changing(note=("3:ab", "3"), other=("c", "ab:c"))),
    Kind("null_and_its_mark", _changing(note=("~", None), other=(None, "~"))),
    Kind("nan_for_null", _changing(x=("NaN", None))),
    Kind("nan_for_minus_zero", _changing(x=("-0.0", "NaN"))),
    Kind("last_bit", _changing(x=("0.30000000000000004", "0.3"))),
    Kind("zone", _changing(at=("2024-02-29 12:00:00+00", "2024-02-29 12:00:00+02"))),
    Kind("microsecond", _changing(at=("2024-02-29 12:00:00+00", "2024-02-29 12:00:00.000001+00"))),
    Kind("scale", _changing(amount=("1.083211", "1.0832110001"))),
    Kind("sixth_digit", _changing(amount=("1.083211", "1.083214"))),
    Kind("normal_form", _changing(note=("caf\u00e9", "cafe\u0301"))),
    Kind("trailing_blank", _changing(note=("tea", "tea "))),
    Kind("case", _changing(note=("Tea", "tea"))),
    Kind("last_digit", _last_digit),
    Kind("swapped_keys", _swapped, rows=2),
    Kind("lost_row", _lost),
    Kind("added_row", _added),
)
ODD = (
    Kind("doubled_row", _doubled),
    Kind("lost_double", _double_lost),
    Kind("changed_double", _double_changed),
)


def _disguised(**values: tuple[str, str]) -> Callable[[Values], tuple[Values, Values]]:
    """Equal values that are written otherwise."""

    def disguise(row: Values) -> tuple[Values, Values]:
        return row | {n: v for n, (v, _) in values.items()}, row | {n: v for n, (_, v) in values.items()}

    return disguise


DISGUISES = (
    _disguised(x=("-0.0", "0.0")),
    _disguised(x=("NaN", "NaN")),
    _disguised(at=("2024-02-29 12:00:00+00", "2024-02-29 17:30:00+05:30")),
    _disguised(amount=("1.5", "1.500000000000")),
    _disguised(x=("1e2", "100.0")),
    _disguised(amount=("-0.0", "0")),
)


def _key(row: Values, key: dict[str, str]) -> Row:
    return tuple(row[name] for name in key)


def _changed(row: Values, key: dict[str, str], column: str) -> Located:
    return Located(Status.CHANGED, _key(row, key), column)


def _table(rows: list[Values], key: dict[str, str], types: dict[str, str], *, nested: bool) -> TypedTable:
    columns = {**key, **types, **(_NESTED if nested else {})}
    return TypedTable(columns, tuple(tuple(row[name] for name in columns) for row in rows))


def _counts(rows: tuple[int, int], located: Iterable[Located]) -> RowCounts:
    keys = {status: [each.key for each in located if each.status is status] for status in Status}
    missing, extra, changed = len(keys[Status.MISSING]), len(keys[Status.EXTRA]), len(set(keys[Status.CHANGED]))
    return RowCounts(*rows, matched=rows[0] - missing - changed, missing=missing, extra=extra, changed=changed)
