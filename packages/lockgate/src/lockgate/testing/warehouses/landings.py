"""What the raw side of every warehouse must do: loads land whole and once, and views show what is pinned."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
from sqlglot import exp

from lockgate.core.load import Landed, LoadMode, Pin, Pruned, Quarantined
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import table
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import ContractBroken, SourceInconsistent
from lockgate.testing.warehouses.given import BIGINT, ID, NAME, RAW_USERS, SYSTEM, TEXT, land, rows_of, staged

ADA, BOB = {"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}
ODD = Relation('Größe "raw"', "select")

EVERY_KIND = {
    "boolean": (True, False),
    "smallint": (-32768, 32767),
    "integer": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
    "numeric": (Decimal("-12345678901234567890123456789.123456789"), Decimal("0.000000001")),
    "numeric(12,2)": (Decimal("-9999999999.99"), Decimal("0.05")),
    "real": (1.5, -0.25),
    "double": (0.1 + 0.2, -1.7976931348623157e308),
    "text": ("", "ß 漢 🤦🏼 'quoted' \"too\" \\ , \t\n|"),
    "date": (date(1, 1, 1), date(9999, 12, 31)),
    "time": (time(0, 0, 0, 1), time(23, 59, 59, 999999)),
    "timestamp": (datetime(1900, 1, 1, 0, 0, 0, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)),
    "timestamptz": (datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), datetime(2024, 2, 29, 12, tzinfo=UTC)),
    "uuid": ("00000000-0000-0000-0000-000000000000", "c0ffee00-1234-5678-9abc-def012345678"),
    "json": ("[1, null, true]", '"ß"'),
    "bytes": (b"", b"\x00\xff'\\"),
}


class LandingsConformance:
    """Landing, pins, quarantine."""

    def test_what_is_landed_shows_when_its_pin_moves(self, warehouse: Warehouse, tmp_path: Path) -> None:
        warehouse.land(staged(tmp_path, 1, [ADA]))
        warehouse.land(staged(tmp_path, 2, [BOB]))
        before = rows_of(warehouse, RAW_USERS)

        warehouse.move_pins([Pin(RAW_USERS, 1, 1)])
        first = rows_of(warehouse, RAW_USERS)
        warehouse.move_pins([Pin(RAW_USERS, 1, 2)])
        both = rows_of(warehouse, RAW_USERS, order_by="id")
        warehouse.move_pins([Pin(RAW_USERS, 2, 2)])

        assert (before, first, both) == ([], [ADA], [ADA, BOB])
        assert rows_of(warehouse, RAW_USERS) == [BOB]
        assert warehouse.pins() == (Pin(RAW_USERS, 2, 2),)

    def test_its_raw_state_is_another_once_pins_move_or_columns_come(
        self, warehouse: Warehouse, open_warehouse: Callable[[], Warehouse], tmp_path: Path
    ) -> None:
        others = open_warehouse()
        age = Column("age", ColumnType(Kind.SMALLINT))
        states = [warehouse.raw_state(), warehouse.raw_state()]
        for change in (
            lambda: others.land(staged(tmp_path, 1, [ADA])),
            lambda: others.move_pins([Pin(RAW_USERS, 1, 1)]),
            lambda: others.land(staged(tmp_path, 2, [{"id": 2, "age": 36}], columns=(ID, age))),
            lambda: others.move_pins([Pin(RAW_USERS, 1, 2)]),
        ):
            change()
            states.append(warehouse.raw_state())
        others.close()

        assert states[0] == states[1]
        assert len(set(states)) == 5

    def test_says_what_it_holds(self, warehouse: Warehouse, tmp_path: Path) -> None:
        reject = {"column": "id", "reason": "not a number", "record": '{"id": "x"}'}

        second = warehouse.land(staged(tmp_path, 12, [BOB], mode=LoadMode.REPLACE, rejects=[reject, reject]))
        first = warehouse.land(replace(staged(tmp_path, 7, [ADA]), cursor_until=None, manifest='{"ß": "7"}'))

        assert first == Landed(7, RAW_USERS, LoadMode.APPEND, 1, 0, None, '{"ß": "7"}')
        assert second == Landed(12, RAW_USERS, LoadMode.REPLACE, 1, 2, "cursor 12")
        assert warehouse.landed(RAW_USERS) == (first, second)
        assert warehouse.landed(Relation("raw", "unknown")) == ()

    def test_lands_a_load_once_however_often_it_is_asked(self, warehouse: Warehouse, tmp_path: Path) -> None:
        landing = staged(tmp_path, 1, [ADA])
        land(warehouse, landing)

        again = warehouse.land(landing)

        assert again == Landed(1, RAW_USERS, LoadMode.APPEND, 1, 0, "cursor 1")
        assert rows_of(warehouse, RAW_USERS) == [ADA]

    def test_lands_a_load_once_when_several_ask_at_the_same_time(
        self, open_warehouse: Callable[[], Warehouse], warehouse: Warehouse, tmp_path: Path
    ) -> None:
        landing = staged(tmp_path, 1, [{"id": number, "name": "x"} for number in range(2000)])
        answers: list[Landed] = []

        def ask() -> None:
            mine = open_warehouse()
            answers.append(mine.land(landing))
            mine.close()

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        warehouse.move_pins([Pin(RAW_USERS, 1, 1)])

        assert answers == [Landed(1, RAW_USERS, LoadMode.APPEND, 2000, 0, "cursor 1")] * 4
        assert len(rows_of(warehouse, RAW_USERS)) == 2000

    def test_a_new_column_is_null_in_what_came_before(self, warehouse: Warehouse, tmp_path: Path) -> None:
        age = Column("age", ColumnType(Kind.SMALLINT))
        land(warehouse, staged(tmp_path, 1, [ADA]))

        warehouse.land(staged(tmp_path, 2, [{"id": 2, "age": 36}], columns=(ID, age)))
        unmoved = rows_of(warehouse, RAW_USERS)
        warehouse.move_pins([Pin(RAW_USERS, 1, 2)])

        assert unmoved == [{"id": 1, "name": "Ada", "age": None}]
        expected = [{"id": 1, "name": "Ada", "age": None}, {"id": 2, "name": None, "age": 36}]
        assert rows_of(warehouse, RAW_USERS, order_by="id") == expected
        assert warehouse.columns(RAW_USERS) == (*SYSTEM, ID, NAME, age)

    def test_a_narrower_type_fits_and_another_one_is_refused(self, warehouse: Warehouse, tmp_path: Path) -> None:
        land(warehouse, staged(tmp_path, 1, [ADA]))
        narrow = (Column("id", ColumnType(Kind.INTEGER)), NAME)

        land(warehouse, staged(tmp_path, 2, [BOB], columns=narrow))
        with pytest.raises(ContractBroken, match="'id' is text in this load, and bigint in those before"):
            warehouse.land(staged(tmp_path, 3, [{"id": "x"}], columns=(Column("id", TEXT),)))

        assert [load.load_id for load in warehouse.landed(RAW_USERS)] == [1, 2]
        assert rows_of(warehouse, RAW_USERS, order_by="id") == [ADA, BOB]
        assert warehouse.columns(RAW_USERS) == (*SYSTEM, ID, NAME)

    def test_an_empty_load_gives_an_empty_view_with_its_columns(self, warehouse: Warehouse, tmp_path: Path) -> None:
        land(warehouse, staged(tmp_path, 1, []))

        assert rows_of(warehouse, RAW_USERS) == []
        assert warehouse.columns(RAW_USERS) == (*SYSTEM, ID, NAME)

    def test_files_that_hold_other_rows_than_stated_are_refused(self, warehouse: Warehouse, tmp_path: Path) -> None:
        land(warehouse, staged(tmp_path, 1, [ADA]))
        truncated = staged(tmp_path, 2, [BOB])

        with pytest.raises(SourceInconsistent):
            warehouse.land(replace(truncated, rows=2))

        assert [load.load_id for load in warehouse.landed(RAW_USERS)] == [1]
        warehouse.move_pins([Pin(RAW_USERS, 1, 2)])
        assert rows_of(warehouse, RAW_USERS) == [ADA]

    def test_pruning_leaves_what_the_view_shows_as_it_is(self, warehouse: Warehouse, tmp_path: Path) -> None:
        age = Column("age", ColumnType(Kind.SMALLINT))
        reject = {"column": "id", "reason": "not a number", "record": "{}"}
        aged = [{**ADA, "age": 36}]
        warehouse.land(staged(tmp_path, 1, aged, columns=(age, ID, NAME), rejects=[reject], mode=LoadMode.REPLACE))
        warehouse.land(staged(tmp_path, 2, [ADA, BOB], mode=LoadMode.REPLACE))
        land(warehouse, staged(tmp_path, 3, [BOB]))
        everything = exp.select("*").from_(table(RAW_USERS)).order_by("_load_id", "_row")
        before, columns = warehouse.query(everything), warehouse.columns(RAW_USERS)

        counted = warehouse.prune(RAW_USERS, before=2, dry_run=True)
        held = [load.load_id for load in warehouse.landed(RAW_USERS)]
        removed = warehouse.prune(RAW_USERS, before=2)
        again = warehouse.prune(RAW_USERS, before=2)

        assert warehouse.query(everything).equals(before)
        assert warehouse.columns(RAW_USERS) == columns == (*SYSTEM, age, ID, NAME)
        assert (removed.loads, removed.rows, removed.rejected) == (1, 1, 1)
        assert removed.bytes > 0
        assert (counted, again) == (removed, Pruned(RAW_USERS, 0, 0, 0, 0))
        assert (held, [load.load_id for load in warehouse.landed(RAW_USERS)]) == ([1, 2, 3], [2, 3])
        assert warehouse.quarantined(RAW_USERS) == ()
        assert warehouse.prune(Relation("raw", "unknown"), before=9) == Pruned(Relation("raw", "unknown"), 0, 0, 0, 0)

    def test_a_load_lands_and_shows_after_pruning_as_before(self, warehouse: Warehouse, tmp_path: Path) -> None:
        for number in (1, 2):
            land(warehouse, staged(tmp_path, number, [ADA], mode=LoadMode.REPLACE))
        warehouse.prune(RAW_USERS, before=2)

        land(warehouse, staged(tmp_path, 3, [BOB]))

        assert rows_of(warehouse, RAW_USERS, order_by="id") == [ADA, BOB]

    def test_rejected_records_are_kept_with_reason_and_position(self, warehouse: Warehouse, tmp_path: Path) -> None:
        record = '{"name": "Zoë", "id": "x"}'
        land(warehouse, staged(tmp_path, 1, [], rejects=[{"column": "id", "reason": "not a number", "record": record}]))

        land(warehouse, staged(tmp_path, 2, [ADA], rejects=[{"column": None, "reason": "cut", "record": "{"}] * 3))

        cut = [Quarantined(RAW_USERS, 2, position, None, "cut", "{") for position in (3, 2, 1)]
        assert warehouse.quarantined(RAW_USERS) == (*cut, Quarantined(RAW_USERS, 1, 1, "id", "not a number", record))
        assert warehouse.quarantined(RAW_USERS, limit=1) == (cut[0],)

    def test_odd_names_work(self, warehouse: Warehouse, tmp_path: Path) -> None:
        columns = (Column("Order", BIGINT), Column('a "b".c', TEXT), Column("größe'; --", TEXT), Column("%s {x}", TEXT))
        row = {"Order": 1, 'a "b".c': "x", "größe'; --": "y", "%s {x}": "z"}

        land(warehouse, staged(tmp_path, 1, [row], relation=ODD, columns=columns))

        assert rows_of(warehouse, ODD) == [row]
        assert warehouse.columns(ODD) == (*SYSTEM, *columns)
        with warehouse.workshop("Größe__dbt") as workshop:
            assert workshop.query(exp.select("*").from_(table(ODD))).num_rows == 1

    def test_every_kind_comes_back_as_it_went(self, warehouse: Warehouse, tmp_path: Path) -> None:
        columns = tuple(Column(name, ColumnType.parse(name)) for name in EVERY_KIND)
        filled = [{name: pair[side] for name, pair in EVERY_KIND.items()} for side in (0, 1)]

        land(warehouse, staged(tmp_path, 1, [*filled, {}], columns=columns))

        found = warehouse.query(exp.select("*").from_(table(RAW_USERS)).order_by("_row")).to_pylist()
        told = [{name: row[name] for name in EVERY_KIND} for row in found]
        assert told == [*filled, dict.fromkeys(EVERY_KIND)]
        assert [str(column.type) for column in warehouse.columns(RAW_USERS)][2:] == [
            "numeric(38,9)" if name == "numeric" else name for name in EVERY_KIND
        ]
