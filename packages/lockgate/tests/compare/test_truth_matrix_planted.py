"""Random tables with planted differences: all of them found and located, none invented, by whatever method."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from itertools import product

import pytest

from lockgate.adapters.relations.references import opened, reference
from lockgate.compare import compare
from lockgate.core.comparison import ComparisonRequest, Method, RowCounts, Thrift, Verdict
from lockgate.testing.comparisons import Engine, place_tables
from lockgate.testing.comparisons.planted import Keys, Plan, planted
from lockgate.testing.comparisons.suite import in_order, located

WIDE_APART = [(Engine.POSTGRES, Engine.DUCKDB), (Engine.DUCKDB, Engine.POSTGRES)]
FEW = Plan(rows=1500, differences=3, disguises=6)


@contextmanager
def both(found, engines, folder, postgres_url):
    """The open sides of what was planted, in two engines, and the bench."""
    tables = {"left": (found.left, engines[0]), "right": (found.right, engines[1])}
    references = place_tables(tables, folder, postgres_url)
    with opened(folder / "bench", memory_bytes=500_000_000) as opening:
        left, right = (opening.side(reference(references[name])) for name in ("left", "right"))
        yield left, right, opening.bench


def compared(sides, key, method=None, **asked):
    request = ComparisonRequest(key=key, method=method, show_values=True, most_samples=100_000, **asked)
    return compare(*sides, request, today=date(2024, 2, 29), progress=lambda *_: None)


@pytest.mark.parametrize("engines", WIDE_APART, ids="-".join)
@pytest.mark.parametrize("keys", Keys)
def test_fingerprints_find_what_streams_find(tmp_path, postgres_url, keys, engines):
    check_fingerprints(list(Keys).index(keys) * 2 + WIDE_APART.index(engines), keys, engines, tmp_path, postgres_url)


@pytest.mark.soak
def test_fingerprints_find_differences_of_every_kind_under_every_key(tmp_path, postgres_server):
    for seed in range(100):
        folder = tmp_path / str(seed)
        folder.mkdir()
        check_fingerprints(seed, list(Keys)[seed % len(Keys)], WIDE_APART[seed % 2], folder, postgres_server)


def check_fingerprints(seed, keys, engines, tmp_path, postgres_url):
    """Plants few differences, and holds what fingerprints find against what a stream finds and what was planted."""
    given = planted(seed, Plan(FEW.rows, FEW.differences, FEW.disguises, keys))

    with both(given, engines, tmp_path, postgres_url) as sides:
        by_fingerprints = compared(sides, given.key, Method.FINGERPRINT)
        by_stream = compared(sides, given.key, Method.STREAM)

    assert (by_fingerprints.method, by_stream.method) == (Method.FINGERPRINT, Method.STREAM)
    assert by_fingerprints.rows == by_stream.rows == given.counts
    assert located(by_fingerprints) == located(by_stream) == in_order(given.located)
    assert by_fingerprints.columns == by_stream.columns


@pytest.mark.parametrize("engines", WIDE_APART, ids="-".join)
@pytest.mark.parametrize(("left", "right"), [(0, 0), (0, 1), (1, 0), (1, 1), (0, 500), (500, 0)])
def test_fingerprints_of_tables_without_rows(tmp_path, postgres_url, left, right, engines):
    given = planted(7, Plan(rows=max(left, right), differences=0, disguises=0, keys=Keys.SPARSE))
    given = type(given)(
        left=type(given.left)(given.left.columns, given.left.rows[:left]),
        right=type(given.right)(given.right.columns, given.right.rows[:right]),
        key=given.key,
        located=(),
        counts=given.counts,
    )

    with both(given, engines, tmp_path, postgres_url) as sides:
        found = compared(sides, given.key, Method.FINGERPRINT)

    matched = min(left, right)
    assert found.rows == RowCounts(left, right, matched, left - matched, right - matched, 0)
    expected = {(0, 0): Verdict.INCONCLUSIVE, (1, 1): Verdict.PASS}.get((left, right), Verdict.FAIL)
    assert found.verdict is expected
    # Rows of a bucket in which one row differs are not fetched; five hundred that differ are all read.
    assert found.method is (Method.FINGERPRINT if max(left, right) <= 1 else Method.STREAM)


@pytest.mark.parametrize("engines", WIDE_APART, ids="-".join)
@pytest.mark.parametrize(
    ("plan", "methods", "why"),
    [
        (Plan(rows=2000, differences=400), {Method.STREAM}, "so many rows differ"),
        (Plan(rows=2000, differences=2, keys=Keys.TEXT), {Method.FINGERPRINT}, "only what differs was fetched"),
        (Plan(rows=2000, differences=2), {Method.FINGERPRINT, Method.STREAM}, ""),
    ],
)
def test_what_costs_less_is_chosen_and_finds_the_same(tmp_path, postgres_url, engines, plan, methods, why):
    given = planted(3, plan)

    with both(given, engines, tmp_path, postgres_url) as sides:
        found = compared(sides, given.key, thrift=Thrift(fewest_rows=1000))

    assert (found.rows, located(found)) == (given.counts, in_order(given.located))
    assert found.method in methods
    assert why in found.why_method


PAIRS = list(product(Engine, Engine))


def check(seed, folder, postgres_url):
    """Plants, compares, and holds what was found against what was planted.

    Returns in how many places a difference was found, and how many rows were found equal that are written otherwise.
    """
    engines = PAIRS[seed % len(PAIRS)]
    is_typed = Engine.CSV not in engines
    plan = Plan(
        rows=200,
        differences=44,
        disguises=6,
        keys=list(Keys)[seed % len(Keys)],
        odd_keys=seed % 3 == 0,
        nested=seed % 4 == 0 and is_typed,
    )
    given = planted(seed, plan)

    with both(given, engines, folder, postgres_url) as sides:
        found = compared(sides, given.key)

    assert found.rows == given.counts
    assert located(found) == in_order(given.located)
    assert found.verdict is Verdict.FAIL
    return len(located(found)), disguised(given, {each.key for each in located(found)})


def disguised(given, unlike) -> int:
    """How many rows of a key that is on both sides once are not the same text, but for those that are `unlike`."""
    lefts, rights = (
        {tuple(row[list(side.columns).index(name)] for name in given.key): row for row in side.rows}
        for side in (given.left, given.right)
    )
    return sum(rights[key] != row for key, row in lefts.items() if key in rights and key not in unlike)


@pytest.mark.parametrize("seed", range(16))
def test_finds_what_was_planted(tmp_path, postgres_url, seed):
    differences, disguises = check(seed, tmp_path, postgres_url)

    # One disguise of six is NaN on both sides, which is the same text.
    assert (differences >= 44, disguises) == (True, 5)


@pytest.mark.soak
def test_finds_ten_thousand_planted_differences_and_invents_none(tmp_path, postgres_server):
    totals = []
    for seed in range(1000, 1228):
        folder = tmp_path / str(seed)
        folder.mkdir()
        totals.append(check(seed, folder, postgres_server))

    assert sum(differences for differences, _ in totals) >= 10_000
    assert sum(disguises for _, disguises in totals) >= 1_000
