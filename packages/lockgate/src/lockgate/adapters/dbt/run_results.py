"""What dbt's own `run_results.json` says that nodes took; whoever wrote it is not trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lockgate.core.cost import NodeCost
from lockgate.errors import DbtProjectInvalid, UnknownName

RESULTS = Path("target", "run_results.json")
LARGEST_BYTES = 64 << 20
MOST_RESULTS = 100_000
LONGEST_NAME = 1000
LARGEST_AMOUNT = 10**18
_DONE = frozenset({"success", "pass", "warn", "fail"})


def measured_nodes(folder: Path) -> tuple[NodeCost, ...]:
    """What each node took that came to its end in dbt's newest run in a project's folder, by name.

    Raises:
        UnknownName: there is no such file.
        DbtProjectInvalid: it is too large, or nothing that dbt writes.
    """
    path = folder / RESULTS
    if not path.is_file():
        hint = "Run `dbt build` there; it leaves the file."
        raise UnknownName(
            f"{folder} has no {RESULTS}: nothing is known of what its nodes take", hint=hint, name=str(path)
        )
    found = {one.node: one for one in _nodes(_document(path))}
    return tuple(found[name] for name in sorted(found))


def _document(path: Path) -> list[Any]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise DbtProjectInvalid(f"{path} is larger than {LARGEST_BYTES >> 20} MiB")
        results = json.loads(content)["results"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DbtProjectInvalid(f"{path} is nothing that dbt writes") from error
    if not isinstance(results, list) or len(results) > MOST_RESULTS:
        raise DbtProjectInvalid(f"{path} has no list of results, or more than {MOST_RESULTS:,}")
    return results


def _nodes(results: list[Any]) -> Iterator[NodeCost]:
    """The results that mean something; others are passed over."""
    for one in results:
        if not isinstance(one, dict) or str(one.get("status")) not in _DONE:
            continue
        name, seconds = one.get("unique_id"), _amount(one.get("execution_time"))
        if isinstance(name, str) and len(name) <= LONGEST_NAME and seconds is not None:
            response = one.get("adapter_response")
            billed = _amount(response.get("bytes_billed")) if isinstance(response, dict) else None
            yield NodeCost(name, 1, round(float(seconds), 6), None if billed is None else int(billed))


def _amount(value: object) -> int | float | None:
    """A number of seconds or bytes that can be; None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if 0 <= value < LARGEST_AMOUNT else None
