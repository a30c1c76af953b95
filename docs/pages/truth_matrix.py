"""The page of the truth matrix: every cell, what must come out, and what other tools were measured to say of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from lockgate.core.comparison import Verdict
from lockgate.testing.comparisons import CELLS, Cell, Engine

PEERS = Path(__file__).parents[2] / "benchmarks" / "baselines" / "truth_matrix.json"
OURS = "lockgate"
PROSE = """# The truth matrix

What `lockgate compare` says where comparing goes wrong: {cells} pairs of small tables, each held in a DuckDB database,
in PostgreSQL, in a Parquet file and in a CSV file, and compared between any two of them, in both orders, by the method
that is chosen there. `make test` holds every cell of every pair to the row counts, the changed columns and the keys
that it states; this page is generated from the same cells. Where a format cannot hold a case at all, the reason stands
below the table.

Beside it stands what other tools said of the same tables when they were last measured:
{versions}.
datacompy compares two DuckDB tables over polars; reladiff joins inside PostgreSQL, or compares checksums between
PostgreSQL and DuckDB.
*Missed* means that tables which differ were called equal; *found, otherwise* that a difference was told, with other
counts or columns than those that differ (their keys were not looked at); *invents* that equal ones were said to
differ; *fails* that there was no answer.
"""


def truth_matrix_page() -> str:
    """The cells by what they are about."""
    measured = json.loads(PEERS.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in measured["versions"].items())
    tools = list(dict.fromkeys(name for found in measured["cells"].values() for name in found))
    peers = [name for name in tools if name != OURS]
    lines = [
        PROSE.format(cells=len(CELLS), versions=versions),
        f"| case | what is so | lockgate, every pair | {' | '.join(peers)} |",
        f"| --- | --- | --- | {' | '.join('---' for _ in peers)} |",
        *(_row(cell, measured["cells"].get(cell.name, {}), peers) for cell in CELLS),
        "",
        _sums(measured["cells"], tools),
        "",
        *_without(),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _row(cell: Cell, found: dict[str, str], peers: list[str]) -> str:
    said = [_said(cell, name, found) for name in peers]
    told = cell.about.replace("|", "\\|").rstrip(".")
    return f"| `{cell.name}` | {told} | {_ours(cell)} | {' | '.join(said)} |"


def _said(cell: Cell, peer: str, found: dict[str, str]) -> str:
    """What a peer said; reladiff is told which columns to compare, so nothing is asked of it about the others."""
    if peer.startswith("reladiff") and (cell.expected.added or cell.expected.removed):
        return "no such option"
    return found.get(peer, "–").partition(":")[0]


def _ours(cell: Cell) -> str:
    return {Verdict.PASS: "equal", Verdict.FAIL: "found", Verdict.INCONCLUSIVE: "INCONCLUSIVE"}[cell.expected.verdict]


def _sums(cells: dict[str, dict[str, str]], tools: list[str]) -> str:
    """How often each tool found nothing, or made something up."""
    told = []
    for name in tools:
        said = Counter(_said(cell, name, cells.get(cell.name, {})) for cell in CELLS)
        told.append(f"{name}: {said['missed']} missed, {said['invents a difference']} invented, {said['fails']} failed")
    return f"In all, of {len(cells)} cells: {'; '.join(told)}."


def _without() -> list[str]:
    reasons = [(cell.name, engine, why) for cell in CELLS for engine, why in cell.without.items()]
    if not reasons:
        return []
    shown = [f"- `{name}`: not in {_NAMES[engine]}: {why}." for name, engine, why in reasons]
    return ["## What a format cannot hold", "", *shown]


_NAMES = {Engine.DUCKDB: "DuckDB", Engine.POSTGRES: "PostgreSQL", Engine.PARQUET: "Parquet", Engine.CSV: "CSV"}
