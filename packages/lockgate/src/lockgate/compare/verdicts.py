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
from lockgate.core.load import Pin
from lockgate.core.ports import Side

Sides = tuple[Side, Side]


def verdict_of(schema: SchemaDifference, unexplained: int, sides: Sides, doubtful: Sequence[str]) -> Verdict:
    """FAIL where something differs that nobody agreed on; INCONCLUSIVE where nothing does and yet nothing is proven.

    Where the sides were made of other loads nothing is proven either way.
    """
    if moved(sides):
        return Verdict.INCONCLUSIVE
    if unexplained or schema.added or schema.removed:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE if doubtful else Verdict.PASS


def moved(sides: Sides) -> str:
    """Which stream the sides' editions were made of other loads of, in words; '' where there is none.

    A side whose editions are not known says nothing about its inputs. What one edition does not read cannot have moved
    for it; one that reads nothing was made before anything was there.
    """
    if not all(side.editions for side in sides):
        return ""
    editions = [edition for side in sides for edition in side.editions]
    loads = [{pin.relation: pin for pin in edition.pins} for edition in editions]
    for relation in dict.fromkeys(relation for each in loads for relation in each):
        read = tuple(dict.fromkeys(each.get(relation) for each in loads if relation in each or not each))
        if len(read) > 1:
            return f"the inputs moved: {relation} was read {' and '.join(_extent(pin) for pin in read)}"
    return ""


def _extent(pin: Pin | None) -> str:
    return f"from load {pin.first_load} to {pin.last_load}" if pin else "not at all"


def doubts(rows: RowCounts, sides: Sides, profiles: Profiles, request: ComparisonRequest) -> Iterator[str]:
    """Why equality would prove nothing."""
    if inputs := moved(sides):
        yield inputs
    if not rows.left and not rows.right:
        yield "both sides are empty"
    elif not rows.left or not rows.right:
        yield f"the {'right' if rows.left else 'left'} side is empty"
    elif min(rows.left, rows.right) < request.fewest_rows:
        yield f"there are fewer than {request.fewest_rows:,} rows"
    for profile, side in zip(profiles, ("left", "right"), strict=True):
        if profile.null_keys:
            yield f"the key is NULL in {_rows(profile.null_keys)} of the {side} side"
        if profile.repeated:
            yield f"in {_rows(profile.repeated)} of the {side} side the key is there already"


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
        yield f"missing on the right: {_rows(rows.missing)}"
    if rows.extra:
        yield f"extra on the right: {_rows(rows.extra)}"
    if rows.changed:
        told = ", ".join(f"{column.name} {column.changed:,}" for column in columns if column.changed)
        yield f"changed values in {_rows(rows.changed)}: {told}"
    if noisy := [column.name for column in columns if column.changed and column.is_noisy]:
        yield f"one execution differs from the next by itself in {', '.join(noisy)}"
    yield from (told for each in explained if (told := _told(each)))
    if rows.differing and not unexplained:
        yield "every difference is explained"


def _told(each: Explained) -> str:
    if each.refused:
        return f"the expected difference {each.name!r} explains nothing: {each.refused}"
    return f"the expected difference {each.name!r} explains {_rows(each.rows)}" if each.rows else ""


def _rows(many: int) -> str:
    return f"{many:,} row{'' if many == 1 else 's'}"
