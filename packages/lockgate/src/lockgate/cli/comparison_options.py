"""What was typed behind `compare`, as what is asked of a comparison."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from lockgate.cli.commands_compare import Options, Several
from lockgate.core.comparison import ColumnRule, ComparisonRequest, Method, Tolerance, Transform
from lockgate.core.nearness import did_you_mean_or_known
from lockgate.errors import ComparisonInvalid

MOST_SAMPLES = ComparisonRequest(()).most_samples


def requested(options: Options) -> ComparisonRequest:
    """What is asked of a comparison.

    Raises:
        ComparisonInvalid: an option is not written as it has to be.
    """
    return ComparisonRequest(
        key=_columns(options.key),
        tolerance=_tolerance(options.tolerance, "--tolerance") if options.tolerance is not None else None,
        rules=_rules(options),
        renamed=_renamed(options.renamed),
        excluded=frozenset(_columns(options.exclude)),
        where=options.where,
        group_by=_columns(options.group_by),
        sample_rows=options.sample,
        most_samples=MOST_SAMPLES if options.samples is None else options.samples,
        show_values=options.show_values,
        fewest_rows=options.min_rows,
        method=Method(options.method) if options.method is not None else None,
        touches=options.touches,
    )


def _columns(written: Several) -> tuple[str, ...]:
    """Names apart by commas, in quotes where one holds a comma; each once."""
    rows = csv.reader(written or (), skipinitialspace=True)
    return tuple(dict.fromkeys(name.strip() for row in rows for name in row if name.strip()))


def _tolerance(written: str, option: str) -> Tolerance:
    try:
        return Tolerance.parse(written)
    except ValueError as error:
        raise ComparisonInvalid(f"{option}: {error}", hint="Write 0.01, 1% or, for times, 500ms, 2s, 5m.") from error


def _rules(options: Options) -> dict[str, ColumnRule]:
    """A rule for each column that has a tolerance or transforms of its own; the last tolerance counts."""
    tolerances = {
        column: _tolerance(value, f"--column-tolerance {column}")
        for column, value in _pairs(options.column_tolerance, "--column-tolerance", "amount=0.01")
    }
    transforms: dict[str, tuple[Transform, ...]] = {}
    for column, value in _pairs(options.transform, "--transform", "name=trim"):
        transforms[column] = (*transforms.get(column, ()), *(_transform(each) for each in value.split(",")))
    return {
        name: ColumnRule(tolerances.get(name), transforms.get(name, ()))
        for name in dict.fromkeys([*tolerances, *transforms])
    }


def _transform(written: str) -> Transform:
    known = list(Transform)
    if written.strip() in known:
        return Transform(written.strip())
    told = did_you_mean_or_known(written, known)
    raise ComparisonInvalid(f"--transform: there is no transform {written!r}; {told}", hint="Write it as column=trim.")


def _renamed(written: Several) -> dict[str, str]:
    found: dict[str, str] = {}
    for left, right in _pairs(written, "--map", "id=user_id"):
        if left in found or right in found.values():
            raise ComparisonInvalid(
                f"--map {left}={right}: one of the two is mapped already", hint="Map a column once."
            )
        found[left] = right
    return found


def _pairs(written: Several, option: str, example: str) -> Sequence[tuple[str, str]]:
    """`column=value`, each; the last `=` divides, so that a column's name may hold one."""
    pairs = []
    for each in written or ():
        column, found, value = each.rpartition("=")
        if not found or not column.strip() or not value.strip():
            raise ComparisonInvalid(f"{option} {each!r} is not column=value", hint=f"Write it as {option} {example}.")
        pairs.append((column.strip(), value.strip()))
    return pairs
