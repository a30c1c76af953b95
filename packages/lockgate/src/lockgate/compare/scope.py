"""What of two relations is compared: which columns, and which rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from lockgate.compare.conditions import over_values, unlike
from lockgate.compare.encoding import piece, record
from lockgate.compare.forms import Form, Pair, paired
from lockgate.core.comparison import (
    ColumnRule,
    ComparedColumn,
    ComparisonRequest,
    SchemaDifference,
    Tolerance,
    Transform,
)
from lockgate.core.conditions import condition_of
from lockgate.core.nearness import did_you_mean_or_known, nearest
from lockgate.core.ports import Side
from lockgate.core.sql import column
from lockgate.core.types import NUMBERS, ColumnType, Kind
from lockgate.errors import ComparisonInvalid

HASHES = 16**8
_WRITTEN = NUMBERS | {Kind.BOOLEAN, Kind.TEXT, Kind.UUID, Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ}
_HASH = {
    "duckdb": "substring(md5({text}), 1, 8) < '{limit}'",
    "postgres": "substring(md5({text}) from 1 for 8) collate \"C\" < '{limit}'",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The columns that are compared, those of the key first, and what the sides' schemas differ by.

    `where` is the filter as a tree over the left's names, `renamed` what they are on the right; `hash_limit` the eight
    hex digits below which a key's hash is in the sample.
    """

    pairs: tuple[Pair, ...]
    keys: int
    schema: SchemaDifference
    where: exp.Expr | None = None
    hash_limit: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[Pair, ...]:
        """The key's columns."""
        return self.pairs[: self.keys]

    @property
    def rest(self) -> tuple[Pair, ...]:
        """The columns that are no part of the key."""
        return self.pairs[self.keys :]

    def rows(self, side: Side, *, left: bool) -> str:
        """SQL for one side's rows that are compared: its columns as c0, c1 and so on, the key's first."""
        columns = [pair.left if left else pair.right for pair in self.pairs]
        names = [f"{quoted(one.name, side)} as c{number}" for number, one in enumerate(columns)]
        conditions = [*self._filter(side, left=left), *self._sample(side, left=left)]
        kept = f" where {' and '.join(conditions)}" if conditions else ""
        return f"select {', '.join(names)} from {side.source}{kept}"

    def _filter(self, side: Side, *, left: bool) -> list[str]:
        if self.where is None:
            return []
        names = {} if left else self.renamed
        columns = {one.name: one for one in side.columns}
        condition = over_values(self.where, lambda name: _placed(columns[names.get(name, name)]))
        return [f"({condition.sql(side.engine.dialect)})"]

    def _sample(self, side: Side, *, left: bool) -> list[str]:
        if self.hash_limit is None:
            return []
        return [_HASH[side.engine.dialect].format(text=self.key_record(side, left=left), limit=self.hash_limit)]

    def key_record(self, side: Side, *, left: bool) -> str:
        """SQL for the canonical record of the key, over the side's own columns."""
        dialect = side.engine.dialect
        sides = [(pair, pair.left if left else pair.right) for pair in self.key]
        return record([piece(pair, one, quoted(one.name, side), dialect) for pair, one in sides], dialect)


def _placed(one: ComparedColumn) -> tuple[ComparedColumn, exp.Column]:
    return one, column(one.name)


def quoted(name: str, side: Side) -> str:
    """A column's quoted name in the side's dialect."""
    return column(name).sql(side.engine.dialect)


def scoped(left: Side, right: Side, request: ComparisonRequest) -> Scope:
    """What is compared, by the request.

    Raises:
        ComparisonInvalid: a column that the request names is not there, the filter is no condition, or a rule does not
            suit its column's type.
    """
    lefts = {one.name: one for one in left.columns}
    rights = {one.name: one for one in right.columns}
    _refuse_unknown(request, lefts, rights)
    names = {name: request.renamed.get(name, name) for name in lefts if name not in request.excluded}
    both = [name for name, other in names.items() if other in rights]
    order = [*request.key, *(name for name in both if name not in request.key)]
    _refuse_lost_key(request.key, both, left, right)
    pairs = tuple(_paired(lefts[name], rights[names[name]], request) for name in order)
    _refuse_idle(request.tolerance, pairs)
    schema = _schema(left, right, request, names)
    where = _condition(request.where, lefts, rights, request)
    return Scope(pairs, len(request.key), schema, where, renamed=request.renamed)


def _refuse_idle(tolerance: Tolerance | None, pairs: Sequence[Pair]) -> None:
    """Refuses a general tolerance that holds for no column: whoever asks for it believes that some are numbers."""
    if tolerance is not None and all(pair.rule.tolerance is None for pair in pairs):
        types = (f"{pair.name} {one.native}" for pair in pairs for one in (pair.left, pair.right))
        told = ", ".join(dict.fromkeys(types))
        hint = "Numbers of a file that holds nan, or more than 38 digits, are text: mend the file, or cast the column."
        raise ComparisonInvalid(f"no column has a tolerance of {tolerance}; there are {told}", hint=hint)


def _paired(left: ComparedColumn, right: ComparedColumn, request: ComparisonRequest) -> Pair:
    left, right = _guessed(left, right), _guessed(right, left)
    rule = request.rules.get(left.name)
    plain = paired(left, right)
    if rule is None:
        general = request.tolerance if left.name not in request.key else None
        suits = general is not None and _suits(plain, general)
        return paired(left, right, ColumnRule(general)) if suits else plain
    if rule.tolerance is not None and not _suits(plain, rule.tolerance):
        raise ComparisonInvalid(
            f"column {left.name!r} ({left.native}) has no tolerance of {rule.tolerance}",
            hint="Amounts and shares are for numbers, durations for dates and times.",
            column=left.name,
        )
    for transform in rule.transforms:
        if unsuited := _unsuited(plain, transform):
            raise ComparisonInvalid(
                f"column {left.name!r} ({left.native}) is {unsuited}, which {transform} is for",
                hint="trim, lower, upper, nfc and empty_is_null are for text, whole for numbers, date for times.",
                column=left.name,
            )
    return paired(left, right, rule)


def _guessed(column: ComparedColumn, other: ComparedColumn) -> ComparedColumn:
    """A column; one without values as of the other's type, where that can be written; a list beside text as text."""
    if column.type.kind is Kind.JSON and column.native.endswith("]") and other.is_written:
        return replace(column, type=ColumnType(Kind.TEXT))
    return replace(column, type=other.type) if column.is_empty and other.type.kind in _WRITTEN else column


def _unsuited(pair: Pair, transform: Transform) -> str:
    """What the columns are not, where a transform is not for them; '' where it is."""
    if transform is Transform.WHOLE:
        return "" if pair.form.is_number else "not a number"
    if transform is Transform.DATE:
        return "" if pair.form.is_time else "not a date or time"
    return "" if pair.form in {Form.TEXT, Form.UNLIKE} else "not text"


def _suits(pair: Pair, tolerance: Tolerance) -> bool:
    return pair.form.is_time if tolerance.seconds is not None else pair.form.is_number


def _refuse_unknown(
    request: ComparisonRequest, lefts: Mapping[str, ComparedColumn], rights: Mapping[str, ComparedColumn]
) -> None:
    asked = [*request.key, *request.rules, *request.renamed, *request.group_by]
    _refuse_missing([*asked, *(name for name in request.excluded if name not in rights)], lefts, "the left side")
    _refuse_missing([*request.renamed.values()], rights, "the right side")
    if not request.key:
        raise ComparisonInvalid("no key was named", hint="Name the columns that make a row one row: --key id")
    _refuse_bent_key(request)
    _refuse_claimed_twice(request, lefts)


def _refuse_bent_key(request: ComparisonRequest) -> None:
    for name in request.key:
        if name in request.rules:
            raise ComparisonInvalid(
                f"column {name!r} is of the key, which is compared exactly",
                hint="Take its tolerance and its transforms away, or choose another key.",
                column=name,
            )
        if name in request.excluded:
            hint = "Compare it, or choose another key."
            raise ComparisonInvalid(f"column {name!r} is of the key and cannot be left out", hint=hint, column=name)


def _refuse_claimed_twice(request: ComparisonRequest, lefts: Collection[str]) -> None:
    """A column on the right is held against one on the left."""
    for name, other in request.renamed.items():
        if other in lefts and other not in request.renamed and other not in request.excluded:
            raise ComparisonInvalid(
                f"{other!r} on the right would be compared twice: with {name!r} and with {other!r}",
                hint=f"Say what else {other!r} of the left is called there, or leave it out: --exclude {other}",
                column=other,
            )


def _refuse_missing(names: Sequence[str], columns: Collection[str], where: str) -> None:
    for name in names:
        if name not in columns:
            told = did_you_mean_or_known(name, columns)
            raise ComparisonInvalid(f"{where} has no column {name!r}; {told}", column=name)


def _refuse_lost_key(key: Sequence[str], both: Sequence[str], left: Side, right: Side) -> None:
    lost = [name for name in key if name not in both]
    if lost:
        there = next(iter(nearest(lost[0], [one.name for one in right.columns])), "NAME")
        raise ComparisonInvalid(
            f"the key's column {lost[0]!r} of {left.name} is not in {right.name}",
            hint=f"Where it has another name there, say so: --map {lost[0]}={there}",
            column=lost[0],
        )


def _schema(left: Side, right: Side, request: ComparisonRequest, names: Mapping[str, str]) -> SchemaDifference:
    lefts = {one.name: one for one in left.columns}
    rights = {one.name: one for one in right.columns}
    taken = {*names.values(), *request.excluded, *(request.renamed.get(name, name) for name in request.excluded)}
    common = [other for other in names.values() if other in rights]
    return SchemaDifference(
        added=tuple(name for name in rights if name not in taken),
        removed=tuple(name for name, other in names.items() if other not in rights),
        type_changed={
            name: (lefts[name].native, rights[other].native)
            for name, other in names.items()
            if other in rights and _is_retyped((lefts[name], left), (rights[other], right))
        },
        is_reordered=common != [name for name in rights if name in set(common)],
    )


def _is_retyped(one: tuple[ComparedColumn, Side], other: tuple[ComparedColumn, Side]) -> bool:
    """Whether types differ; of two engines, which name one type otherwise, or of a file, the logical types count."""
    (left, left_side), (right, right_side) = one, other
    if left.is_empty or right.is_empty:
        return False
    if left_side.engine.dialect != right_side.engine.dialect or left.is_written or right.is_written:
        return left.type != right.type
    return left.native != right.native


def _condition(
    written: str | None,
    lefts: Mapping[str, ComparedColumn],
    rights: Mapping[str, ComparedColumn],
    request: ComparisonRequest,
) -> exp.Expr | None:
    """The filter, read as PostgreSQL's SQL: one condition over columns that both sides have."""
    if written is None:
        return None
    condition = condition_of(written, lefts)
    kinds: dict[str, frozenset[Kind]] = {}
    for each in condition.find_all(exp.Column):
        other = request.renamed.get(each.name, each.name)
        if other not in rights:
            raise ComparisonInvalid(f"the filter's column {each.name!r} is not on the right side", column=each.name)
        kinds[each.name] = frozenset({lefts[each.name].type.kind, rights[other].type.kind})
    if found := unlike(condition, kinds):
        raise ComparisonInvalid(f"{written!r} {found.what}, which engines do not do alike", hint=found.remedy)
    return condition
