"""Editions on BigQuery: tables made from a built output, cast and checked before anything names them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lockgate.adapters.warehouses.bigquery.jobs import Jobs
from lockgate.adapters.warehouses.bigquery.names import column_of, field, quoted
from lockgate.adapters.warehouses.bigquery.types import bigquery_type, columns_in
from lockgate.adapters.warehouses.bigquery.views import literal
from lockgate.adapters.warehouses.editions import Published, bucket_sql, edition_made, edition_table
from lockgate.adapters.warehouses.sameness import candidate_for, pairing
from lockgate.core.bucket import BUCKET_COLUMN
from lockgate.core.casting import casts_of, refuse_bad_keys, refuse_lost
from lockgate.core.relation import Contract, Relation
from lockgate.core.route import Edition, Publication
from lockgate.errors import OutputInvalid, StatementFailed

if TYPE_CHECKING:
    from google.cloud.bigquery import Table

    from lockgate.core.ports import Clock

# An edition that nothing names yet goes by itself, should its publisher die.
_UNNAMED = timedelta(days=1)


class Output:
    """A built output on its way to an edition."""

    def __init__(self, jobs: Jobs, publication: Publication, clock: Clock) -> None:
        """Look at what was built.

        Raises:
            OutputInvalid: it is not there, has no such column, or a type that does not become the contract's.
        """
        self._jobs = jobs
        self._publication = publication
        self._clock = clock
        built = jobs.table(publication.built)
        columns = columns_in(built.schema) if built is not None else ()
        casts_of(publication, columns, "bigquery")  # tells by the contract's own names what is wrong
        self._contract = _spelled(publication.contract)
        spelled = tuple(replace(one, name=field(one.name)) for one in columns)
        self._casts = casts_of(replace(publication, contract=self._contract), spelled, "bigquery")

    def is_unchanged(self, newest: Published | None) -> bool:
        """Whether it is the newest edition again, row for row.

        Raises:
            OutputInvalid: a value is one that the contract's type does not hold.
        """
        kept = candidate_for(self._publication, newest)
        if kept is None:
            return False
        words = {**self._fresh(), **pairing(self._contract, "bigquery")}
        counted, differing = self._asked("differs", kept=self._jobs.names.quoted(kept.stored), **words)
        if counted != kept.edition.rows or differing:
            return False
        self._refuse_lossy()
        return True

    def write(self, first_number: int) -> Edition:
        """Makes the next edition, whose number is not below `first_number`, of it, and proves its key.

        A number whose table is there was begun by a publisher who died: it is not taken again, since nobody can tell
        from outside whether he did.

        Raises:
            OutputInvalid: a value cannot be cast, or the key is NULL or there twice; there is no such edition then.
        """
        self._refuse_lossy()
        publication, number = self._publication, first_number
        while self._jobs.table(self._stored(number)) is not None:
            number += 1
        stored = self._stored(number)
        self._jobs.create_schema(stored.schema)
        self._create(stored)
        try:
            refuse_bad_keys(publication.contract.key, *self._bad_keys(stored))
            made = self._jobs.expire(stored, None)
        except BaseException:
            self._jobs.drop(stored)
            raise
        return edition_made(publication, number, rows=_rows(made), size=_size(made))

    def discard(self, edition: Edition) -> None:
        """Drops an edition that nothing names."""
        self._jobs.drop(self._stored(edition.number))

    def _create(self, stored: Relation) -> None:
        columns = [f"{quoted(one.name)} {bigquery_type(one.type)}" for one in self._contract.columns]
        words = {**self._fresh(), "columns": ", ".join([*columns, f"{BUCKET_COLUMN} INT64"])}
        words["expires"] = literal((self._clock() + _UNNAMED).isoformat(sep=" ", timespec="seconds"))
        try:
            self._jobs.change(self._jobs.composed("create_edition", edition=self._jobs.names.quoted(stored), **words))
        except StatementFailed as error:
            raise OutputInvalid(f"{self._publication.built} has values that cannot be cast") from error

    def _stored(self, number: int) -> Relation:
        return edition_table(self._publication.served, self._publication.entity, number)

    def _refuse_lossy(self) -> None:
        """Counts, in one pass, the values of each column that the contract's type does not hold."""
        doubtful = [cast for cast in self._casts if cast.refused]
        if doubtful:
            counts = ", ".join(f"COUNTIF({cast.refused})" for cast in doubtful)
            row = self._asked("count_lost", counts=counts, built=self._jobs.names.quoted(self._publication.built))
            refuse_lost(
                self._publication.built, dict(zip([column_of(cast.column) for cast in doubtful], row, strict=True))
            )

    def _bad_keys(self, stored: Relation) -> tuple[int, int]:
        """How many rows have no key, and how many keys several rows have."""
        names = [quoted(name) for name in self._contract.key]
        words = {"key": ", ".join(names), "missing": " OR ".join(f"{name} IS NULL" for name in names)}
        missing, repeated = self._asked("count_keys", edition=self._jobs.names.quoted(stored), **words)
        return int(missing), int(repeated)

    def _fresh(self) -> dict[str, str]:
        """What the rows of an edition are selected by."""
        return {
            "values": ", ".join(f"{cast.value} AS {quoted(cast.column)}" for cast in self._casts),
            "bucket": bucket_sql(self._contract, "bigquery"),
            "built": self._jobs.names.quoted(self._publication.built),
        }

    def _asked(self, name: str, **words: str) -> tuple[Any, ...]:
        (row,) = self._jobs.rows(self._jobs.composed(name, **words))
        return row


def _spelled(contract: Contract) -> Contract:
    """The contract by the names that BigQuery has for its columns."""
    columns = tuple(replace(one, name=field(one.name)) for one in contract.columns)
    return Contract(columns, tuple(map(field, contract.key)), field(contract.bucket_by) if contract.bucket_by else "")


def _rows(made: Table) -> int:
    return int(made.num_rows or 0)


def _size(made: Table) -> int:
    """The bytes of an edition; its entry in the catalog alone is taken for one."""
    return max(1, int(made.num_bytes or 0))
