"""Two relations held against each other: what to compare, by which method, what differs, what it means."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from lockgate.compare.buckets import chosen_buckets
from lockgate.compare.causes import causes
from lockgate.compare.differences import columns_changed, counted, samples
from lockgate.compare.encoding import has_text
from lockgate.compare.expected import explained, unexplained_in
from lockgate.compare.fingerprint import compare_by_fingerprints
from lockgate.compare.grouping import groups
from lockgate.compare.joining import can_join, in_bench, join_here, join_there
from lockgate.compare.meeting import can_meet, met
from lockgate.compare.odd_keys import join_with_odd_keys
from lockgate.compare.outsiders import with_outsiders
from lockgate.compare.probing import probed
from lockgate.compare.profile import Profiles, keys_follow, profiled, with_keys_counted
from lockgate.compare.scope import HASHES, Scope, scoped
from lockgate.compare.streaming import Sending, streamed
from lockgate.compare.verdicts import doubts, reasons, verdict_of
from lockgate.core.comparison import Comparison, ComparisonRequest, Method
from lockgate.core.ports import Bench, Progress, Side
from lockgate.errors import ComparisonInvalid, StatementFailed

MANY = "so many rows differ that hashing them costs more than reading them"


@dataclass(frozen=True, slots=True)
class _Gathered:
    """How the differences came into the bench: by which method, why by that one, and how many rows were moved."""

    method: Method
    why: str
    moved: int


def compare(
    left: Side, right: Side, bench: Bench, request: ComparisonRequest, *, today: date, progress: Progress
) -> Comparison:
    """The keyed row-level difference of two relations, and what it means.

    Values are held against each other as what they mean, whatever their types: see `lockgate.compare.forms`.

    Raises:
        ComparisonInvalid: the request does not fit the relations.
        StatementFailed: a database could not answer.
    """
    started = time.perf_counter()
    try:
        work, gathered = _worked((left, right), bench, request, progress)
    except StatementFailed:
        sides = with_outsiders(left), with_outsiders(right)
        if sides == (left, right):
            raise
        work, gathered = _worked(sides, bench, request, progress)
    progress("reading the differences", 0, None)
    found = _reported(work, gathered, today)
    return replace(found, seconds=time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class _Work:
    """What one comparison works with; `note` tells where not every row was compared."""

    scope: Scope
    sides: tuple[Side, Side]
    profiles: Profiles
    bench: Bench
    request: ComparisonRequest
    progress: Progress
    note: str = ""

    @property
    def has_odd_keys(self) -> bool:
        return any(profile.has_odd_keys for profile in self.profiles)

    @property
    def rows(self) -> int:
        return max(profile.rows for profile in self.profiles)

    @property
    def local(self) -> Scope:
        return in_bench(self.scope, (self.sides[0].engine.dialect, self.sides[1].engine.dialect))


def _worked(
    sides: tuple[Side, Side], bench: Bench, request: ComparisonRequest, progress: Progress
) -> tuple[_Work, _Gathered]:
    """Brings the rows that differ into the bench."""
    progress("counting rows", 0, None)
    work = _sampled(_work(scoped(*sides, request), sides, bench, request, progress))
    gathered = _gathered(work)
    if work.has_odd_keys or keys_follow(work.local, bench, work.profiles):
        return work, gathered
    work = replace(work, profiles=with_keys_counted(work.scope, work.sides, work.profiles))
    return work, _streamed(work, "keys are repeated")


def _work(
    scope: Scope, sides: tuple[Side, Side], bench: Bench, request: ComparisonRequest, progress: Progress
) -> _Work:
    return _Work(scope, sides, profiled(scope, sides, bench), bench, request, progress)


def _sampled(work: _Work) -> _Work:
    """The work on the keys with the lowest hashes: about as many as were asked for, the same on both sides."""
    wanted = work.request.sample_rows
    if wanted is None or wanted >= work.rows:
        return work
    if odd := next((pair.name for pair in work.scope.key if not has_text(pair)), None):
        why = f"values of {odd} may be equal without being the same text"
        raise ComparisonInvalid(f"no sample can be taken by this key: {why}", hint="Compare every row.")
    scope = replace(work.scope, hash_limit=f"{wanted * HASHES // work.rows:08x}")
    note = f"a sample of some {wanted:,} of {work.rows:,} rows was compared"
    return replace(_work(scope, work.sides, work.bench, work.request, work.progress), note=note)


def _gathered(work: _Work) -> _Gathered:
    """Brings the rows that differ into the bench, by the method that costs least."""
    wanted = work.request.method
    if not work.has_odd_keys and wanted in {None, Method.JOIN} and not _no_join(work):
        return _joined(work)
    why_not = _no_fingerprints(work)
    if not why_not:
        gathered = _fingerprinted(work)
        if isinstance(gathered, _Gathered):
            return gathered
        why_not = gathered
    return _streamed(work, why_not)


def _fingerprinted(work: _Work) -> _Gathered | str:
    """Why not, where streaming every row costs less."""
    moved = 0
    buckets = chosen_buckets(work.scope, work.sides, work.rows)
    if buckets.width and work.request.method is None:
        probe = probed(work.bench, work.scope, work.sides, buckets, work.progress)
        if not probe.prefers_fingerprints:
            return MANY if probe.sees_many else "hashing every row costs more than reading it"
        moved = probe.rows
    most = int(work.request.thrift.most_fetched * work.rows)
    fetched = compare_by_fingerprints(work.bench, work.scope, work.sides, buckets, most, work.progress)
    if fetched is None:
        return MANY
    why = "the sides are in two engines; only what differs was fetched"
    return _Gathered(Method.FINGERPRINT, why, moved + fetched)


def _joined(work: _Work) -> _Gathered:
    left, right = work.sides
    work.progress("joining", 0, None)
    if left.engine is work.bench:
        join_here(work.bench, work.scope, work.scope.rows(left, left=True), work.scope.rows(right, left=False))
    else:
        join_there(work.bench, work.scope, left, right)
    return _Gathered(Method.JOIN, "both sides are in one engine", 0)


def _no_join(work: _Work) -> str:
    """Why no engine can join the sides; '' where one can."""
    engine = work.sides[0].engine
    if engine is not work.sides[1].engine:
        return "the sides are in two engines, which cannot join them"
    return "" if can_join(work.scope, engine.dialect) else "rows of so many columns cannot be joined there"


def _no_fingerprints(work: _Work) -> str:
    """Why fingerprints do not serve; '' where they do.

    Raises:
        ComparisonInvalid: they were asked for and cannot serve.
    """
    why = ""
    if work.has_odd_keys:
        why = "keys are NULL or repeated"
    elif not all(has_text(pair) for pair in work.scope.pairs):
        name = next(pair.name for pair in work.scope.pairs if not has_text(pair))
        why = f"values of {name} may be equal without being the same text"
    if work.request.method is Method.FINGERPRINT:
        if why:
            raise ComparisonInvalid(f"fingerprints cannot be compared: {why}", hint="Leave the method to be chosen.")
        return ""
    if work.request.method is Method.STREAM:
        return "it was asked for"
    if work.request.method is Method.JOIN:
        return why if work.has_odd_keys else _no_join(work)
    return why or ("there are few rows" if work.rows < work.request.thrift.fewest_rows else "")


def _streamed(work: _Work, why: str) -> _Gathered:
    is_plain = work.scope.where is None and work.scope.hash_limit is None
    sendings = [
        Sending(side, is_left, work.scope.rows(side, left=is_left), profile.rows, is_plain)
        for side, profile, is_left in zip(work.sides, work.profiles, (True, False), strict=True)
    ]
    outside = [each for each in sendings if each.side.engine is not work.bench]
    if outside and not work.has_odd_keys and can_meet(work.local):
        left, right = _met(work, sendings, max(outside, key=lambda each: each.many or 0))
    else:
        left, right = (streamed(work.bench, work.scope, each, work.progress) for each in sendings)
    join = join_with_odd_keys if work.has_odd_keys else join_here
    join(work.bench, work.local, left, right)
    return _Gathered(Method.STREAM if outside else Method.JOIN, why, sum(each.many or 0 for each in outside))


def _met(work: _Work, sendings: Sequence[Sending], coming: Sending) -> tuple[str, str]:
    """The bench's queries for the rows that may differ, of which those of one side are looked at as they come."""
    (other,) = (each for each in sendings if each is not coming)
    here = streamed(work.bench, work.scope, other, work.progress)
    came, of_these_keys = met(work.bench, (work.scope, work.local), coming, here, work.progress)
    return (came, of_these_keys) if coming.is_left else (of_these_keys, came)


def _reported(work: _Work, gathered: _Gathered, today: date) -> Comparison:
    """What the rows that differ say."""
    scope, local, bench, request = work.scope, work.local, work.bench, work.request
    rows = counted(bench, (work.profiles[0].rows, work.profiles[1].rows))
    columns = columns_changed(bench, local, scope.pairs, request.noisy, rows)
    told, unexplained = explained(bench, local, request, rows, today)
    doubtful = tuple(doubts(rows, work.sides, work.profiles, request))
    why = [*doubtful, *reasons(rows, scope.schema, columns, told, unexplained)]
    return Comparison(
        left=work.sides[0].name,
        right=work.sides[1].name,
        key=request.key,
        verdict=verdict_of(scope.schema, unexplained, work.sides, doubtful),
        reasons=tuple([*why, work.note] if work.note else why),
        rows=rows,
        columns=columns,
        schema=scope.schema,
        samples=samples(bench, local, columns, rows, many=request.most_samples, show=request.show_values),
        causes=causes(bench, local, columns, rows, (scope, *work.sides), show=request.show_values),
        groups=groups(bench, (scope, local), work.sides[0], request.group_by) if request.group_by else (),
        explained=told,
        unexplained=unexplained,
        method=gathered.method,
        why_method=gathered.why,
        rows_moved=gathered.moved,
        seconds=0.0,
        pins=tuple(dict.fromkeys(pin for side in work.sides for pin in side.pins)),
        editions=(work.sides[0].editions, work.sides[1].editions),
        unexplained_in=unexplained_in(bench, local, request, rows, columns, told),
    )
