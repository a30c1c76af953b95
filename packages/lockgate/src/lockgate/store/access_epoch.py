"""A number that grows with every change of who may, so that others see by one cheap read whether to look again."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from lockgate.store.access_tables import access_epoch


def read_epoch(connection: Connection, project: str) -> int:
    """The number as it stands; nought where nothing was ever changed."""
    query = select(access_epoch.c.value).where(access_epoch.c.project == project)
    return connection.execute(query).scalar() or 0


def grow_epoch(connection: Connection, project: str) -> None:
    """Lets the number grow with the transaction; others who change something wait for its end.

    Whoever reads a number has, from then on, every change that it counts.
    """
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(access_epoch)
    grown = insert.values(project=project, value=1).on_conflict_do_update(
        index_elements=["project"], set_={"value": access_epoch.c.value + 1}
    )
    connection.execute(grown)
