"""What clients ask, ready to be sent, and the right answer to each of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from load.exchange import request

ENTITIES = ("users", "applications")
PATH = "/api/transform"
# Bodies that were found right once; a server repeats itself, and then nothing has to be read again.
MOST_KNOWN = 64


@dataclass(frozen=True, slots=True)
class Told:
    """Whether an answer is right, and which implementation gave it for which scope."""

    is_right: bool
    engine: str = ""
    scope: str = ""


WRONG = Told(is_right=False)


class Question(Protocol):
    """One request and what is right about it."""

    kind: str
    message: bytes

    def judge(self, body: bytes) -> Told:
        """What an answer of status 200 says."""


@dataclass(slots=True)
class RecordsQuestion:
    """Records of an entity; `outcomes` are the right ones: their status and output."""

    entity: str
    records: Sequence[Mapping[str, object]]
    outcomes: Sequence[Mapping[str, Any]]
    token: str
    kind: str = ""
    message: bytes = b""
    _known: dict[bytes, Told] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.records)
        self.kind = self.kind or f"{self.entity}, {count} record{'s' if count > 1 else ''}"
        document = {"entityType": self.entity, "records": list(self.records)}
        self.message = request("POST", PATH, token=self.token, document=document)

    def judge(self, body: bytes) -> Told:
        """Right where every record came to what it has to come to."""
        told = self._known.get(body)
        if told is None:
            told = self._judged(body)
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[body] = told
        return told

    def _judged(self, body: bytes) -> Told:
        try:
            document = json.loads(body)
            found = [(one["index"], one["status"], one["output"]) for one in document["outcomes"]]
            engine, scope = document["engine"], document["scope"]
            fallback = document["fallback"]
        except (ValueError, KeyError, TypeError):
            return WRONG
        right = [(place, one["status"], one["output"]) for place, one in enumerate(self.outcomes)]
        return Told(found == right, f"{engine}, instead" if fallback else engine, scope)


@dataclass(slots=True)
class BatchQuestion:
    """An entity's tables; `rows` is how many rows come of them."""

    entity: str
    rows: int
    token: str
    kind: str = ""
    message: bytes = b""

    def __post_init__(self) -> None:
        self.kind = f"{self.entity}, batch"
        self.message = request("POST", PATH, token=self.token, document={"entityType": self.entity})

    def judge(self, body: bytes) -> Told:
        """Right where a job ended well with so many rows."""
        try:
            document = json.loads(body)
            result = document.get("result") or document
            is_right = document["status"] == "success" and result["rows"] == self.rows
            engine = f"{result['engine']}, instead" if result.get("fallback") else result["engine"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return WRONG
        return Told(is_right, engine, "tables")


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of what: applications among all, batches among all, ten records among those that are no batch."""

    applications: float = 0.5
    batch: float = 0.01
    ten: float = 0.3


@dataclass(frozen=True, slots=True)
class Questions:
    """All that may be asked, by entity."""

    one: Mapping[str, Sequence[RecordsQuestion]]
    ten: Mapping[str, Sequence[RecordsQuestion]]
    batch: Mapping[str, Sequence[BatchQuestion]]

    def drawn(self, chance: Random, shares: Shares) -> Question:
        """The next one."""
        entity = ENTITIES[chance.random() < shares.applications]
        if chance.random() < shares.batch:
            among: Sequence[Question] = self.batch[entity]
        else:
            among = (self.ten if chance.random() < shares.ten else self.one)[entity]
        return among[int(chance.random() * len(among))]
