"""What every load ledger does: a check is called with a fresh ledger, and raises AssertionError where it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from lockgate.core.load import CursorRange, Load, LoadMode, LoadStatus
from lockgate.core.ports import LoadLedger, Staged
from lockgate.core.relation import Column, Relation
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import TargetBusy

NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
NEW = Load(
    load_id=0,
    source="discovery",
    stream="users",
    relation=Relation("raw", "users"),
    mode=LoadMode.APPEND,
    status=LoadStatus.EXTRACTING,
    started_at=NOON,
    cursor=CursorRange(since="2024-02-28T00:00:00Z"),
)
STAGED = Staged(
    file=Path("/state/1.parquet"),
    rejects=Path("/state/1.rejects.parquet"),
    columns=(Column("id", ColumnType(Kind.BIGINT), "The größte key"), Column("cost", ColumnType(Kind.NUMERIC, 12, 2))),
    rows=2**40,
    rejected=3,
    cursor_until="2024-02-29T11:59:59Z",
)
RESUME: Mapping[str, object] = {"page": 2, "after": "ключ", "nested": {"list": [1, None, True]}}


def _expect(actual: object, expected: object) -> None:
    """Fails where the two differ."""
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def _expect_refusal(action: Callable[[], object]) -> None:
    """Fails where the action is let through."""
    try:
        action()
    except TargetBusy:
        return
    raise AssertionError("the ledger let a load go on that had ended")


def loads_are_numbered_upwards(ledger: LoadLedger) -> None:
    """Each load has a higher number than all before it, whatever became of those."""
    first, second = ledger.open_load(NEW), ledger.open_load(replace(NEW, stream="applications"))
    ledger.finish(replace(second, status=LoadStatus.FAILED, finished_at=NOON))
    third = ledger.open_load(NEW)

    _expect([first.load_id < second.load_id < third.load_id, first.load_id > 0], [True, True])


def a_number_is_not_below_what_was_asked_for(ledger: LoadLedger) -> None:
    """A target that outlived its ledger holds higher numbers, and those are not given out again."""
    ledger.open_load(NEW)

    _expect(ledger.open_load(replace(NEW, load_id=5000)).load_id, 5000)
    _expect(ledger.open_load(NEW).load_id, 5001)


def a_load_comes_back_as_it_was_stored(ledger: LoadLedger) -> None:
    """Every field, to the microsecond and in UTC."""
    opened = ledger.open_load(replace(NEW, started_at=NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))))
    landed = replace(
        opened,
        status=LoadStatus.LANDED,
        finished_at=NOON + timedelta(seconds=1),
        rows=2**40,
        rejected=1,
        bytes=2**50,
        files=2,
        cursor=CursorRange("2024-02-28T00:00:00Z", "2024-02-29T11:59:59Z"),
    )

    ledger.finish(landed)

    _expect(ledger.loads(), (landed,))
    _expect(ledger.loads()[0].started_at.utcoffset(), timedelta())


def a_load_is_unfinished_until_it_lands_or_fails(ledger: LoadLedger) -> None:
    """Of its own stream, and of no other."""
    opened = ledger.open_load(NEW)

    _expect(ledger.unfinished("discovery", "users"), opened)
    _expect(ledger.unfinished("discovery", "applications"), None)
    _expect(ledger.unfinished("other", "users"), None)

    staged = replace(opened, status=LoadStatus.STAGED)
    ledger.finish(staged)
    _expect(ledger.unfinished("discovery", "users"), staged)

    ledger.finish(replace(staged, status=LoadStatus.FAILED, finished_at=NOON, error="LG601 no answer"))
    _expect(ledger.unfinished("discovery", "users"), None)


def packages_come_back_in_order_with_their_resume_points(ledger: LoadLedger) -> None:
    """Types, paths and JSON as they were given, of this load alone."""
    opened, other = ledger.open_load(NEW), ledger.open_load(replace(NEW, stream="applications"))
    second = replace(STAGED, file=Path("/state/2.parquet"), rejects=None, cursor_until=None)

    ledger.add_staged(opened.load_id, STAGED, RESUME)
    ledger.add_staged(opened.load_id, second, None)

    _expect(ledger.staged(opened.load_id), ((STAGED, RESUME), (second, None)))
    _expect(ledger.staged(other.load_id), ())


def a_load_that_ended_stays_ended(ledger: LoadLedger) -> None:
    """A process that wakes up late neither stages more nor ends the load otherwise; the same end twice is one."""
    opened = ledger.open_load(NEW)
    ledger.add_staged(opened.load_id, STAGED, RESUME)
    landed = replace(opened, status=LoadStatus.LANDED, finished_at=NOON, rows=7)
    ledger.finish(landed)

    ledger.finish(replace(landed, finished_at=NOON + timedelta(hours=1)))
    _expect_refusal(lambda: ledger.finish(replace(opened, status=LoadStatus.FAILED, finished_at=NOON)))
    _expect_refusal(lambda: ledger.add_staged(opened.load_id, STAGED, RESUME))

    _expect(ledger.loads(), (landed,))
    _expect(ledger.staged(opened.load_id), ())


def the_newest_loads_come_first(ledger: LoadLedger) -> None:
    """And no more than were asked for."""
    opened = [ledger.open_load(NEW) for _ in range(3)]

    _expect([load.load_id for load in ledger.loads()], [load.load_id for load in reversed(opened)])
    _expect([load.load_id for load in ledger.loads(limit=1)], [opened[-1].load_id])


LEDGER_CHECKS: tuple[Callable[[LoadLedger], None], ...] = (
    loads_are_numbered_upwards,
    a_number_is_not_below_what_was_asked_for,
    a_load_comes_back_as_it_was_stored,
    a_load_is_unfinished_until_it_lands_or_fails,
    packages_come_back_in_order_with_their_resume_points,
    a_load_that_ended_stays_ended,
    the_newest_loads_come_first,
)
