"""The columns of a load: what is declared, what is landed already, and what its packages have brought."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import pyarrow.parquet as pq

from lockgate.core.load import MISENCODED
from lockgate.core.nearness import nearest
from lockgate.core.ports import Staged
from lockgate.core.relation import Column
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN, NewColumnPolicy, Stream
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import ContractBroken, SourceInconsistent

_SYSTEM = {LOAD_ID_COLUMN, POSITION_COLUMN}
_TEXT = ColumnType(Kind.TEXT)


def settled(stream: Stream, logged: Iterable[Column]) -> Stream:
    """The stream with every column whose type stands: those declared, then those that its log has already.

    Where there is none, the first load may bring any.

    Raises:
        ContractBroken: a declared type is not one that the log's column holds.
    """
    declared = {column.name: column for column in stream.columns}
    landed = {column.name: column for column in logged if column.name not in _SYSTEM}
    for name in declared.keys() & landed.keys():
        if not landed[name].type.holds(declared[name].type):
            raise ContractBroken(
                f"{stream.name}: column {name!r} is declared {declared[name].type}, was landed as {landed[name].type}",
                hint="Declare the type that was landed, or let the stream appear under another name.",
                column=name,
            )
    columns = tuple((landed | declared).values())
    return replace(stream, columns=columns, on_new_column=stream.on_new_column if columns else NewColumnPolicy.EVOLVE)


def seen(before: Iterable[Column], staged: Staged, stream: Stream) -> tuple[Column, ...]:
    """The columns beyond the stream's that packages have brought, up to `staged`, each in the widest type it had."""
    known = {column.name for column in stream.columns}
    found = {column.name: column for column in (*before, *staged.columns) if column.name not in known}
    return tuple(found.values())


def landing_columns(staged: Sequence[Staged], brought: Sequence[Column], stream: Stream) -> tuple[Column, ...]:
    """All columns of the load, with those `brought` by it; one that held only NULL, and nobody declared, is text."""
    found = {column.name: column for column in (*stream.columns, *brought)}
    names = dict.fromkeys(name for one in staged for name in names_in(one))
    return (*found.values(), *(Column(name, _TEXT) for name in names if name not in found))


def refuse_missing(names: Sequence[str], stream: Stream) -> None:
    """Refuses columns among which those are not that the stream calls its key and cursor.

    Raises:
        ContractBroken: names the column and the nearest one that is there.
    """
    for wanted in (*stream.key, *([stream.cursor] if stream.cursor else [])):
        if wanted not in names:
            near = nearest(wanted, names)
            told = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names)}"
            raise ContractBroken(f"{stream.name} has no column {wanted!r}; {told}", column=wanted)


def refuse_lacking(lacking: Collection[str], stream: Stream) -> None:
    """Refuses a load whose tables lack columns that the stream declares: they would be landed as nothing but NULL.

    Raises:
        ContractBroken: names them.
    """
    gone = [column.name for column in stream.columns if column.name in lacking]
    if gone:
        raise ContractBroken(
            f"{stream.name} has no column {', '.join(map(repr, gone))} any more, which the project declares",
            hint="Take it out of the stream's `columns` where that is meant; else mend the source.",
            columns=tuple(gone),
        )


def refuse_misencoded(staged: Sequence[Staged], stream: Stream) -> None:
    """Refuses a load of which every record was rejected because its text is not in the encoding it was read in.

    Raises:
        SourceInconsistent: says how many.
    """
    files = [one.rejects for one in staged if one.rejects]
    if not files or any(one.rows for one in staged):
        return
    reasons = [reason for file in files for reason in pq.read_table(file, columns=["reason"])["reason"].unique()]
    if all(reason.as_py() == MISENCODED for reason in reasons):
        raise SourceInconsistent(
            f"{stream.name}: none of its {sum(one.rejected for one in staged):,} records can be read as text",
            hint="Name the files' encoding in the stream, such as `encoding: windows-1252`.",
        )


def names_in(staged: Staged) -> list[str]:
    """The names of the source's columns in a staged package."""
    return [name for name in pq.read_schema(staged.file).names if name not in _SYSTEM]
