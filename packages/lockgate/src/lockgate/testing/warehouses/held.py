"""What must hold on every warehouse of editions that are held back until they have been compared."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlglot import exp

from lockgate.core.load import Pin
from lockgate.core.ports import Warehouse
from lockgate.core.route import Arm
from lockgate.core.sql import table
from lockgate.errors import StaleToken, UnknownName
from lockgate.testing.warehouses.given import (
    ENTITY,
    RAW_USERS,
    SERVED,
    build,
    labels,
    publication,
    publish,
    release,
    route,
    users,
)

HALF = 5000


class HeldConformance:
    """Held editions, and their release."""

    def test_a_held_edition_is_kept_from_consumers_and_read_by_operators(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(3, "old"))

        held = publish(warehouse, "rules", users(4, "new"), held=True)

        assert (held.number, held.rows, held.is_held) == (2, 4, True)
        assert [(one.number, one.is_held) for one in warehouse.editions(ENTITY)] == [(1, False), (2, True)]
        assert labels(warehouse) == {"old": 3}
        assert warehouse.shown(ENTITY) == {1: Arm.INCUMBENT}
        stored = warehouse.query(exp.select("label").from_(table(warehouse.edition_relation(SERVED, held))))
        assert stored.to_pylist() == [{"label": "new"}] * 4

    def test_a_released_edition_is_shown_and_releasing_it_again_changes_nothing(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(3, "old"))
        held = publish(warehouse, "rules", users(4, "new"), held=True)

        first, again = release(warehouse, held), release(warehouse, held)

        assert first == again == (replace(held, is_held=False),)
        assert warehouse.editions(ENTITY)[-1:] == first
        assert labels(warehouse) == {"new": 4}
        assert warehouse.shown(ENTITY) == {2: Arm.INCUMBENT}
        assert release(warehouse) == ()

    def test_releasing_an_edition_that_a_newer_one_has_overtaken_shows_the_newer_one(
        self, warehouse: Warehouse
    ) -> None:
        held = publish(warehouse, "rules", users(3, "held"), held=True)
        publish(warehouse, "rules", users(4, "newer"))

        release(warehouse, held)

        assert labels(warehouse) == {"newer": 4}
        assert [one.is_held for one in warehouse.editions(ENTITY)] == [False, False]

    def test_what_was_never_shown_is_shown_once_it_is_released(self, warehouse: Warehouse) -> None:
        held = publish(warehouse, "rules", users(3, "first"), held=True)
        before = warehouse.columns(SERVED)
        route(warehouse, share=1)
        still = warehouse.columns(SERVED)

        release(warehouse, held)

        assert (before, still) == ((), ())
        assert labels(warehouse) == {"first": 3}

    def test_both_arms_turn_together(self, open_warehouse: Callable[[], Warehouse], warehouse: Warehouse) -> None:
        for name in ("rules", "dbt"):
            publish(warehouse, name, users(100, f"{name} old"))
        route(warehouse, share=HALF)
        before = labels(warehouse)
        held = [publish(warehouse, name, users(100, f"{name} new"), held=True) for name in ("rules", "dbt")]
        seen: list[dict[str, int]] = []
        read, done = threading.Event(), threading.Event()

        def look() -> None:
            mine = open_warehouse()
            while not done.is_set():
                seen.append(labels(mine))
                read.set()
            mine.close()

        reader = threading.Thread(target=look)
        reader.start()
        read.wait(60)
        release(warehouse, *reversed(held))
        after = labels(warehouse)
        done.set()
        reader.join()

        assert before == {"rules old": 56, "dbt old": 44}  # counted with md5sum(1)
        assert after == {"rules new": 56, "dbt new": 44}
        assert [one for one in seen if one not in (before, after)] == []

    def test_neither_a_route_nor_another_publication_shows_what_is_held(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(3, "rules"))
        publish(warehouse, "dbt", users(3, "dbt"))
        publish(warehouse, "dbt", users(3, "held"), held=True)

        route(warehouse, share=10_000)
        promoted = labels(warehouse)
        publish(warehouse, "rules", users(3, "rules again"))
        beside = labels(warehouse)
        route(warehouse, incumbent="dbt", candidate=None)

        assert (promoted, beside, labels(warehouse)) == ({"dbt": 3}, {"dbt": 3}, {"dbt": 3})

    def test_who_saw_an_older_route_releases_nothing(self, warehouse: Warehouse) -> None:
        publish(warehouse, "rules", users(3, "old"))
        held = publish(warehouse, "rules", users(3, "new"), held=True)
        seen = route(warehouse).token
        route(warehouse, share=1)

        with pytest.raises(StaleToken):
            warehouse.release([held], token=seen)

        assert warehouse.editions(ENTITY)[-1] == held
        assert labels(warehouse) == {"old": 3}

    def test_an_edition_that_is_gone_is_not_released_nor_is_any_other_with_it(self, warehouse: Warehouse) -> None:
        publish(warehouse, "dbt", users(3, "dbt"))
        gone, *_, last = [publish(warehouse, "rules", users(3, f"held {n}"), held=True) for n in range(4)]

        with pytest.raises(UnknownName, match="edition 2 of users is not kept any more") as unknown:
            release(warehouse, last, gone)
        with pytest.raises(ValueError, match="of one entity"):
            warehouse.release([last, replace(last, entity="orders")], token=1)

        assert unknown.value.fields == {"entity": ENTITY, "edition": 2}
        assert [(one.number, one.is_held) for one in warehouse.editions(ENTITY)] == [
            (1, False), (3, True), (4, True), (5, True)
        ]  # fmt: skip
        assert warehouse.columns(SERVED) == ()

    def test_held_editions_count_among_the_newest_three_and_what_serves_stays(self, warehouse: Warehouse) -> None:
        for name in ("rules", "dbt"):
            publish(warehouse, name, users(3, name))
        route(warehouse, candidate=None)

        for number in range(4):
            for name in ("rules", "dbt"):
                publish(warehouse, name, users(3, f"{name} held {number}"), held=True)
        kept = [one.number for one in warehouse.editions(ENTITY)]
        route(warehouse, share=10_000)

        assert kept == [1, 2, 5, 6, 7, 8, 9, 10]
        assert labels(warehouse) == {"dbt": 3}

    def test_an_output_that_equals_a_held_edition_keeps_it_and_releases_it_unless_it_is_to_be_held(
        self, warehouse: Warehouse
    ) -> None:
        publish(warehouse, "rules", users(3, "old"))
        held = publish(warehouse, "rules", users(3, "new"), held=True)

        again = publish(warehouse, "rules", users(3, "new"), held=True)
        hidden = labels(warehouse)
        shown = publish(warehouse, "rules", users(3, "new"))
        still = publish(warehouse, "rules", users(3, "new"), held=True)

        assert again == held
        assert shown == still == replace(held, is_held=False)
        assert (hidden, labels(warehouse)) == ({"old": 3}, {"new": 3})
        assert warehouse.editions(ENTITY)[1:] == (shown,)

    def test_a_late_publisher_is_refused_beside_a_held_edition_of_newer_loads(self, warehouse: Warehouse) -> None:
        token = route(warehouse).token
        new = publication(build(warehouse, "rules", users(3, "new")), "rules", token)
        warehouse.publish(replace(new, pins=(Pin(RAW_USERS, 1, 7),), held=True))
        old = publication(build(warehouse, "rules", users(3, "old")), "rules", token)

        with pytest.raises(StaleToken, match="edition 1 of newer loads"):
            warehouse.publish(replace(old, pins=(Pin(RAW_USERS, 1, 6),)))

        assert len(warehouse.editions(ENTITY)) == 1
