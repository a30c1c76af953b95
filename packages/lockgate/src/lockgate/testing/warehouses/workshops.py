"""What a workshop of every warehouse must be: a place that reads raw, builds inside, and reaches nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlglot import exp

from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import table
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import LockgateError, StatementFailed, TargetBusy
from lockgate.testing.warehouses.given import (
    BIGINT,
    ID,
    NAME,
    RAW_USERS,
    SERVED,
    SYSTEM,
    TEXT,
    build,
    land,
    publish,
    route,
    select,
    staged,
    users,
)

RULES, DBT = "analytics__rules", "analytics__dbt"


class WorkshopsConformance:
    """Building, reading, being alone, being confined."""

    def test_builds_from_raw_and_says_how_many_rows(self, warehouse: Warehouse, tmp_path: Path) -> None:
        land(warehouse, staged(tmp_path, 1, [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}]))

        with warehouse.workshop(RULES) as workshop:
            query = exp.select(exp.column("id"), exp.func("upper", exp.column("name")).as_("name")).from_(
                table(RAW_USERS)
            )
            rows = workshop.build("fct_users", query)
            built = Relation(RULES, "fct_users")
            found = workshop.query(exp.select("*").from_(table(built)).order_by("id")).to_pylist()
            columns = workshop.columns(built)

        assert rows == 2
        assert found == [{"id": 1, "name": "ADA"}, {"id": 2, "name": "BOB"}]
        assert columns == (ID, NAME)

    def test_bytes_read_are_told_where_the_target_counts_them(self, warehouse: Warehouse, tmp_path: Path) -> None:
        land(warehouse, staged(tmp_path, 1, [{"id": 1, "name": "Ada"}]))

        with warehouse.workshop(RULES) as workshop:
            before = workshop.read_bytes()
            workshop.query(exp.select("id").from_(table(RAW_USERS)))
            after = workshop.read_bytes()

        if warehouse.capabilities.read_bytes:
            assert before == 0
            assert after is not None
            assert after > 0
        else:
            assert (before, after) == (None, None)

    def test_knows_the_columns_of_raw_and_of_nothing(self, warehouse: Warehouse, tmp_path: Path) -> None:
        price = Column("price", ColumnType(Kind.NUMERIC, 12, 2))
        land(warehouse, staged(tmp_path, 1, [], columns=(ID, price)))

        with warehouse.workshop(RULES) as workshop:
            assert workshop.columns(RAW_USERS) == (*SYSTEM, ID, price)
            assert workshop.columns(Relation("raw", "unknown")) == ()

    def test_a_build_takes_the_place_of_the_one_before_and_a_failed_one_does_not(self, warehouse: Warehouse) -> None:
        built = Relation(RULES, "fct_users")
        with warehouse.workshop(RULES) as workshop:
            workshop.build("fct_users", select(users(3, "one"), workshop.dialect))
            workshop.build("fct_users", select(users(2, "two"), workshop.dialect))

            with pytest.raises(StatementFailed, match="no_such_column"):
                workshop.build("fct_users", exp.select("no_such_column").from_(table(built)))
            found = workshop.query(exp.select("label").from_(table(built))).to_pylist()

        assert found == [{"label": "two"}, {"label": "two"}]

    def test_what_is_built_stays_for_the_next_opening(self, warehouse: Warehouse) -> None:
        build(warehouse, "rules", users(3, "one"))

        with warehouse.workshop(RULES) as workshop:
            assert workshop.columns(Relation(RULES, "fct_users")) == (Column("user_id", BIGINT), Column("label", TEXT))

    def test_is_opened_by_one_at_a_time(self, open_warehouse: Callable[[], Warehouse], warehouse: Warehouse) -> None:
        other = open_warehouse()
        with (
            warehouse.workshop(RULES),
            other.workshop(DBT),
            pytest.raises(TargetBusy),
            other.workshop(RULES, wait_seconds=0.2),
        ):
            pytest.fail("two opened one workshop")

        with other.workshop(RULES, wait_seconds=0.2) as workshop:
            assert workshop.name == RULES
        other.close()

    def test_reads_no_edition_no_other_workshop_and_no_log(self, warehouse: Warehouse, tmp_path: Path) -> None:
        land(warehouse, staged(tmp_path, 1, [{"id": 1, "name": "Ada"}]))
        route(warehouse, candidate=None)
        edition = publish(warehouse, "rules", users(3, "one"))
        hidden = [
            warehouse.edition_relation(SERVED, edition),
            SERVED,
            Relation(RULES, "fct_users"),
            Relation("raw__log", "users"),
            Relation("lockgate", "route"),
        ]

        with warehouse.workshop(DBT) as workshop:
            for relation in hidden:
                with pytest.raises(LockgateError):
                    workshop.query(exp.select("*").from_(table(relation)))

    def test_gives_a_process_what_it_needs_and_keeps_secrets_out_of_sight(self, warehouse: Warehouse) -> None:
        with warehouse.workshop(DBT) as workshop:
            access = workshop.access()

        assert (access.kind, access.schema) == (warehouse.capabilities.dialect, DBT)
        assert not any(secret in repr(access) for secret in access.secrets.values())

    def test_two_names_that_look_alike_are_two_workshops(self, warehouse: Warehouse) -> None:
        long = "a" * 50
        for name in (f"{long}__rules", f"{long}__rulez"):
            with warehouse.workshop(name) as workshop:
                workshop.build("fct", exp.select(exp.alias_(exp.Literal.string(name), "name")))

        with warehouse.workshop(f"{long}__rules") as workshop:
            found = workshop.query(exp.select("name").from_(table(Relation(f"{long}__rules", "fct"))))
            assert found.to_pylist() == [{"name": f"{long}__rules"}]
            with pytest.raises(LockgateError):
                workshop.query(exp.select("name").from_(table(Relation(f"{long}__rulez", "fct"))))
