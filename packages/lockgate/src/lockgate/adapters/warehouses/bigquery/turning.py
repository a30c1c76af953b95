"""Turning served views: their text is widened, the transaction opens and closes editions, the text is narrowed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.bigquery.failures import is_lease_lost
from lockgate.adapters.warehouses.bigquery.jobs import Jobs
from lockgate.adapters.warehouses.bigquery.leases import Lease, Leases
from lockgate.adapters.warehouses.bigquery.state import Change, StateRow
from lockgate.adapters.warehouses.bigquery.views import Range, Views, ranges, served_query
from lockgate.adapters.warehouses.editions import Published
from lockgate.adapters.warehouses.state import State
from lockgate.core.relation import Relation
from lockgate.errors import TargetBusy, WarehouseUnavailable

if TYPE_CHECKING:
    from google.cloud.bigquery import Table

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """What becomes of one entity's view. `before` is empty where nothing was shown, `after` where nothing is.

    `opened` are the buckets that editions answer for once the transaction is done. Those of before stay open beside
    where the two have other columns: no text reads both, so that the change of text is the instant.
    """

    entity: str
    lease: Lease
    old_place: Relation | None
    place: Relation | None
    before: tuple[Published, ...]
    after: tuple[Published, ...]
    opened: dict[int, Range]

    @property
    def is_alike(self) -> bool:
        """Whether one text can read the editions of before and of after."""
        if not self.before or not self.after or self.old_place != self.place:
            return False
        return len({one.columns for one in (*self.before, *self.after)}) == 1

    @property
    def wide(self) -> tuple[Published, ...]:
        """The editions that the text reads while the transaction is under way."""
        if not self.is_alike:
            return self.before
        return tuple({one.edition.number: one for one in (*self.before, *self.after)}.values())


class Turning:
    """What moves views from one state to the next; the caller holds the entities' leases."""

    def __init__(self, jobs: Jobs, state: StateRow, leases: Leases) -> None:
        """Take what asks BigQuery, the target's state, and its locks."""
        self._jobs = jobs
        self._state = state
        self._leases = leases
        self._views = Views(jobs)

    def turn(self, before: State, after: State, leases: Sequence[Lease]) -> None:
        """Makes `after` the state, and the views of the leases' entities show it.

        Every view is written before the transaction, also where its text does not change: what an earlier holder of the
        lease left unfinished is finished by that, and what he may still be about to write is refused.

        Raises:
            TargetBusy: the state is not `before` any more, or a lease is not held; nothing was changed for readers.
        """
        turns = [turn_of(before, after, lease) for lease in leases]
        written = [self._widened(turn, before.generation) for turn in turns]
        change: Change[None] = Change(None)
        for number, one in enumerate(turns):
            self._open(change, one, number)
        self._state.commit(before.generation, after, change, leases)
        for one, view in zip(turns, written, strict=True):
            self._narrow(one, view, after.generation)

    def _widened(self, turn: Turn, generation: int) -> Table | None:
        """The view as it is once it reads what may have to be read; None where nothing is shown yet."""
        if turn.old_place is None or not turn.before:
            return None

        def text() -> str:
            self._leases.renew(turn.lease)
            return self._text(turn, turn.wide, generation)

        return self._views.rewrite(turn.old_place, text)

    def _text(self, turn: Turn, arms: Sequence[Published], generation: int) -> str:
        return served_query(self._jobs, turn.entity, arms, turn=f"{generation} {turn.lease.owner}")

    def _open(self, change: Change[None], turn: Turn, number: int) -> None:
        """Adds the statements by which editions are opened and closed."""
        change.words[f"entity_{number}"] = turn.entity
        change.statements.append(self._jobs.composed("forget_arms", n=number))
        for arm, (edition, (low, high)) in enumerate(sorted(turn.opened.items())):
            change.statements.append(self._jobs.composed("show_arm", n=number, arm=arm))
            key = f"{number}_{arm}"
            change.words |= {f"number_{key}": edition, f"low_{key}": low, f"high_{key}": high}

    def _narrow(self, turn: Turn, view: Table | None, generation: int) -> None:
        """Leaves in the text what is open alone; where somebody wrote it since, that one has seen this state.

        Raises:
            WarehouseUnavailable: a text that has other columns could not be written; readers see the rows of before.
        """
        try:
            self._write_narrow(turn, view, generation)
        except TargetBusy as error:
            if is_lease_lost(error):
                return
            if turn.is_alike:
                logger.warning("a view reads more than it shows", extra={"facts": {"entity": turn.entity}})
                return
            hint = "Its rows are published. Publish again, or move its route: either writes the view."
            raise WarehouseUnavailable(f"the view of {turn.entity} was not written", hint=hint) from error

    def _write_narrow(self, turn: Turn, view: Table | None, generation: int) -> None:
        if not turn.after or turn.place is None:
            return
        text = self._text(turn, turn.after, generation)
        if view is not None and turn.old_place == turn.place:
            if {one.edition.number for one in turn.after} != {one.edition.number for one in turn.wide}:
                self._views.replaced(view, text)
            return
        if self._views.created(turn.place, text) is None:
            self._views.rewrite(turn.place, lambda: self._renewed(turn, text))
        if turn.old_place is not None:
            self._jobs.drop(turn.old_place)

    def _renewed(self, turn: Turn, text: str) -> str:
        self._leases.renew(turn.lease)
        return text


def turn_of(before: State, after: State, lease: Lease) -> Turn:
    """What becomes of the view of the lease's entity."""
    entity = lease.name.removeprefix("view ")
    old, new = before.views.get(entity), after.views.get(entity)
    was, will = ranges(old) if old else {}, ranges(new) if new else {}
    # An edition that goes with this change is known to the state before alone.
    known = {one.edition.number: one for state in (before, after) for one in state.published(entity)}
    turn = Turn(
        entity,
        lease,
        old.served if old else None,
        new.served if new else None,
        tuple(known[number] for number in was if number in known),
        tuple(known[number] for number in will),
        will,
    )
    if turn.is_alike or not turn.before:
        return turn
    return Turn(entity, lease, turn.old_place, turn.place, turn.before, turn.after, {**was, **will})
