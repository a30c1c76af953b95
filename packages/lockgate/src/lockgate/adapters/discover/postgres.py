"""Finds out what is in a PostgreSQL database: the tables and views that one may read, their types, their keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lockgate.adapters.discover.counting import SqlCounter
from lockgate.adapters.discover.keys import find_key
from lockgate.adapters.sources.postgres_tables import reading_sessions, said_of, source_columns
from lockgate.core.discovery import FoundSource, FoundTable
from lockgate.core.relation import Relation
from lockgate.core.secret import reference
from lockgate.core.sql import table
from lockgate.errors import SourceRefused

if TYPE_CHECKING:
    from lockgate.adapters.warehouses.postgres.sessions import Connection

SCHEMES = ("postgres", "postgresql")
TABLE_MARK = "::"

_RELATIONS = """
    select n.nspname, c.relname
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
        and n.nspname not in ('information_schema', 'pg_catalog') and n.nspname not like 'pg\\_%%'
        and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
        and (%(schema)s::text is null or n.nspname = %(schema)s) and (%(name)s::text is null or c.relname = %(name)s)
    order by n.nspname, c.relname
"""
_KEY = """
    select array_agg(a.attname::text order by k.position)
    from pg_catalog.pg_index i
        cross join lateral unnest(i.indkey::int2[]) with ordinality k(attribute, position)
        join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attribute
    where i.indrelid = %(relation)s::text::regclass and i.indisunique and i.indisvalid
        and i.indpred is null and i.indexprs is null and k.position <= i.indnkeyatts
    group by i.indexrelid, i.indisprimary
    having bool_and(a.attnotnull)
    order by i.indisprimary desc, count(*), i.indexrelid
    limit 1
"""


def found_database(origin: str) -> FoundSource:
    """The tables at `postgresql://…`, or the one at `postgresql://…::schema.table`.

    A password in the address does not stay in it: the whole address becomes a secret.

    Raises:
        SourceUnavailable: the database does not answer.
        SourceRefused: there is no such table, or nothing that may be read.
    """
    address, _, wanted = origin.partition(TABLE_MARK)
    schema, _, name = wanted.rpartition(".")
    with _connected(address) as connection:
        found = connection.execute(_RELATIONS, {"schema": schema or None, "name": name or None}).fetchall()
        if not found:
            what = f"table {wanted}" if wanted else "table"
            raise SourceRefused(f"the database holds no {what} that may be read", table=wanted)
        tables = tuple(_found(connection, Relation(*row)) for row in found)
    parts = urlsplit(address)
    database = parts.path.strip("/") or "postgres"
    if not parts.password:
        return FoundSource(database, "postgres", tables, {"url": address})
    secret = f"{database.replace('_', '-').lower()}-url"
    return FoundSource(database, "postgres", tables, {"url": reference(secret)}, {secret: address})


@contextmanager
def _connected(address: str) -> Iterator[Connection]:
    """A connection that only reads; errors never hold the password."""
    with said_of("the database"), reading_sessions(address).fresh() as connection:
        yield connection


def _found(connection: Connection, relation: Relation) -> FoundTable:
    """One table with its key: the declared one, else one that is found by counting."""
    quoted = table(relation)
    columns = source_columns(connection, relation)
    counter = SqlCounter(quoted, "postgres", lambda query: connection.execute(query).fetchone() or ())
    declared = connection.execute(_KEY, {"relation": quoted.sql("postgres")}).fetchone()
    key = tuple(declared[0]) if declared else find_key(columns, counter)
    return FoundTable(relation.name, columns, key, counter.rows(), {"table": str(relation)})
