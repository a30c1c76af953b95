"""The live switch `Transformation.Dbt.Enabled`: stored for every process to read."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import and_, insert, select, update

from lockgate.core.job import Switch
from lockgate.store.database import Database
from lockgate.store.exclusion import exclude_others
from lockgate.store.scope import Scope
from lockgate.store.tables import switch

_ALL = ""


class SwitchLog:
    """What was switched of one project on one target."""

    def __init__(self, database: Database, scope: Scope, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep switches of `scope` in `database`; `clock` tells how old is what was read."""
        self._database = database
        self._scope = scope
        self._clock = clock
        self._changes = 0
        self._seen: tuple[float, int, tuple[Switch, ...]] | None = None

    def recent(self, *, seconds: float) -> tuple[Switch, ...]:
        """The same as `switches`, as it was so many seconds ago at most; what is switched by this log is in it.

        As long as it was not read again it is the same object.
        """
        now, changes, seen = self._clock(), self._changes, self._seen
        if seen is not None and seen[1] == changes and now - seen[0] < seconds:
            return seen[2]
        found = self.switches()
        if seen is not None and seen[2] == found:
            found = seen[2]
        self._seen = now, changes, found
        return found

    def switches(self) -> tuple[Switch, ...]:
        """What was ever switched, read now: the newest word on each; that on all entities comes first."""
        query = select(switch).where(self._scope.of(switch)).order_by(switch.c.entity)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings()
            return tuple(
                Switch(row["entity"] or None, row["enabled"], row["changed_at"], row["changed_by"]) for row in rows
            )

    def set_switch(self, value: Switch) -> None:
        """Stores a switch: in force from now on here, and wherever else it is read again."""
        entity = value.entity or _ALL
        values = {"enabled": value.enabled, "changed_at": value.changed_at, "changed_by": value.changed_by}
        mine = and_(self._scope.of(switch), switch.c.entity == entity)
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "switches")
            if connection.execute(update(switch).where(mine).values(values)).rowcount == 0:
                connection.execute(insert(switch).values(self._scope.values() | {"entity": entity} | values))
        self._changes += 1
