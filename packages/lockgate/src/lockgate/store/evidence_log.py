"""Evidence about pairs of implementations, and the traffic that both sides answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, select

from lockgate.core.cutover import CONTROLLER
from lockgate.core.gate import Evidence, EvidenceKind, Pair, Traffic
from lockgate.core.plain import to_plain
from lockgate.store.cutover_tables import evidence, traffic
from lockgate.store.database import Database, insert_into
from lockgate.store.scope import Scope

_COUNTED = ("requests", "errors", "shared_errors", "records", "wrong", "unbucketed", "slower_count")
SUMMED = (*_COUNTED, "slower_sum", "slower_squares")


class EvidenceLog:
    """The evidence of one project on one target, which is never changed, and its traffic, which grows."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep evidence of `scope` in `database`."""
        self._database = database
        self._scope = scope

    def add_evidence(
        self, kind: EvidenceKind, pair: Pair, token: int, at: datetime, *, by: str, facts: Mapping[str, object]
    ) -> int:
        """Stores a fact about a pair: its number."""
        values = {"kind": kind, "token": token, "at": at, "by": by, "facts": to_plain(facts), **asdict(pair)}
        with self._database.writing() as connection:
            taken = insert(evidence).values(self._scope.values() | values).returning(evidence.c.evidence_id)
            return int(connection.execute(taken).scalar_one())

    def evidence(
        self, entity: str | None = None, *, pair: Pair | None = None, limit: int = 100
    ) -> tuple[Evidence, ...]:
        """The newest evidence first: of all, of an entity, or of a pair at just these revisions."""
        wanted = asdict(pair) if pair is not None else {"entity": entity} if entity is not None else {}
        mine = and_(self._scope.of(evidence), *(evidence.c[name] == value for name, value in wanted.items()))
        query = select(evidence).where(mine).order_by(evidence.c.evidence_id.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(evidence_of(dict(row)) for row in connection.execute(query).mappings())

    def compared(self, since: datetime, until: datetime) -> tuple[int, ...]:
        """The numbers of the comparisons that cycles made from one instant to another, the first comes first.

        Those that a person asked for are none of them.
        """
        by_cycles = and_(evidence.c.kind == EvidenceKind.COMPARISON, evidence.c.by == CONTROLLER)
        query = select(evidence.c.facts).where(self._scope.of(evidence), by_cycles, evidence.c.at.between(since, until))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(evidence.c.evidence_id)).all()
        return tuple(int(row.facts["comparison_id"]) for row in rows)

    def write_traffic(self, pair: Pair, token: int, worker: str, total: Traffic) -> None:
        """Writes all that a worker has seen of a pair under a token, in place of what it wrote before.

        `total.last_at` is there. A worker's name is that of one such total: it writes of no other pair or token.
        What is written twice counts once, and what comes late, behind a greater total, changes nothing.
        """
        values = {**_traffic_of(pair, token), "worker": worker, **asdict(total)}
        with self._database.writing() as connection:
            put = insert_into(connection, traffic)
            changed = {name: put.excluded[name] for name in (*SUMMED, "last_at")}
            whole = put.values(self._scope.values() | values).on_conflict_do_update(
                index_elements=["project", "target", "entity", "token", "worker"],
                set_=changed,
                where=traffic.c.requests <= put.excluded.requests,
            )
            connection.execute(whole)

    def traffic(self, pair: Pair, token: int) -> Traffic:
        """What all workers have seen of a pair, at just these revisions, since its route got `token`."""
        wanted = (traffic.c[name] == value for name, value in _traffic_of(pair, token).items())
        mine = and_(self._scope.of(traffic), *wanted)
        summed = [func.coalesce(func.sum(traffic.c[name]), 0).label(name) for name in SUMMED]
        query = select(*summed, func.max(traffic.c.last_at).label("last_at")).where(mine)
        with self._database.reading() as connection:
            return traffic_in(dict(connection.execute(query).mappings().one()))


def traffic_in(row: Mapping[str, Any]) -> Traffic:
    """Summed columns as traffic."""
    counts = {name: int(row[name]) for name in _COUNTED}
    return Traffic(
        **counts,
        slower_sum=float(row["slower_sum"]),
        slower_squares=float(row["slower_squares"]),
        last_at=row["last_at"],
    )


def _traffic_of(pair: Pair, token: int) -> dict[str, str | int]:
    """The columns that tell traffic apart; the token says which implementations the pair is of."""
    revisions = {name: getattr(pair, name) for name in ("incumbent_revision", "candidate_revision")}
    return {"entity": pair.entity, "token": token, **revisions}


def evidence_of(row: Mapping[str, Any]) -> Evidence:
    """Columns as a piece of evidence."""
    pair = Pair(**{name: row[name] for name in Pair.__dataclass_fields__})
    return Evidence(
        row["evidence_id"], EvidenceKind(row["kind"]), pair, row["token"], row["at"], row["by"], row["facts"]
    )
