"""The live switch `Transformation.Dbt.Enabled`: stored for every process to read."""

from __future__ import annotations

from sqlalchemy import and_, insert, select, update

from lockgate.core.job import Switch
from lockgate.store.database import Database
from lockgate.store.exclusion import exclude_others
from lockgate.store.scope import Scope
from lockgate.store.tables import switch

_ALL = ""


class SwitchLog:
    """What was switched of one project on one target, read anew each time."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep switches of `scope` in `database`."""
        self._database = database
        self._scope = scope

    def switches(self) -> tuple[Switch, ...]:
        """What was ever switched, the newest word on each; that on all entities comes first."""
        query = select(switch).where(self._scope.of(switch)).order_by(switch.c.entity)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings()
            return tuple(
                Switch(row["entity"] or None, row["enabled"], row["changed_at"], row["changed_by"]) for row in rows
            )

    def set_switch(self, value: Switch) -> None:
        """Stores a switch; in force for every request that is routed from now on."""
        entity = value.entity or _ALL
        values = {"enabled": value.enabled, "changed_at": value.changed_at, "changed_by": value.changed_by}
        mine = and_(self._scope.of(switch), switch.c.entity == entity)
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "switches")
            if connection.execute(update(switch).where(mine).values(values)).rowcount == 0:
                connection.execute(insert(switch).values(self._scope.values() | {"entity": entity} | values))
