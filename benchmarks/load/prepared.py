"""The questions about the inventory, and their right answers, worked out beforehand on the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from inventory.generate import LAST_WAVE, generate
from load.questions import ENTITIES, BatchQuestion, Questions, RecordsQuestion
from load.served import Project

USERS, APPLICATIONS = 1_000, 500  # what the discovery service has
SINGLES, TENS, A_TEN = 100, 20, 10
# A request in which one record counts for another: versions of few users, of which one row each comes out.
ALIKE = "alike"

Record = Mapping[str, object]


def delivered() -> dict[str, list[dict[str, object]]]:
    """The rows that the discovery service delivers, with the mess of real systems in them."""
    dataset = generate(USERS, APPLICATIONS, seed=7)
    streams: dict[str, pa.Table] = {
        "users": dataset.users.as_of(LAST_WAVE),
        "applications": dataset.applications.as_of(LAST_WAVE),
    }
    return {name: rows.to_pylist() for name, rows in streams.items()}


def by_themselves(rows: Sequence[Record], count: int) -> list[Record]:
    """So many rows of which none is a version of another, nor of the same person."""
    found: list[Record] = []
    seen: set[object] = set()
    for row in rows:
        names = {("id", row["id"])}
        if email := str(row.get("email") or "").strip().lower():
            names.add(("email", email))
        if row["id"] is not None and not names & seen:
            seen |= names
            found.append(row)
        if len(found) == count:
            break
    return found


def prepared(project: Project, scratch: Path) -> dict[str, dict[str, Any]]:
    """By entity, what is right: outcomes of records by themselves and of ten that are not, and rows of its tables."""
    found = {}
    for entity, rows in delivered().items():
        apart = by_themselves(rows, SINGLES + TENS * A_TEN)
        alike = _versions(rows)
        found[entity] = {
            "apart": list(zip(apart, _outcomes(project, scratch, entity, apart), strict=True)),
            "alike": list(zip(alike, _outcomes(project, scratch, entity, alike), strict=True)),
            "rows": project.asked("transform", entity)["execution"]["rows"],
        }
    return found


def _versions(rows: Sequence[Record]) -> list[Record]:
    """Ten rows of which at least two are about the same thing."""
    first: dict[object, Record] = {}
    for row in rows:
        if row["id"] is not None and row["id"] in first:
            others = [one for one in rows if one["id"] != row["id"]][: A_TEN - 2]
            return [first[row["id"]], *others, row]
        first[row["id"]] = row
    raise ValueError("no row is a version of another")


def _outcomes(project: Project, scratch: Path, entity: str, records: Sequence[Record]) -> list[dict[str, Any]]:
    file = scratch / f"{entity}.ndjson"
    file.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    told = project.asked("transform", entity, "--records", str(file), fine=(0, 1))
    return list(told["outcomes"])


def questions(right: Mapping[str, Mapping[str, Any]], token: str) -> Questions:
    """What clients ask with a token."""

    def about(entity: str, pairs: Sequence[tuple[Record, dict[str, Any]]]) -> RecordsQuestion:
        records, outcomes = zip(*pairs, strict=True)
        return RecordsQuestion(entity, records, outcomes, token)

    one, ten, batch = {}, {}, {}
    for entity in ENTITIES:
        facts = right[entity]
        singles, rest = facts["apart"][:SINGLES], facts["apart"][SINGLES:]
        tens = [rest[place : place + A_TEN] for place in range(0, len(rest), A_TEN)]
        one[entity] = [about(entity, [pair]) for pair in singles]
        ten[entity] = [about(entity, pairs) for pairs in [*tens, facts["alike"]] if pairs]
        batch[entity] = [BatchQuestion(entity, facts["rows"], token)]
    return Questions(one, ten, batch)
