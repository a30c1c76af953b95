"""The records of a request asked alone: all at once where requests are kept apart, else one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from lockgate.core.relation import Contract
from lockgate.transform.online.answering import FOUND
from lockgate.transform.online.marking import MARK, REQUEST

Row = Mapping[str, object]
Ask = Callable[[pa.Table], pa.Table]
# How many different records of a request are asked one after the other at most: what is left is told by keys only.
MOST_ALONE = 200


class Alone:
    """What records, told by their numbers, give as requests of one record each; asked only where it is needed."""

    def __init__(self, records: pa.Table, contract: Contract, ask: Ask, *, is_apart: bool) -> None:
        """`ask` gives the rows of records, of many requests if `is_apart`."""
        self._records = records
        self._contract = contract
        self._ask = ask
        self._is_apart = is_apart
        self._places = {position: place for place, position in enumerate(records[MARK].to_pylist())}

    def value(self, position: int) -> str:
        """What a record is, without its place."""
        row = self._records.drop_columns([MARK, REQUEST]).slice(self._places[position], 1).to_pylist()
        return repr(row)

    def rows_of(self, positions: Sequence[int]) -> Mapping[int, Sequence[Row]]:
        """The rows that each of the records has alone; of one that has none, or was one too many to ask, nothing."""
        if not positions:
            return {}
        return self._at_once(positions) if self._is_apart else self._one_by_one(positions)

    def _at_once(self, positions: Sequence[int]) -> Mapping[int, Sequence[Row]]:
        wanted = self._records.take(pa.array([self._places[position] for position in positions]))
        place = wanted.column_names.index(REQUEST)
        return self._rows(self._ask(wanted.set_column(place, REQUEST, wanted[MARK])))

    def _one_by_one(self, positions: Sequence[int]) -> Mapping[int, Sequence[Row]]:
        known: dict[str, Sequence[Row]] = {}
        found = {}
        for position in positions:
            value = self.value(position)
            if value not in known and len(known) < MOST_ALONE:
                own = self._records.slice(self._places[position], 1)
                known[value] = self._rows(self._ask(own)).get(position, ())
            found[position] = known.get(value, ())
        return found

    def _rows(self, found: pa.Table) -> dict[int, list[Row]]:
        """The rows that are there, by their records."""
        values = found.select(self._contract.names).to_pylist()
        rows: dict[int, list[Row]] = {}
        for position, is_there, row in zip(found[MARK].to_pylist(), found[FOUND].to_pylist(), values, strict=True):
            if is_there:
                rows.setdefault(position, []).append(row)
        return rows
