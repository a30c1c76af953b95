"""The fixed list of transforms that may make right values of left ones, and how many each of them makes.

What is told of columns alike is counted in one query over the values of all of them, one below another: a query of as
many sums for each column takes longer to plan than to reckon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lockgate.compare.carry import BENCH
from lockgate.compare.differences import SUMS_AT_ONCE
from lockgate.compare.encoding import value
from lockgate.compare.forms import Form, Pair
from lockgate.compare.joining import DIFFERENCES
from lockgate.compare.profile import numbers
from lockgate.compare.scope import Scope
from lockgate.core.ports import Bench

_FACTORS = (
    ("* 100", 100),
    ("/ 100", 0.01),
    ("* 1000", 1000),
    ("/ 1000", 0.001),
    ("* 10", 10),
    ("/ 10", 0.1),
    ("* -1", -1),
)
_NUMBERS = (
    *((f"left {word}", f"{{l}} * {factor}") for word, factor in _FACTORS),
    ("round(left)", "round({l})"),
    ("round(left, 1)", "round({l}, 1)"),
    ("round(left, 2)", "round({l}, 2)"),
    ("trunc(left)", "trunc({l})"),
    ("abs(left)", "abs({l})"),
)
_TEXTS = (
    ("trim(left)", "trim({l})"),
    ("lower(left)", "lower({l})"),
    ("upper(left)", "upper({l})"),
    ("normalize(left, NFC)", "nfc_normalize({l})"),
    ("left without accents", "strip_accents({l})"),
    ("left with single blanks", "regexp_replace(trim({l}), '\\s+', ' ', 'g')"),
    ("left without leading zeros", "ltrim({l}, '0')"),
    ("the beginning of left", "case when length({r}) > 0 then left({l}, length({r})) end"),
    ("left with a beginning before it", "case when length({l}) > 0 and ends_with({r}, {l}) then {r} end"),
    ("left with an ending after it", "case when length({l}) > 0 and starts_with({r}, {l}) then {r} end"),
)
_HOURS = (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8, 9, -9, 10, -10, 11, -11, 12, -12, 24, -24)
_ANY = (
    ("NULL", "{r} is null"),
    ("a value where left is NULL", "{l} is null"),
)
# So many columns' values are put one below another in one query.
_COLUMNS_AT_ONCE = 50
_TEXT_SUMS = """
select number, {sums} from (
    select number, mine collate "binary" as mine, yours collate "binary" as yours from ({values}) as texts
) as each_text
group by number
"""
_MADE = """
select number, made.place as place, count(*) as n from (
    select number, mine, yours, unnest([{made}]) as made from ({values}) as numbers
) as each_value
where mine <> 0 and abs(made.value - yours) <= 1e-12 * greatest(abs(made.value), abs(yours))
group by number, made.place
"""
_MOVED = """
select number, moved, count(*) as n from ({values}) as moments where moved in ({wanted}) group by number, moved
"""


class Family(StrEnum):
    """What transforms are for, so that those of many columns can be counted together; `ANY` are counted one by one."""

    ANY = "any"
    TEXT = "text"
    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Step:
    """A transform in words, and a condition that is true of the rows whose right value it makes.

    `made` tells the same as its family needs it: the condition, which may be NULL; of text whether it makes `yours` of
    `mine`; of a number what it makes of `mine`; of a time by how many microseconds it moves.
    """

    words: str
    condition: str
    family: Family
    made: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The transforms of the column in place `number`, tried on the rows that `left` is true of."""

    number: int
    pair: Pair
    left: str
    steps: Sequence[Step] = field(repr=False)


def steps(scope: Scope, number: int) -> list[Step]:
    """The transforms that suit the column in place `number`."""
    pair, one, other = scope.pairs[number], f"l{number}", f"r{number}"
    found = [_alone(words, condition.format(l=one, r=other)) for words, condition in _ANY]
    if pair.form.is_number:
        found += [Step(w, _makes_number(sql, number), Family.NUMBER, sql.format(l="mine")) for w, sql in _NUMBERS]
    elif pair.form.is_time:
        found += [_hours(hours, number) for hours in _HOURS]
        found.append(_alone("date of left", f"cast({one} as date) = cast({other} as timestamp)"))
    elif pair.form in {Form.TEXT, Form.UNLIKE}:
        mine, yours = _values(pair, number)
        found += [_of_text(words, sql, mine, yours) for words, sql in _TEXTS]
        found.append(_alone("'' where left is NULL", f"{one} is null and {yours} = ''"))
    for place, swapped in enumerate(scope.pairs):
        if place >= scope.keys and place != number and swapped.form is pair.form:
            equal = f"{_values(swapped, place)[0]} = {_values(pair, number)[1]}"
            found.append(_alone(f"left.{swapped.name}", equal))
    return found


def counts(bench: Bench, turns: Sequence[Turn]) -> Mapping[int, Sequence[int]]:
    """By the column's place: how many of the right values each of its transforms makes, in their order."""
    found = _counted_one_by_one(bench, turns)
    for family, count in ((Family.TEXT, _texts), (Family.NUMBER, _numbers), (Family.TIME, _times)):
        some = [turn for turn in turns if any(step.family is family for step in turn.steps)]
        for start in range(0, len(some), _COLUMNS_AT_ONCE):
            found |= count(bench, some[start : start + _COLUMNS_AT_ONCE])
    return {turn.number: [found.get((turn.number, step.made), 0) for step in turn.steps] for turn in turns}


# By a column's place and what a transform made: how many right values it makes.
_Counts = dict[tuple[int, str], int]


def _counted_one_by_one(bench: Bench, turns: Sequence[Turn]) -> _Counts:
    """Transforms that are no other column's."""
    every = [(turn, step.made) for turn in turns for step in turn.steps if step.family is Family.ANY]
    found: _Counts = {}
    for start in range(0, len(every), SUMS_AT_ONCE):
        some = every[start : start + SUMS_AT_ONCE]
        left = {turn.number: f"{turn.left} as is_left{turn.number}" for turn, _ in some}
        sums = [
            f"count_if(case when is_left{turn.number} then {made} end) as s{place}"
            for place, (turn, made) in enumerate(some)
        ]
        judged = f"(select *, {', '.join(left.values())} from {DIFFERENCES}) as judged"
        many = numbers(bench, f"select {', '.join(sums)} from {judged}")
        found |= {(turn.number, made): n for (turn, made), n in zip(some, many, strict=True)}
    return found


def _texts(bench: Bench, turns: Sequence[Turn]) -> _Counts:
    made = _made(turns, Family.TEXT)
    sums = ", ".join(f"count_if({each}) as s{n}" for n, each in enumerate(made))
    values = _below([(turn, *_values(turn.pair, turn.number)) for turn in turns])
    rows = bench.query(_TEXT_SUMS.format(sums=sums, values=values)).to_pylist()
    return {(row["number"], each): int(row[f"s{n}"] or 0) for row in rows for n, each in enumerate(made)}


def _numbers(bench: Bench, turns: Sequence[Turn]) -> _Counts:
    made = _made(turns, Family.NUMBER)
    each = ", ".join(f"{{'place': {n}, 'value': {sql}}}" for n, sql in enumerate(made))
    doubles = [(turn, _double("l", turn.number), _double("r", turn.number)) for turn in turns]
    rows = bench.query(_MADE.format(made=each, values=_below(doubles))).to_pylist()
    return {(row["number"], made[row["place"]]): row["n"] for row in rows}


def _times(bench: Bench, turns: Sequence[Turn]) -> _Counts:
    made = _made(turns, Family.TIME)
    moments = " union all ".join(
        f"select {turn.number} as number, {_moved(turn.number)} as moved from {DIFFERENCES} where {turn.left}"
        for turn in turns
    )
    rows = bench.query(_MOVED.format(values=moments, wanted=", ".join(made))).to_pylist()
    return {(row["number"], str(row["moved"])): row["n"] for row in rows}


def _made(turns: Sequence[Turn], family: Family) -> list[str]:
    """What transforms of a family make, each once."""
    return list(dict.fromkeys(step.made for turn in turns for step in turn.steps if step.family is family))


def _below(values: Sequence[tuple[Turn, str, str]]) -> str:
    """SQL for values of columns one below another: `number`, `mine`, `yours`."""
    return " union all ".join(
        f"select {turn.number} as number, {mine} as mine, {yours} as yours from {DIFFERENCES} where {turn.left}"
        for turn, mine, yours in values
    )


def _values(pair: Pair, number: int) -> tuple[str, str]:
    """Both values of a column as they are compared."""
    return value(pair, pair.left, f"l{number}", BENCH), value(pair, pair.right, f"r{number}", BENCH)


def _alone(words: str, made: str) -> Step:
    return Step(words, f"coalesce({made}, false)", Family.ANY, made)


def _of_text(words: str, sql: str, mine: str, yours: str) -> Step:
    condition, made = (f"({sql.format(l=one, r=other)}) = {other}" for one, other in ((mine, yours), ("mine", "yours")))
    return Step(words, f"coalesce({condition}, false)", Family.TEXT, made)


def _makes_number(sql: str, number: int) -> str:
    """Equal to twelve digits: factors are applied in floating-point."""
    one, other = _double("l", number), _double("r", number)
    made = sql.format(l=one)
    return f"coalesce({one} <> 0 and abs({made} - {other}) <= 1e-12 * greatest(abs({made}), abs({other})), false)"


def _double(side: str, number: int) -> str:
    return f"try_cast({side}{number} as double)"


def _hours(hours: int, number: int) -> Step:
    moved = str(hours * 3_600_000_000)
    return Step(f"left {hours:+d} hours", f"coalesce({_moved(number)} = {moved}, false)", Family.TIME, moved)


def _moved(number: int) -> str:
    return f"epoch_us(cast(r{number} as timestamptz)) - epoch_us(cast(l{number} as timestamptz))"
