"""Whether a built output is, row for row, what an implementation's newest edition holds already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.editions import Published, bucket_column, edition_table
from lockgate.core.bucket import BUCKET_COLUMN
from lockgate.core.relation import Column, Contract
from lockgate.core.route import Publication
from lockgate.core.types import ColumnType, Kind, digits

if TYPE_CHECKING:
    from sqlglot import exp


def candidate_for(publication: Publication, newest: Published | None) -> Published | None:
    """The newest edition, where the output may equal it: it keeps the contract, and no new one is demanded."""
    contract = publication.contract
    if newest is None or publication.anew or _shape(newest.columns) != _shape(contract.columns):
        return None
    if newest.bucket_by != bucket_column(contract) or newest.key not in {None, contract.key}:
        return None
    place = edition_table(publication.served, publication.entity, newest.edition.number)
    return newest if newest.stored == place else None


def _shape(columns: Sequence[Column]) -> list[tuple[str, ColumnType]]:
    return [(one.name, _settled(one.type)) for one in columns]


def _settled(type_: ColumnType) -> ColumnType:
    return ColumnType(Kind.NUMERIC, *digits(type_)) if type_.kind is Kind.NUMERIC else type_


def pairing(contract: Contract, dialect: str) -> dict[str, str]:
    """How rows of `fresh` and `kept` are paired by key, and when such a pair is not one row, as SQL.

    With as many rows on both sides, and whole rows of `kept` each there once, no pair that differs means that the sides
    are equal and that the key is one.
    """
    from sqlglot import exp

    names = (*contract.names, BUCKET_COLUMN)
    pairs = {name: (_of("fresh", name), _of("kept", name)) for name in names}
    paired = [exp.EQ(this=fresh, expression=kept) for fresh, kept in (pairs[name] for name in contract.key)]
    differing = [exp.NullSafeNEQ(this=fresh, expression=kept) for fresh, kept in pairs.values()]
    return {"paired": exp.and_(*paired).sql(dialect), "differing": exp.or_(*differing).sql(dialect)}


def _of(side: str, name: str) -> exp.Column:
    from sqlglot import exp

    return exp.column(exp.to_identifier(name, quoted=True), table=side)
