"""Editions on Spark: folders of Parquet made from a built output, cast and checked before they have their name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.adapters.warehouses.editions import Published, bucket_sql
from lockgate.adapters.warehouses.folder.layout import Layout, remove, written
from lockgate.adapters.warehouses.named_sql import statements
from lockgate.adapters.warehouses.sameness import candidate_for, pairing
from lockgate.adapters.warehouses.spark.built import read_built, source_in
from lockgate.adapters.warehouses.spark.engine import Engine
from lockgate.adapters.warehouses.spark.failures import translated
from lockgate.adapters.warehouses.spark.names import identifier
from lockgate.adapters.warehouses.spark.reading import Files, frame, over, read
from lockgate.adapters.warehouses.spark.types import typed
from lockgate.core.bucket import BUCKET_COLUMN
from lockgate.core.casting import casts_of, refuse_bad_keys, refuse_lost
from lockgate.core.relation import Relation
from lockgate.core.route import Publication
from lockgate.core.sql import table
from lockgate.errors import OutputInvalid, StatementFailed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from sqlglot import exp


class Output:
    """A built output on its way to an edition."""

    def __init__(self, layout: Layout, engine: Engine, publication: Publication) -> None:
        """Look at what was built.

        Raises:
            OutputInvalid: it is not there, has no such column, or a type that does not become the contract's.
        """
        self._layout = layout
        self._publication = publication
        folder = layout.workshop(publication.built.schema)
        built = read_built(folder)
        schema = publication.built.schema
        self._casts = casts_of(publication, built.columns(schema, publication.built), "spark")
        self._find = lambda relation: source_in(folder, schema, built, relation)
        self._spark = engine.session()

    def is_unchanged(self, newest: Published | None) -> bool:
        """Whether it is the newest edition again, row for row; one pass over both tells.

        Raises:
            OutputInvalid: a value is one that the contract's type does not hold.
        """
        kept = candidate_for(self._publication, newest)
        if kept is None:
            return False
        edition = kept.edition
        files = edition_files(self._layout, kept)
        if not files.paths:
            return False
        words = {
            **self._fresh(),
            **pairing(self._publication.contract, "spark"),
        }
        counted, differing = self._asked("differs", words, kept=read(self._spark, files))
        if counted != edition.rows or differing:
            return False
        self.refuse_lossy()
        return True

    def refuse_lossy(self) -> None:
        """Counts, in one pass, the values of each column that the contract's type does not hold.

        Raises:
            OutputInvalid: there are some.
        """
        doubtful = [cast for cast in self._casts if cast.refused]
        if doubtful:
            counts = ", ".join(f"count_if({cast.refused})" for cast in doubtful)
            row = self._asked("count_lost", {"counts": counts, "built": "{built}"})
            refuse_lost(self._publication.built, dict(zip([cast.column for cast in doubtful], row, strict=True)))

    def write(self, number: int) -> Path:
        """Copies it into the edition's folder, and proves its key.

        Raises:
            OutputInvalid: a value cannot be cast, or the key is NULL or there twice.
        """
        publication = self._publication
        self.refuse_lossy()
        target = self._layout.edition(publication.served, number, publication.implementation)
        remove(target)  # left by a publisher who died before it was in the ledger
        with written(target) as aside:
            try:
                with translated():
                    self._sql("cast_edition", self._fresh()).write.parquet(str(aside))
            except StatementFailed as error:
                raise OutputInvalid(f"{publication.built} has values that cannot be cast") from error
            refuse_bad_keys(publication.contract.key, *self._bad_keys(aside))
        return target

    def _bad_keys(self, folder: Path) -> tuple[int, int]:
        """How many rows have no key, and how many keys several rows have."""
        key = self._publication.contract.key
        columns = typed([self._publication.contract.column(name) for name in key])
        written_rows = read(self._spark, Files(tuple(sorted(folder.glob("*.parquet"))), columns))
        names = [identifier(name) for name in key]
        words = {"key": ", ".join(names), "missing": " OR ".join(f"{name} IS NULL" for name in names)}
        missing, repeated = self._asked("count_keys", words, edition=written_rows)
        return int(missing or 0), int(repeated or 0)

    def _fresh(self) -> dict[str, str]:
        """What the rows of an edition are selected by."""
        return {
            "values": ", ".join(f"{cast.value} AS {identifier(cast.column)}" for cast in self._casts),
            "bucket": bucket_sql(self._publication.contract, "spark"),
            "built": "{built}",
        }

    def _asked(self, name: str, words: dict[str, str], **frames: DataFrame) -> tuple[Any, ...]:
        with translated():
            (row,) = self._sql(name, words, **frames).collect()
        return tuple(row)

    def _sql(self, name: str, words: dict[str, str], **frames: DataFrame) -> DataFrame:
        """A statement over frames that stand in it as words in braces; `{built}` is the output."""
        if words.get("built") == "{built}":
            query = select_all(self._publication.built)
            frames["built"] = frame(self._spark, query, self._find)
        given = {word: text for word, text in words.items() if word not in frames}
        return over(self._spark, statements(__package__, "statements.sql")[name], given, frames)


def select_all(relation: Relation) -> exp.Expression:
    """Every row of a relation."""
    from sqlglot import exp

    return exp.select("*").from_(table(relation))


def edition_files(layout: Layout, published: Published) -> Files:
    """The files of an edition, with its bucket column."""
    edition = published.edition
    assert published.served is not None  # noqa: S101  (the state always says)
    folder = layout.edition(published.served, edition.number, edition.implementation)
    columns = (*typed(published.columns), (BUCKET_COLUMN, "smallint"))
    return Files(tuple(sorted(folder.glob("*.parquet"))), columns)
