"""Whether a comparison found both sides level: what is shown, goes on or is rolled back hangs on this one answer."""

from __future__ import annotations

from lockgate.core.comparison import Verdict
from lockgate.core.gate import Evidence
from lockgate.core.legible import quantity


def unlevel(found: Evidence, allowed: int) -> str:
    """Why both sides are surely not level; empty where nothing says so. `allowed` rows may differ unexplained."""
    if found.facts.get("buckets_changed"):
        return f"the column that rows are split by differs in {found.facts['buckets_changed']} rows"
    rows = int(str(found.facts["unexplained"]))
    if found.facts["verdict"] != Verdict.FAIL or rows <= allowed:
        return ""
    return f"{quantity(rows, 'row differs', 'rows differ')} unexplained (comparison {found.facts['comparison_id']})"


def unproven(found: Evidence, allowed: int) -> str:
    """Why it is not known that both sides are level; empty where it is."""
    if found.facts["verdict"] == Verdict.INCONCLUSIVE:
        return f"comparison {found.facts['comparison_id']} proves nothing"
    return unlevel(found, allowed)
