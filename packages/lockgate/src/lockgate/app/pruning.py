"""Taking out of the raw log what a whole load has replaced and nothing can need any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lockgate.app.wiring import Wiring
from lockgate.core.load import Pruned, first_needed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def pruned(wiring: Wiring, *, keep: int, older_than: timedelta, dry_run: bool) -> tuple[Pruned, ...]:
    """What is, or with `dry_run` would be, removed of each stream; the caller holds the target's run lock.

    Loads are numbered by the microsecond they began at.
    """
    warehouse = wiring.warehouse
    editions = (edition for name in wiring.project.entities for edition in warehouse.editions(name))
    pins = (*warehouse.pins(), *(pin for edition in editions for pin in edition.pins))
    until = (wiring.clock() - _EPOCH - older_than) // timedelta(microseconds=1)
    return tuple(
        warehouse.prune(
            relation,
            before=first_needed(warehouse.landed(relation), pins, keep=keep, until=until),
            dry_run=dry_run,
        )
        for relation in wiring.project.relations()
    )
