"""Which versions of a thing are delivered, in which wave, and when each was stamped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from inventory.generate.chance import Chance, Integers

LAST_WAVE = 2
_MINUTE = 60_000
_DAY = 24 * 60 * _MINUTE
_YEAR = 365 * _DAY
_WAVE_1 = _YEAR - 2 * _DAY
_WAVE_2 = _YEAR - _DAY

# Share of the things, wave, and the window of the stamps in milliseconds since the year began; windows do not touch, so
# no thing has two versions of one instant. The third comes a wave after the fourth, which is newer: a late update, yet
# stamped less than ten minutes before the newest row of the wave before its own.
_ROUNDS = (
    (1.00, 0, 0, 200 * _DAY),
    (0.30, 0, 200 * _DAY, _WAVE_1 - 10 * _MINUTE),
    (0.02, 1, _WAVE_1 - 9 * _MINUTE, _WAVE_1 - 5 * _MINUTE),
    (0.02, 0, _WAVE_1 - 4 * _MINUTE, _WAVE_1),
    (0.10, 1, _WAVE_1, _WAVE_2),
    (0.05, 2, _WAVE_2, _YEAR),
)
_LATE = (2, 3)
_AGAIN = 0.02
_LOST = 0.005


@dataclass(frozen=True, slots=True)
class Versions:
    """One entry a version: the thing's number (from 0), its wave, its stamp in milliseconds since 1970."""

    thing: Integers
    wave: Integers
    stamp: Integers

    def __len__(self) -> int:
        """How many versions there are."""
        return len(self.thing)


@dataclass(frozen=True, slots=True)
class Delivered:
    """One stream as delivered, with the wave of each row; rows of a wave stand together, waves in order."""

    rows: pa.Table
    waves: Integers

    def as_of(self, wave: int) -> pa.Table:
        """The rows that had come when `wave` had, in the order they came."""
        return self.rows.slice(0, int(np.searchsorted(self.waves, wave, side="right")))


def versions(chance: Chance, count: int, until: datetime) -> Versions:
    """The versions of `count` things, the newest stamped before `until`, all within the year before it."""
    began = int(until.timestamp() * 1000) - _YEAR
    late = chance.deal("late", count, [_ROUNDS[_LATE[0]][0]])[0]
    rounds = []
    for number, (share, wave, opens, closes) in enumerate(_ROUNDS):
        things = late if number in _LATE else chance.deal(f"round {number}", count, [share])[0]
        stamps = began + opens + chance.below(f"stamp {number}", len(things), closes - opens)
        rounds.append((things, np.full(len(things), wave), stamps))
    thing, wave_, stamp = (np.concatenate(column) for column in zip(*rounds, strict=True))
    return Versions(thing, wave_, stamp)


def deliver(chance: Chance, rows: pa.Table, made: Versions) -> Delivered:
    """The version rows in the order they come.

    2 % are delivered again (in the same wave or the next), 0.5 % once more without their id.
    """
    again, nameless = (chance.deal(kind, len(made), [share])[0] for kind, share in (("again", _AGAIN), ("lost", _LOST)))
    lost = rows.take(pa.array(nameless))
    lost = lost.set_column(0, rows.schema.field(0), pa.nulls(len(nameless), rows.schema.field(0).type))
    everything = pa.concat_tables([rows, rows.take(pa.array(again)), lost])
    source = np.concatenate([np.arange(len(made)), again, nameless])
    waves = made.wave[source]
    waves[len(made) : len(made) + len(again)] += chance.below("again later", len(again), 2)
    waves = np.minimum(waves, LAST_WAVE)
    first = np.arange(len(source)) >= len(made)
    order = np.lexsort((made.thing[source], made.stamp[source], first, waves))
    return Delivered(everything.take(pa.array(order)).combine_chunks(), waves[order])
