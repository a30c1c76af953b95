"""Editions in PostgreSQL: made from a built output, cast and keyed; listed; dropped when nobody needs them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lockgate.adapters.warehouses.editions import (
    Published,
    bucket_sql,
    edition_made,
    edition_of,
    edition_table,
    moved,
    outdated,
    published_of,
    recorded,
)
from lockgate.adapters.warehouses.postgres.catalog import columns_of
from lockgate.adapters.warehouses.postgres.failures import translation
from lockgate.adapters.warehouses.postgres.landing import create_schema
from lockgate.adapters.warehouses.postgres.patience import LOCK_MILLISECONDS
from lockgate.adapters.warehouses.postgres.sessions import Connection, composed, identifier, relation_name, statement
from lockgate.adapters.warehouses.sameness import candidate_for, pairing
from lockgate.core.bucket import BUCKET_COLUMN
from lockgate.core.casting import Cast, casts_of, refuse_bad_keys, refuse_lost
from lockgate.core.relation import Relation
from lockgate.core.route import Edition, Publication
from lockgate.errors import OutputInvalid

if TYPE_CHECKING:
    from psycopg import sql


def create_edition(connection: Connection, publication: Publication) -> Edition:
    """Copies the built output into a new, keyed edition table within the caller's transaction.

    Raises:
        OutputInvalid: a column is missing, a value cannot be cast, or the key is NULL or there twice.
    """
    from psycopg import errors

    number = _next_number(connection, publication.entity)
    stored = edition_table(publication.served, publication.entity, number)
    casts = casts_of(publication, columns_of(connection, publication.built), "postgres")
    create_schema(connection, stored.schema)
    _refuse_lossy(connection, publication.built, casts)
    try:
        rows = connection.execute(_creation(stored, publication, casts)).rowcount
    except (errors.DataError, errors.IntegrityError) as error:
        raise OutputInvalid(f"{publication.built} cannot be cast to its contract: {_reason(error)}") from error
    _key(connection, stored, publication.contract.key)
    return _record(connection, publication, stored, number, rows)


def is_unchanged(connection: Connection, publication: Publication, newest: Published | None) -> bool:
    """Whether the built output is the newest edition again, row for row; one pass over both tells.

    Raises:
        OutputInvalid: a column is missing, or a value is one that the contract's type does not hold.
    """
    from psycopg import errors

    kept = candidate_for(publication, newest)
    if kept is None or not _is_keyed_by(connection, kept.stored, publication.contract.key):
        return False
    casts = casts_of(publication, columns_of(connection, publication.built), "postgres")
    words = {name: raw(text) for name, text in pairing(publication.contract, "postgres").items()}
    differs = composed("differs", kept=relation_name(kept.stored), **words, **_fresh(publication, casts))
    count = composed("count_rows", relation=relation_name(publication.built))
    try:
        same = connection.execute(count).fetchone() == (kept.edition.rows,) and connection.execute(
            differs
        ).fetchone() == (False,)
    except errors.DataError:
        return False
    if same:
        _refuse_lossy(connection, publication.built, casts)
    return same


def _is_keyed_by(connection: Connection, stored: Relation, key: tuple[str, ...]) -> bool:
    rows = connection.execute(statement("edition_key"), {"schema": stored.schema, "name": stored.name})
    return tuple(name for (name,) in rows) == key


def move_edition(connection: Connection, publication: Publication, edition: Edition) -> Edition:
    """Moves the pins of an edition that was found unchanged up to the publication's; held it stays if both say so."""
    kept = moved(publication, edition)
    named = ("entity", "number", "pins", "revision", "is_held")
    words = recorded(publication, kept)
    connection.execute(statement("move_edition"), {name: words[name] for name in named})
    return kept


def _next_number(connection: Connection, entity: str) -> int:
    row = connection.execute(statement("next_number"), {"entity": entity}).fetchone()
    return int(row[0]) if row else 1


def _refuse_lossy(connection: Connection, built: Relation, casts: tuple[Cast, ...]) -> None:
    """Counts, in one pass, the values of each column that the contract's type does not hold."""
    from psycopg import sql

    doubtful = [cast for cast in casts if cast.refused]
    if not doubtful:
        return
    counts = [sql.SQL("count(*) FILTER (WHERE {})").format(raw(cast.refused)) for cast in doubtful]
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(counts), relation_name(built))
    row = connection.execute(query).fetchone() or ()
    refuse_lost(built, dict(zip([cast.column for cast in doubtful], row, strict=True)))


def raw(text: str) -> sql.SQL:
    """SQL that this package wrote itself, as a part of a statement."""
    from psycopg import sql

    return sql.SQL(text)


def _creation(stored: Relation, publication: Publication, casts: tuple[Cast, ...]) -> sql.Composed:
    return composed("create_edition", edition=relation_name(stored), **_fresh(publication, casts))


def _fresh(publication: Publication, casts: tuple[Cast, ...]) -> dict[str, sql.Composable]:
    """What the rows of an edition are selected by."""
    from psycopg import sql

    values = [sql.SQL("{} AS {}").format(raw(cast.value), identifier(cast.column)) for cast in casts]
    return {
        "values": sql.SQL(", ").join(values),
        "bucket": raw(bucket_sql(publication.contract, "postgres")),
        "built": relation_name(publication.built),
    }


def _key(connection: Connection, stored: Relation, key: tuple[str, ...]) -> None:
    """Indexes the edition by its key, which also proves that the key is one."""
    from psycopg import errors, sql

    names = sql.SQL(", ").join(identifier(name) for name in key)
    try:
        with connection.transaction():
            connection.execute(composed("key_edition", edition=relation_name(stored), key=names))
    except (errors.UniqueViolation, errors.NotNullViolation, errors.ProgramLimitExceeded) as error:
        _count_keys(connection, stored, key, cause=error)


def _count_keys(connection: Connection, stored: Relation, key: tuple[str, ...], *, cause: Exception) -> None:
    """Says how many keys are wrong; none are where they were merely too long for an index."""
    from psycopg import sql

    names = [identifier(name) for name in key]
    missing = sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(name) for name in names)
    words = {"edition": relation_name(stored), "key": sql.SQL(", ").join(names), "missing": missing}
    row = connection.execute(composed("count_keys", **words)).fetchone() or (0, 0)
    refuse_bad_keys(key, *row, cause=cause)


def _reason(error: Exception) -> str:
    return translation(error).message


def _record(connection: Connection, publication: Publication, stored: Relation, number: int, rows: int) -> Edition:
    names = {"schema": stored.schema, "name": stored.name}
    row = connection.execute(statement("edition_bytes"), names).fetchone()
    edition = edition_made(publication, number, rows=rows, size=int(row[0]) if row else 0)
    connection.execute(statement("add_edition"), recorded(publication, edition) | names)
    return edition


def release_editions(connection: Connection, editions: Iterable[Edition]) -> None:
    """Notes that editions may be shown."""
    for edition in editions:
        connection.execute(statement("release_edition"), {"entity": edition.entity, "number": edition.number})


def published_editions(connection: Connection, entity: str) -> tuple[Published, ...]:
    """The editions kept of an entity, oldest first, each with its columns."""
    rows = connection.execute(statement("editions"), {"entity": entity}).fetchall()
    return tuple(_published(connection, row) for row in rows)


def _published(connection: Connection, row: tuple[Any, ...]) -> Published:
    stored = _stored(row)
    columns = tuple(column for column in columns_of(connection, stored) if column.name != BUCKET_COLUMN)
    return published_of(row, stored, columns)


def _stored(row: tuple[Any, ...]) -> Relation:
    return Relation(row[14], row[15])


def drop_outdated(connection: Connection, entity: str, *, shown: frozenset[int]) -> None:
    """Drops what retention lets go of; what somebody still reads or builds on is left for the next publication."""
    from psycopg import errors

    rows = {row[1]: row for row in connection.execute(statement("editions"), {"entity": entity})}
    kept = frozenset(number for number, row in rows.items() if row[13])
    for edition in outdated(tuple(map(edition_of, rows.values())), spared=shown | kept):
        stored = _stored(rows[edition.number])
        with suppress(errors.LockNotAvailable, errors.DependentObjectsStillExist), connection.transaction():
            _drop(connection, edition, stored)


def _drop(connection: Connection, edition: Edition, stored: Relation) -> None:
    from psycopg import sql

    connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{LOCK_MILLISECONDS}ms",))
    words = {"entity": edition.entity, "number": edition.number}
    connection.execute(statement("forget_edition"), words)
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(relation_name(stored)))
