"""The first record of a CSV file: which delimiter it is written with, and which columns it names."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pyarrow as pa

from lockgate.errors import ContractBroken, SourceInconsistent

DELIMITERS = ",;\t|"
LONGEST = 1024 * 1024


def first_record(path: Path) -> str:
    """The text of a file's first record, which may hold line breaks in quotes; '' where the file is empty.

    Raises:
        SourceInconsistent: it is not UTF-8, or the file is not compressed as its name says.
    """
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
            record = lines.readline(LONGEST)
            while record.count('"') % 2 and len(record) < LONGEST and (line := lines.readline(LONGEST)):
                record += line
        record.encode()
    except UnicodeEncodeError as error:
        raise SourceInconsistent(
            f"the beginning of {path.name} cannot be read as UTF-8",
            hint="Name the file's encoding in the stream: `encoding`.",
        ) from error
    except OSError as error:
        raise SourceInconsistent(f"the beginning of {path.name} cannot be read as text") from error
    return record


def delimiter_of(record: str) -> str:
    """The delimiter that splits the record into most values; a comma where none does."""
    return max(DELIMITERS, key=lambda delimiter: len(_values(record, delimiter)))


def names_in(record: str, delimiter: str, *, header: bool, file: str) -> tuple[str, ...]:
    """The columns' names; `column1`, `column2`, … where there is no header, or an empty name in it.

    `file` is what a message calls the file.

    Raises:
        ContractBroken: a name is there twice.
    """
    if not record:
        return ()
    values = _values(record, delimiter)
    names = tuple((value if header else "") or f"column{place}" for place, value in enumerate(values, start=1))
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ContractBroken(f"the header of {file} names {twice[0]!r} more than once", column=twice[0])
    return names


def _values(record: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter), [])
