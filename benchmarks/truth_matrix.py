"""What we, datacompy and reladiff say of every cell of the truth matrix: kept in a file that the reference page shows.

Ours is asked of each pair of engines; the worst answer counts.

datacompy compares two DuckDB tables, as polars has them; reladiff joins in PostgreSQL (joindiff), and bisects between
PostgreSQL and DuckDB (hashdiff). What each has an option for is asked of it; what it has none for is told so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from compare_peers import Peers
from lockgate.adapters.relations.references import Opening, opened, reference
from lockgate.core.comparison import Verdict
from lockgate.core.ports import Bench, Side
from lockgate.errors import LockgateError
from lockgate.sandbox.postgres import start_postgres
from lockgate.testing.comparisons import CELLS, Cell, Engine, place
from lockgate.testing.comparisons.suite import compared

KEPT = Path(__file__).parent / "baselines" / "truth_matrix.json"
NO_OPTION, UNWRITTEN = "no such option", "cannot be written there"


def datacompy(peers: Peers, cell: Cell, database: str) -> dict[str, Any]:
    """Both tables from DuckDB."""
    if not cell.is_for(Engine.DUCKDB):
        return {}
    if cell.renamed or (cell.tolerance is not None and cell.tolerance.absolute is None):
        return {"error": NO_OPTION}
    tolerance = float(cell.tolerance.absolute or 0) if cell.tolerance else 0.0
    names = {side: f'"{cell.name}_{side}"' for side in ("left", "right")}
    return peers.ask("datacompy", database=database, **names, key=list(cell.key), tolerance=tolerance)


def reladiff(peers: Peers, cell: Cell, sides: tuple[str, str], algorithm: str) -> dict[str, Any]:
    """Tables in one database or two; it compares the columns that it is told, and no schemas."""
    engines = [Engine.DUCKDB if side.startswith("duckdb") else Engine.POSTGRES for side in sides]
    if not cell.is_for(*engines):
        return {}
    if cell.renamed or cell.tolerance or set(cell.left.columns) != set(cell.right.columns):
        return {"error": NO_OPTION}
    columns = list(cell.left.columns)
    left, right = ([side, f"{cell.name}_{which}"] for side, which in zip(sides, ("left", "right"), strict=True))
    return peers.ask("reladiff", left=left, right=right, key=list(cell.key), columns=columns, algorithm=algorithm)


def judged(cell: Cell, found: dict[str, Any]) -> str:
    """What a peer's answer is worth."""
    if not found:
        return UNWRITTEN
    if "error" in found:
        return NO_OPTION if found["error"] == NO_OPTION else f"fails: {found['error'].partition(':')[0]}"
    expected = cell.expected
    told = (found["missing"], found["extra"], found["columns"])
    is_equal = found["matches"] and not any(told)
    if expected.verdict is not Verdict.FAIL:
        return "equal" if is_equal else "invents a difference"
    if expected.added or expected.removed:
        return "missed" if is_equal else "found"
    if is_equal:
        return "missed"
    return "found" if told == (expected.rows.missing, expected.rows.extra, expected.changed) else "found, otherwise"


def ours(cell: Cell, references: Mapping[tuple[str, str, Engine], str], opening: Opening) -> str:
    """What our own answers between any two engines are worth: the worst of them."""
    told = [
        _ours(cell, *(opening.side(reference(references[cell.name, *side])) for side in sides), opening.bench)
        for sides in product([("left", one) for one in Engine], [("right", one) for one in Engine])
        if cell.is_for(*(engine for _, engine in sides))
    ]
    return min(told, key=lambda said: (said in {"found", "equal"}, said))


def _ours(cell: Cell, left: Side, right: Side, bench: Bench) -> str:
    try:
        found = compared(cell, left, right, bench)
    except LockgateError as error:
        return f"fails: {error.code}"
    answer = {
        "missing": found.rows.missing,
        "extra": found.rows.extra,
        "columns": {one.name: one.changed for one in found.columns if one.changed},
        "matches": found.verdict is not Verdict.FAIL,
    }
    return judged(cell, answer)


def measured(peers: Peers, folder: Path, url: str) -> dict[str, dict[str, str]]:
    """By cell, what each peer's answer is worth."""
    references = place(CELLS, folder, url)
    database = next(one for (_, _, engine), one in references.items() if engine is Engine.DUCKDB).partition("::")[0]
    across = (url, f"duckdb://{database}")
    with opened(folder / "bench", memory_bytes=1_000_000_000) as opening:
        lockgate = {cell.name: ours(cell, references, opening) for cell in CELLS}
    return {
        cell.name: {
            "lockgate": lockgate[cell.name],
            "datacompy": judged(cell, datacompy(peers, cell, database)),
            "reladiff joindiff": judged(cell, reladiff(peers, cell, (url, url), "joindiff")),
            "reladiff hashdiff": judged(cell, reladiff(peers, cell, across, "hashdiff")),
        }
        for cell in CELLS
    }


def main() -> None:
    """Measure, and keep what was found."""
    peers = Peers(apart=True)
    with TemporaryDirectory() as scratch:
        server = start_postgres(Path(scratch) / "postgres")
        try:
            cells = measured(peers, Path(scratch), server.url)
        finally:
            server.stop()
            peers.close()
    versions = {name: peers.versions[name] for name in ("datacompy", "reladiff")}
    document = json.dumps({"versions": versions, "cells": cells}, indent=1, ensure_ascii=False)
    KEPT.write_text(document + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
