"""What a comparison's page shows, out of what was kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lockgate.adapters.reports.comparison import (
    MOST_COLUMNS,
    Part,
    differing_columns,
    headline,
    parts_of,
)
from lockgate.app.archive import KeptComparison
from lockgate.core.comparison import (
    ColumnDifference,
    ColumnRule,
    Comparison,
    ComparisonRecord,
    ComparisonRequest,
    Verdict,
)
from lockgate.core.route import Edition


@dataclass(frozen=True, slots=True)
class ComparisonLine:
    """One line of the list: how many rows differ, of how many that were compared."""

    number: int
    entity: str
    left: str
    right: str
    verdict: Verdict
    unexplained: int
    differing: int
    compared: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """One comparison, laid out. `asked` says how it was compared, where that differs from as it is."""

    number: int
    entity: str
    at: datetime
    found: Comparison
    headline: str
    parts: tuple[Part, ...]
    columns: tuple[ColumnDifference, ...]
    columns_left_out: int
    columns_compared: int
    asked: tuple[tuple[str, str], ...]
    editions: tuple[tuple[str, Edition], ...]

    @property
    def has_rows(self) -> bool:
        """Whether rows that differ may be looked for anew: two editions were compared, and differ."""
        return self.found.rows.differing > 0 and all(len(side) == 1 for side in self.found.editions)


def line_of(record: ComparisonRecord) -> ComparisonLine:
    """A kept comparison as one line."""
    found = record.found
    rows = found["rows"]
    counted = rows if isinstance(rows, dict) else {}
    differing = sum(int(counted.get(name, 0)) for name in ("missing", "extra", "changed"))
    return ComparisonLine(
        number=record.comparison_id,
        entity=record.entity,
        left=str(found["left"]),
        right=str(found["right"]),
        verdict=record.verdict,
        unexplained=record.unexplained,
        differing=differing,
        compared=differing + int(counted.get("matched", 0)),
        at=record.compared_at,
    )


def view_of(kept: KeptComparison) -> ComparisonView:
    """A kept comparison as its page shows it."""
    found = kept.comparison
    differing = differing_columns(found)
    sides = zip(("left", "right"), found.editions, strict=True)
    return ComparisonView(
        number=kept.record.comparison_id,
        entity=kept.record.entity,
        at=kept.record.compared_at,
        found=found,
        headline=headline(found),
        parts=parts_of(found.rows),
        columns=tuple(differing[:MOST_COLUMNS]),
        columns_left_out=max(0, len(differing) - MOST_COLUMNS),
        columns_compared=len(found.columns),
        asked=tuple(_asked(kept.request)),
        editions=tuple((side, edition) for side, shown in sides for edition in shown),
    )


def _asked(request: ComparisonRequest) -> Iterator[tuple[str, str]]:
    """What was asked besides the key, in words."""
    usual = ComparisonRequest(())
    words = {
        "tolerance": ("Numbers and times may differ by", str(request.tolerance)),
        "excluded": ("Columns left out", ", ".join(sorted(request.excluded))),
        "noisy": ("Columns that differ by themselves", ", ".join(sorted(request.noisy))),
        "where": ("Only rows where", str(request.where)),
        "sample_rows": ("A sample of", f"about {request.sample_rows} rows"),
        "fewest_rows": ("Fewer rows prove nothing", str(request.fewest_rows)),
    }
    for name, told in words.items():
        if getattr(request, name) != getattr(usual, name):
            yield told
    for name, rule in request.rules.items():
        yield f"Column {name}", _ruled(rule)


def _ruled(rule: ColumnRule) -> str:
    tolerance = [f"may differ by {rule.tolerance}"] if rule.tolerance is not None else []
    return "; ".join([*tolerance, *(transform.value for transform in rule.transforms)]) or "as it is"
