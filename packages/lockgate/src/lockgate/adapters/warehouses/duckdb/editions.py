"""Editions in DuckDB: Parquet files made from a built output, cast and checked; swept when nobody needs them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.adapters.warehouses.duckdb.catalog import composed, statement
from lockgate.adapters.warehouses.duckdb.engine import columns_of, engine, parquet
from lockgate.adapters.warehouses.duckdb.landing import create_view
from lockgate.adapters.warehouses.duckdb.layout import DuckDBLayout
from lockgate.adapters.warehouses.duckdb.names import identifier, relation_name
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
from lockgate.adapters.warehouses.folder.editions import let_go
from lockgate.adapters.warehouses.folder.layout import written
from lockgate.adapters.warehouses.sameness import candidate_for, pairing
from lockgate.core.bucket import BUCKET_COLUMN
from lockgate.core.casting import Cast, casts_of, refuse_bad_keys, refuse_lost
from lockgate.core.relation import Relation
from lockgate.core.route import Edition, Publication

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def write_edition(layout: DuckDBLayout, publication: Publication, number: int) -> Path:
    """Copies the built output into the edition's file, and proves its key.

    Raises:
        OutputInvalid: a column is missing, a value cannot be cast, or the key is NULL or there twice.
        TargetBusy: somebody builds in the workshop.
    """
    target = layout.edition(publication.served, number, publication.implementation)
    with (
        written(target) as aside,
        engine(layout.workshop_database(publication.built.schema), read_only=True) as connection,
    ):
        casts = casts_of(publication, columns_of(connection, publication.built), "duckdb")
        _refuse_lossy(connection, publication.built, casts)
        _copy(connection, publication, casts, aside)
        refuse_bad_keys(publication.contract.key, *_bad_keys(connection, aside, publication.contract.key))
    return target


def is_unchanged(layout: DuckDBLayout, publication: Publication, newest: Published | None) -> bool:
    """Whether the built output is the newest edition again, row for row; one pass over both tells.

    Raises:
        OutputInvalid: a column is missing, or a value is one that the contract's type does not hold.
        TargetBusy: somebody builds in the workshop.
    """
    import duckdb

    kept = candidate_for(publication, newest)
    if kept is None:
        return False
    edition = kept.edition
    file = layout.edition(publication.served, edition.number, edition.implementation)
    if not file.exists():
        return False
    with engine(layout.workshop_database(publication.built.schema), read_only=True) as connection:
        casts = casts_of(publication, columns_of(connection, publication.built), "duckdb")
        words = {**_fresh(publication, casts), **pairing(publication.contract, "duckdb")}
        words["kept"] = parquet([file]).sql("duckdb")
        try:
            same = _counted(connection, words["built"]) == edition.rows and not _one(
                connection, composed("differs", **words)
            )
        except duckdb.DataError:
            return False
        if same:
            _refuse_lossy(connection, publication.built, casts)
    return same


def move_edition(connection: DuckDBPyConnection, publication: Publication, edition: Edition) -> Edition:
    """Moves the pins of an edition that was found unchanged up to the publication's; held it stays if both say so."""
    kept = moved(publication, edition)
    named = ("entity", "number", "pins", "revision", "is_held")
    words = recorded(publication, kept)
    connection.execute(statement("move_edition"), {name: words[name] for name in named})
    return kept


def release_editions(connection: DuckDBPyConnection, editions: Iterable[Edition]) -> None:
    """Notes that editions may be shown."""
    for edition in editions:
        connection.execute(statement("release_edition"), {"entity": edition.entity, "number": edition.number})


def _counted(connection: DuckDBPyConnection, relation: str) -> int:
    return int(_one(connection, composed("count_rows", edition=relation)))


def _one(connection: DuckDBPyConnection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101  (an aggregate has a row)
    return row[0]


def _refuse_lossy(connection: DuckDBPyConnection, built: Relation, casts: tuple[Cast, ...]) -> None:
    """Counts, in one pass, the values of each column that the contract's type does not hold."""
    doubtful = [cast for cast in casts if cast.refused]
    if doubtful:
        counts = [f"count(*) FILTER (WHERE {cast.refused})" for cast in doubtful]
        told = composed("count_lost", counts=", ".join(counts), built=relation_name(built))
        row = connection.execute(told).fetchone() or ()
        refuse_lost(built, dict(zip([cast.column for cast in doubtful], row, strict=True)))


def _copy(connection: DuckDBPyConnection, publication: Publication, casts: tuple[Cast, ...], aside: Path) -> None:
    from sqlglot import exp

    file = exp.Literal.string(str(aside)).sql("duckdb")
    connection.execute(composed("copy_edition", **_fresh(publication, casts), file=file))


def _fresh(publication: Publication, casts: tuple[Cast, ...]) -> dict[str, str]:
    """What the rows of an edition are selected by."""
    return {
        "values": ", ".join(f"{cast.value} AS {identifier(cast.column)}" for cast in casts),
        "bucket": bucket_sql(publication.contract, "duckdb"),
        "built": relation_name(publication.built),
    }


def _bad_keys(connection: DuckDBPyConnection, file: Path, key: tuple[str, ...]) -> tuple[int, int]:
    """How many rows have no key, and how many keys several rows have."""
    names = [identifier(name) for name in key]
    missing = " OR ".join(f"{name} IS NULL" for name in names)
    told = composed("count_keys", key=", ".join(names), missing=missing, edition=parquet([file]).sql("duckdb"))
    row = connection.execute(told).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def record_edition(connection: DuckDBPyConnection, publication: Publication, number: int, file: Path) -> Edition:
    """Tells the catalog of an edition, and makes its rows readable."""
    rows = _counted(connection, parquet([file]).sql("duckdb"))
    edition = edition_made(publication, number, rows=rows, size=file.stat().st_size)
    connection.execute(statement("add_edition"), recorded(publication, edition))
    show_edition(connection, publication.served, edition, file)
    return edition


def show_edition(connection: DuckDBPyConnection, served: Relation, edition: Edition, file: Path) -> None:
    """Makes an edition's rows readable as a relation."""
    read = composed("one_arm", columns="*", edition=parquet([file]).sql("duckdb"))
    create_view(connection, edition_table(served, edition.entity, edition.number), read)


def rehome_editions(connection: DuckDBPyConnection, layout: DuckDBLayout, entity: str) -> None:
    """Makes the relations of an entity's editions read the files where they are now."""
    for row in _rows(connection, entity):
        edition, served = edition_of(row), _served(row)
        show_edition(connection, served, edition, layout.edition(served, edition.number, edition.implementation))


def editions_of(connection: DuckDBPyConnection, entity: str) -> tuple[Edition, ...]:
    """The editions kept of an entity, oldest first."""
    return tuple(edition_of(row) for row in _rows(connection, entity))


def published_editions(connection: DuckDBPyConnection, entity: str) -> tuple[Published, ...]:
    """The editions kept of an entity, oldest first, each with its columns."""
    return tuple(_published(connection, row) for row in _rows(connection, entity))


def _rows(connection: DuckDBPyConnection, entity: str) -> list[tuple[Any, ...]]:
    return connection.execute(statement("editions"), {"entity": entity}).fetchall()


def _served(row: tuple[Any, ...]) -> Relation:
    return Relation(row[11], row[12])


def _published(connection: DuckDBPyConnection, row: tuple[Any, ...]) -> Published:
    edition, served = edition_of(row), _served(row)
    stored = edition_table(served, edition.entity, edition.number)
    columns = tuple(one for one in columns_of(connection, stored) if one.name != BUCKET_COLUMN)
    return published_of(row, stored, columns)


def forget_outdated(
    connection: DuckDBPyConnection, layout: DuckDBLayout, entity: str, *, shown: frozenset[int]
) -> None:
    """Takes what retention lets go of out of the catalog; the files follow when `sweep` finds them old enough."""
    rows = _rows(connection, entity)
    kept = frozenset(row[1] for row in rows if row[13])
    served = {row[1]: _served(row) for row in rows}
    for edition in outdated(tuple(map(edition_of, rows)), spared=shown | kept):
        place = served[edition.number]
        stored = edition_table(place, entity, edition.number)
        connection.execute(composed("drop_view", view=relation_name(stored)))
        connection.execute(statement("forget_edition"), {"entity": entity, "number": edition.number})
        let_go(layout, place, edition)
