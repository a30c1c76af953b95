"""What a comparison means, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lockgate.compare.profile import Profiles
from lockgate.core.comparison import (
    ColumnDifference,
    ComparisonRequest,
    Explained,
    RowCounts,
    SchemaDifference,
    Verdict,
)


def verdict_of(
    rows: RowCounts, schema: SchemaDifference, unexplained: int, profiles: Profiles, request: ComparisonRequest
) -> Verdict:
    """FAIL where something differs that nobody agreed on; INCONCLUSIVE where nothing does and yet nothing is proven."""
    if unexplained or schema.added or schema.removed:
        return Verdict.FAIL
    doubtful = any(True for _ in doubts(rows, profiles, request))
    return Verdict.INCONCLUSIVE if doubtful else Verdict.PASS


def doubts(rows: RowCounts, profiles: Profiles, request: ComparisonRequest) -> Iterator[str]:
    """Why equality would prove nothing."""
    if not rows.left and not rows.right:
        yield "both sides are empty"
    elif min(rows.left, rows.right) < request.fewest_rows:
        yield f"there are fewer than {request.fewest_rows:,} rows"
    for profile, side in zip(profiles, ("left", "right"), strict=True):
        if profile.null_keys:
            yield f"the key is NULL in {profile.null_keys:,} rows of the {side} side"
        if profile.repeated:
            yield f"{profile.repeated:,} rows of the {side} side have a key that is there already"


def reasons(
    rows: RowCounts,
    schema: SchemaDifference,
    columns: Sequence[ColumnDifference],
    explained: Sequence[Explained],
    unexplained: int,
) -> Iterator[str]:
    """What was found, in sentences; nothing where both sides are equal in every respect."""
    if schema.removed:
        yield f"columns only on the left: {', '.join(schema.removed)}"
    if schema.added:
        yield f"columns only on the right: {', '.join(schema.added)}"
    if schema.type_changed:
        changed = (f"{name} ({left} → {right})" for name, (left, right) in schema.type_changed.items())
        yield f"types differ: {', '.join(changed)}"
    if rows.missing:
        yield f"{rows.missing:,} rows are missing on the right"
    if rows.extra:
        yield f"{rows.extra:,} rows are extra on the right"
    if rows.changed:
        told = ", ".join(f"{column.name} {column.changed:,}" for column in columns if column.changed)
        yield f"{rows.changed:,} rows have changed values: {told}"
    yield from (told for each in explained if (told := _told(each)))
    if rows.differing and not unexplained:
        yield "every difference is explained"


def _told(each: Explained) -> str:
    if each.refused:
        return f"the expected difference {each.name!r} explains nothing: {each.refused}"
    return f"the expected difference {each.name!r} explains {each.rows:,} rows" if each.rows else ""
