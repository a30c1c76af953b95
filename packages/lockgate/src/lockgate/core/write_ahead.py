"""SQLite's write-ahead mode, taken with patience (https://sqlite.org/wal.html: a query may return SQLITE_BUSY)."""

from __future__ import annotations

import sqlite3
from time import monotonic, sleep

_SOON = 0.01


def write_ahead(connection: sqlite3.Connection, *, patience: float) -> None:
    """Puts a file into write-ahead mode, so that its readers and its one writer do not wait for each other.

    SQLite waits for others everywhere but here: of two that turn a new file at once, one is told "locked" at once.
    Others are waited for `patience` seconds.

    Raises:
        sqlite3.OperationalError: others keep the file for longer than that, or it is no database.
    """
    ends = monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > ends:
                raise
        sleep(_SOON)
