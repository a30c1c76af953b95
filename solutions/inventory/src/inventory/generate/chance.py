"""Random columns that depend on seed, column name and row number alone: the same on every machine."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Integers = npt.NDArray[np.int64]

# SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Chance:
    """A source of columns; two columns of different names are independent."""

    seed: int
    stream: str

    def bits(self, name: str, count: int) -> npt.NDArray[np.uint64]:
        """`count` uniform 64-bit numbers."""
        key = np.frombuffer(hashlib.sha256(f"{self.seed}/{self.stream}/{name}".encode()).digest()[:8], dtype="<u8")[0]
        mixed: npt.NDArray[np.uint64] = np.arange(1, count + 1, dtype=np.uint64) * _STEP + key
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        mixed ^= mixed >> np.uint64(31)
        return mixed

    def below(self, name: str, count: int, bound: int) -> Integers:
        """`count` numbers from 0 to `bound` - 1; zeros where `bound` is 0."""
        return (self.bits(name, count) % np.uint64(max(bound, 1))).astype(np.int64)

    def pick(self, name: str, count: int, choices: Sequence[str]) -> pa.Array:
        """`count` of the choices, as text."""
        return pa.array(choices, pa.string()).take(pa.array(self.below(name, count, len(choices))))

    def deal(self, name: str, count: int, shares: Sequence[float]) -> list[Integers]:
        """Disjoint hands of rising row numbers out of `count`; each holds its share, rounded up, while rows last."""
        ends = np.cumsum([math.ceil(round(share * count, 6)) for share in shares])
        dealt = min(int(ends[-1]), count)
        bits = self.bits(name, count)
        lowest = np.argpartition(bits, dealt)[:dealt] if dealt < count else np.arange(count)
        order = lowest[np.argsort(bits[lowest])] if len(shares) > 1 else lowest
        return [np.sort(hand) for hand in np.split(order, np.minimum(ends, dealt))[:-1]]
