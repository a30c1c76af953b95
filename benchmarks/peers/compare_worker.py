"""Runs comparisons by the peers, in an environment of their own: a request a line in, an answer a line out, as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from importlib.metadata import version
from typing import Any, TextIO

MOST_SECONDS = 20


def versions() -> dict[str, str]:
    """The peers' versions."""
    return {name: version(name) for name in ("datacompy", "reladiff", "duckdb", "polars")}


def datacompy(database: str, left: str, right: str, key: list[str], tolerance: float = 0) -> dict[str, Any]:
    """Both tables of a DuckDB file into polars, and datacompy's whole report."""
    import duckdb
    from datacompy import PolarsCompare

    with duckdb.connect(database, read_only=True) as connection:
        frames = [connection.sql(f"select * from {name}").pl() for name in (left, right)]
    return counted(PolarsCompare(*frames, join_columns=key, abs_tol=tolerance), key)


def counted(compared: Any, key: list[str]) -> dict[str, Any]:
    """What datacompy found."""
    report = compared.report(sample_count=20)
    columns = {one["column"]: int(one["unequal_cnt"]) for one in compared.column_stats}
    only_left, only_right = (sorted(each) for each in (compared.df1_unq_columns(), compared.df2_unq_columns()))
    return {
        "matches": bool(compared.matches()),
        "missing": compared.df1_unq_rows.height,
        "extra": compared.df2_unq_rows.height,
        "columns": {name: many for name, many in columns.items() if many and name not in key},
        "removed": only_left,
        "added": only_right,
        "report": len(report),
    }


def reladiff(
    left: list[str], right: list[str], key: list[str], columns: list[str], algorithm: str, below: int | None = None
) -> dict[str, Any]:
    """The difference of two tables, each given by database and name; `below` ends it at a key."""
    from reladiff import Algorithm, connect_to_table, diff_tables
    from reladiff.utils import Vector

    tables = [connect_to_table(database, tuple(name.split(".")), tuple(key), 2) for database, name in (left, right)]
    extra = tuple(name for name in columns if name not in key)
    bounds = {"max_key": Vector((below,))} if below is not None else {}
    found = list(
        diff_tables(
            *tables,
            extra_columns=extra,
            algorithm=Algorithm(algorithm),
            max_threadpool_size=2,
            allow_empty_tables=True,
            **bounds,
        )
    )
    return told(found, len(key), extra)


def told(found: list[tuple[str, tuple[Any, ...]]], keys: int, columns: tuple[str, ...]) -> dict[str, Any]:
    """What reladiff found: rows by sign, and columns of the rows that have both signs."""
    rows: dict[tuple[Any, ...], dict[str, tuple[Any, ...]]] = {}
    for sign, values in found:
        rows.setdefault(tuple(values[:keys]), {})[sign] = tuple(values[keys:])
    changed: Counter[str] = Counter()
    for both in rows.values():
        if len(both) == 2:
            pairs = zip(columns, both["-"], both["+"], strict=True)
            changed.update(name for name, one, other in pairs if one != other)
    return {
        "matches": not found,
        "missing": sum(set(both) == {"-"} for both in rows.values()),
        "extra": sum(set(both) == {"+"} for both in rows.values()),
        "changed": sum(len(both) == 2 for both in rows.values()),
        "columns": dict(changed),
        "signs": dict(Counter(sign for sign, _ in found)),
        "keys": sorted(str(one) for one in rows),
    }


ANSWERS = {"versions": versions, "datacompy": datacompy, "reladiff": reladiff}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request; what a peer fails with is an answer too, be it a panic."""
    try:
        return ANSWERS[request.pop("do")](**request)
    except BaseException as error:  # noqa: BLE001
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}


def answer_apart(request: dict[str, Any], answers: TextIO) -> None:
    """Answers from a process of its own: a connection that a peer left broken or open spoils no other answer."""
    child = os.fork()
    if child == 0:
        signal.alarm(MOST_SECONDS)
        print(json.dumps(answer(request)), file=answers, flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(json.dumps({"error": f"no answer in {MOST_SECONDS} seconds"}), file=answers, flush=True)


def main(arguments: list[str]) -> None:
    """Answer until there are no more requests."""
    answers, sys.stdout = sys.stdout, sys.stderr  # a peer that prints does not answer
    for line in sys.stdin:
        if "--apart" in arguments:
            answer_apart(json.loads(line), answers)
        else:
            print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
