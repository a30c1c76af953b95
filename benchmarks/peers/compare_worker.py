"""Runs comparisons by the peers, in an environment of their own: a request a line in, an answer a line out, as JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter
from importlib.metadata import version
from typing import Any


def versions() -> dict[str, str]:
    """The peers' versions."""
    return {name: version(name) for name in ("datacompy", "reladiff", "duckdb", "polars")}


def datacompy(database: str, left: str, right: str, key: list[str]) -> dict[str, Any]:
    """Both tables of a DuckDB file into polars, and datacompy's whole report."""
    import duckdb
    from datacompy import PolarsCompare

    with duckdb.connect(database, read_only=True) as connection:
        frames = [connection.sql(f"select * from {name}").pl() for name in (left, right)]
    return counted(PolarsCompare(*frames, join_columns=key), key)


def datacompy_parquet(left: str, right: str, key: list[str]) -> dict[str, Any]:
    """Two Parquet files by polars, and datacompy's whole report."""
    import polars
    from datacompy import PolarsCompare

    return counted(PolarsCompare(polars.read_parquet(left), polars.read_parquet(right), join_columns=key), key)


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

    tables = [connect_to_table(database, tuple(name.split(".")), tuple(key), 2) for database, name in (left, right)]
    extra = tuple(name for name in columns if name not in key)
    bounds = {"max_key": (below,)} if below is not None else {}
    found = list(
        diff_tables(
            *tables, extra_columns=extra, algorithm=Algorithm(algorithm), max_threadpool_size=2,
            allow_empty_tables=True, **bounds,
        )
    )  # fmt: skip
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


ANSWERS = {"versions": versions, "datacompy": datacompy, "datacompy_parquet": datacompy_parquet, "reladiff": reladiff}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request; what a peer fails with is an answer too."""
    try:
        return ANSWERS[request.pop("do")](**request)
    except Exception as error:  # noqa: BLE001
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # a peer that prints does not answer
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
