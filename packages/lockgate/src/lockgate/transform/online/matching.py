"""Which outcome each record has, from the rows that an online query gives.

Where rows know their record, a record has its one row. Where they are told by keys, several records may have one key:
the row is the first one's whose own answer, asked alone, equals it; the others are duplicates, but for those that have
no row alone either: these are rejected. A record that has no row among the others, and would have one alone, is a
duplicate too: another record took its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa

from lockgate.core.arrow import arrow_schema
from lockgate.core.relation import Contract
from lockgate.core.stream import POSITION_COLUMN
from lockgate.transform.online.alone import Alone, Row
from lockgate.transform.online.answering import FOUND, KEYED, LOST, SHARED
from lockgate.transform.online.marking import MARK, REQUEST
from lockgate.transform.rules.query import OUTCOME, REASON
from lockgate.transform.rules.rule_set import Outcome

NO_ROW = "the model gives no row for this record"
SEVERAL_ROWS = "the model gives several rows for this record"
OTHER_ROW = "another record of the request has its key"
OTHER_PLACE = "other records of the request take its place"


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of a record: which row it has, or why none."""

    row: int | None
    outcome: Outcome = Outcome.OK
    reason: str | None = None


def outcome_schema(contract: Contract) -> pa.Schema:
    """The columns of outcomes: the contract's, `_outcome`, `_reason`, and the record's position from 1."""
    own = [(OUTCOME, pa.string()), (REASON, pa.string()), (POSITION_COLUMN, pa.int64())]
    return pa.schema([*arrow_schema(contract.columns), *(pa.field(*one) for one in own)])


def by_mark(found: pa.Table, positions: Sequence[int], contract: Contract) -> pa.Table:
    """The outcomes of records by rows that have their record's number; `positions` are all records', in order."""
    if _is_plain(found, positions, contract):
        return _outcomes(found, [_Fate(None)] * len(positions), positions, contract, is_plain=True)
    rows: dict[int, list[int]] = {position: [] for position in positions}
    for row, position in enumerate(found[MARK].to_pylist()):
        rows[position].append(row)
    told = _Told(found, contract)
    fates = [told.fate_of(rows[position]) for position in positions]
    return _outcomes(found, fates, positions, contract)


def by_key(found: pa.Table, positions: Sequence[int], contract: Contract, alone: Alone) -> pa.Table:
    """The outcomes of records by rows with the contract's key and their request; `alone` asks records alone."""
    if _is_plain(found, positions, contract) and max(found[SHARED].to_pylist(), default=1) == 1:
        return _outcomes(found, [_Fate(None)] * len(positions), positions, contract, is_plain=True)
    matching = _Matching(found, contract, alone)
    return _outcomes(found, matching.fates(positions), positions, contract)


def _is_plain(found: pa.Table, positions: Sequence[int], contract: Contract) -> bool:
    """Whether every record has one row, and nothing is wrong with any."""
    if found[MARK].to_pylist() != list(positions) or found[LOST].null_count != len(found):
        return False
    if FOUND in found.column_names and found[FOUND].null_count:
        return False
    return not any(found[name].null_count for name in contract.key)


def _outcomes(
    found: pa.Table, fates: Sequence[_Fate], positions: Sequence[int], contract: Contract, *, is_plain: bool = False
) -> pa.Table:
    values = found.select(contract.names)
    if not is_plain:
        values = values.take(pa.array([fate.row for fate in fates], pa.int64()))
    own = [[fate.outcome.value for fate in fates], [fate.reason for fate in fates], positions]
    schema = outcome_schema(contract)
    arrays = [one.cast(type_) for one, type_ in zip(values.columns, schema.types, strict=False)]
    arrays += [pa.array(one, schema.field(place - 3).type) for place, one in enumerate(own, len(schema))]
    return pa.table(arrays, schema=schema)


class _Told:
    """What is wrong with rows themselves."""

    def __init__(self, found: pa.Table, contract: Contract) -> None:
        self._lost = found[LOST].to_pylist()
        self._keys = list(zip(*(found[name].to_pylist() for name in contract.key), strict=True))
        self._contract = contract

    def fate_of(self, rows: Sequence[int]) -> _Fate:
        """That of a record which has these rows to itself."""
        if not rows:
            return _Fate(None, Outcome.REJECTED, NO_ROW)
        if len(rows) > 1:
            return _Fate(None, Outcome.REJECTED, SEVERAL_ROWS)
        row = rows[0]
        if self._lost[row] is not None:
            lost = self._contract.column(self._lost[row])
            return _Fate(None, Outcome.REJECTED, f"{lost.name}: not {lost.type}")
        for name, value in zip(self._contract.key, self._keys[row], strict=True):
            if value is None:
                return _Fate(None, Outcome.REJECTED, f"{name}: the key is NULL")
        return _Fate(row)


class _Matching:
    """Records and rows by keys."""

    def __init__(self, found: pa.Table, contract: Contract, alone: Alone) -> None:
        self._values = found.select(contract.names)
        self._told = _Told(found, contract)
        self._alone = alone
        self._is_found = found[FOUND].to_pylist()
        self._keyed = found[KEYED].to_pylist()
        self._shared = found[SHARED].to_pylist()
        self._marks = found[MARK].to_pylist()
        self._requests = found[REQUEST].to_pylist()
        self._keys = list(zip(*(found[name].to_pylist() for name in contract.key), strict=True))

    def fates(self, positions: Sequence[int]) -> list[_Fate]:
        rows: dict[int, list[int]] = {position: [] for position in positions}
        for row, position in enumerate(self._marks):
            rows[position].append(row)
        together = Counter(self._requests[own[0]] for own in rows.values())
        fates: dict[int, _Fate] = {}
        missing: list[int] = []
        sharing: dict[tuple[object, ...], list[int]] = {}
        for position, own in rows.items():
            first = own[0]
            if not self._keyed[first]:
                fates[position] = _Fate(None, Outcome.REJECTED, "the key is NULL, or none that the contract holds")
            elif not self._is_found[first] and together[self._requests[first]] > 1:
                missing.append(position)
            elif not self._is_found[first]:
                fates[position] = _Fate(None, Outcome.REJECTED, NO_ROW)
            elif len(own) > 1 or self._shared[first] == 1:
                fates[position] = self._told.fate_of(own)
            else:
                sharing.setdefault((self._requests[first], *self._keys[first]), []).append(position)
        fates |= self._of_meeting(missing, list(sharing.values()), rows)
        return [fates[position] for position in positions]

    def _of_meeting(
        self, missing: Sequence[int], sharing: Sequence[Sequence[int]], rows: Mapping[int, Sequence[int]]
    ) -> dict[int, _Fate]:
        """The fates of records without a row, and of those that share a key and have one row."""
        unlike = [group for group in sharing if len({self._alone.value(one) for one in group}) > 1]
        alone = self._alone.rows_of([*missing, *chain.from_iterable(unlike)])
        displaced, none = _Fate(None, Outcome.DUPLICATE, OTHER_PLACE), _Fate(None, Outcome.REJECTED, NO_ROW)
        fates = {one: displaced if alone.get(one) else none for one in missing}
        for group in sharing:
            fates |= self._among(group, rows[group[0]][0], alone)
        return fates

    def _among(self, group: Sequence[int], row: int, alone: Mapping[int, Sequence[Row]]) -> dict[int, _Fate]:
        """The fates of records that have one key, of which there is one row."""
        wanted = self._values.slice(row, 1).to_pylist()[0]
        present = [one for one in group if alone.get(one)]
        equal = (one for one in present if any(_same(wanted, other) for other in alone[one]))
        winner = next(chain(equal, present), group[0])
        duplicate, none = _Fate(None, Outcome.DUPLICATE, OTHER_ROW), _Fate(None, Outcome.REJECTED, NO_ROW)
        fates = {one: duplicate if one in present or not present else none for one in group}
        return fates | {winner: self._told.fate_of([row])}


def _same(one: Row, other: Row) -> bool:
    """Whether two rows have the same values; what is no number equals itself here."""
    return all(value == other[name] or (value != value and other[name] != other[name]) for name, value in one.items())  # noqa: PLR0124
