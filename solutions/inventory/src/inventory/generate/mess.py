"""What real systems do to a clean text column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from inventory.generate.chance import Chance, Integers

NOTHING: tuple[str | None, ...] = (None, "", " \t ")


def plant(column: pa.Array, rows: Integers, values: Sequence[str | None]) -> pa.Array:
    """The column with `values`, in turn, at `rows` (rising row numbers)."""
    turns = pa.array(np.arange(len(rows)) % len(values))
    return _replace(column, rows, pa.array(values, pa.string()).take(turns))


def blank_noise(column: pa.Array, rows: Integers) -> pa.Array:
    """The column with blanks before, after or around the text at `rows`."""
    text = column.take(pa.array(rows))
    return _vary(column, rows, [_join("  ", text), _join(text, " \t"), _join("\t", text, " ")])


def code_noise(column: pa.Array, rows: Integers) -> pa.Array:
    """The column with its ASCII letters' case changed, and some blanks, at `rows`."""
    text = column.take(pa.array(rows))
    upper, capital = pc.ascii_upper(text), pc.ascii_capitalize(text)
    return _vary(column, rows, [_join(upper, " "), capital, _join(" ", capital, "\t"), pc.ascii_swapcase(text)])


def prefix(column: pa.Array, rows: Integers, text: str) -> pa.Array:
    """The column with `text` before the values at `rows`."""
    return _replace(column, rows, _join(text, column.take(pa.array(rows))))


def codes(chance: Chance, name: str, count: int, known: Sequence[str], *, strange: Sequence[str]) -> pa.Array:
    """Random known codes, 10 % in another case or with blanks, 4 % `strange`, 2 % blank or NULL."""
    noisy, unknown, missing = chance.deal(f"{name}.mess", count, [0.10, 0.04, 0.02])
    text = code_noise(chance.pick(name, count, known), noisy)
    return plant(plant(text, unknown, strange), missing, NOTHING)


def dates(chance: Chance, name: str, days: Integers, *, broken: Sequence[str]) -> pa.Array:
    """Day numbers since 1970 as text: YYYY-MM-DD, or DD/MM/YYYY (30 %).

    3 % are blank or NULL, 2 % have blanks around them, 1 % are `broken`, 1 % a leap day.
    """
    iso, slashed = _date_texts(days)
    other_way, missing, wrong, leap, padded = chance.deal(f"{name}.mess", len(days), [0.30, 0.03, 0.01, 0.01, 0.02])
    text = _replace(iso, other_way, slashed.take(pa.array(other_way)))
    text = plant(plant(text, missing, NOTHING), wrong, broken)
    return blank_noise(plant(text, leap, ("29/02/2024", "2020-02-29")), padded)


def instants(milliseconds: Integers) -> pa.Array:
    """Milliseconds since 1970 as ISO 8601 text in UTC."""
    text = pc.cast(pa.array(milliseconds.astype("datetime64[ms]")), pa.string())
    return _join(pc.binary_replace_slice(text, start=10, stop=11, replacement="T"), "Z")


def _date_texts(days: Integers) -> tuple[pa.Array, pa.Array]:
    """The days as YYYY-MM-DD and as DD/MM/YYYY, each distinct day written once."""
    distinct, where = np.unique(days, return_inverse=True)
    day = pa.array(distinct.astype("datetime64[D]"))
    iso, slashed = (pc.strftime(day, layout).take(pa.array(where)) for layout in ("%Y-%m-%d", "%d/%m/%Y"))
    return iso, slashed


def _vary(column: pa.Array, rows: Integers, variants: list[pa.Array]) -> pa.Array:
    turns = pa.array(np.arange(len(rows)) % len(variants))
    return _replace(column, rows, pc.choose(turns, *variants))


def _replace(column: pa.Array, rows: Integers, values: pa.Array) -> pa.Array:
    mask = np.zeros(len(column), dtype=bool)
    mask[rows] = True
    return pc.replace_with_mask(column, pa.array(mask), values)


def _join(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")
