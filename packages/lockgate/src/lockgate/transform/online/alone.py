"""The records of a request asked alone: all at once where the query can be parted so, else one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from lockgate.core.relation import Contract
from lockgate.transform.online.marking import MARK, REQUEST
from lockgate.transform.online.matching import Row, rows_alone

Ask = Callable[[pa.Table], pa.Table]
# How many different records of a request are asked one after the other at most: what is left is told by keys only.
MOST_ALONE = 200


class Alone:
    """See `lockgate.transform.online.matching.Alone`. Nothing is asked before it is needed."""

    def __init__(self, records: pa.Table, contract: Contract, ask: Ask, ask_parted: Ask | None) -> None:
        """`ask` is for one record at a time, `ask_parted` for all, with their marks."""
        self._records = records
        self._contract = contract
        self._ask = ask
        self._ask_parted = ask_parted
        self._places = {position: place for place, position in enumerate(records[MARK].to_pylist())}
        self._known: dict[str, Sequence[Row]] = {}
        self._parted: dict[int, list[Row]] | None = None

    def value(self, position: int) -> str:
        """What a record is, without its place."""
        row = self._records.drop_columns([MARK, REQUEST]).slice(self._places[position], 1).to_pylist()
        return repr(row)

    def rows(self, position: int) -> Sequence[Row]:
        """The rows that a record has alone; none beyond so many records, where each takes a query."""
        if self._ask_parted is not None:
            if self._parted is None:
                self._parted = self._told_at_once(self._ask_parted)
            return self._parted.get(position, ())
        value = self.value(position)
        if value not in self._known and len(self._known) < MOST_ALONE:
            found = self._ask(self._records.slice(self._places[position], 1))
            self._known[value] = rows_alone(found, self._contract)
        return self._known.get(value, ())

    def _told_at_once(self, ask: Ask) -> dict[int, list[Row]]:
        found = ask(self._records)
        rows: dict[int, list[Row]] = {}
        for position, row in zip(found[MARK].to_pylist(), found.select(self._contract.names).to_pylist(), strict=True):
            rows.setdefault(position, []).append(row)
        return rows
