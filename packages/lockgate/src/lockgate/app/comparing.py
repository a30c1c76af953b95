"""Comparing what people name, with a project where one is needed and without one where none is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lockgate.adapters.relations.references import FileReference, Opening, TableReference, opened
from lockgate.adapters.secrets.chain import open_secrets
from lockgate.adapters.secrets.redaction import redact_with
from lockgate.app.evidence import kept, noisy_columns
from lockgate.app.key_search import missing_key
from lockgate.app.named_relations import Named, is_known_alone, named_alone, named_edition, named_in, no_file
from lockgate.app.new_files import is_writable
from lockgate.app.touching import with_touches
from lockgate.app.wiring import Wiring, open_wiring, utc_now
from lockgate.compare import compare
from lockgate.config import find_project
from lockgate.core.bucket import BUCKET_COLUMN
from lockgate.core.comparison import Comparison, ComparisonRequest, ExpectedDifference, renamed_back
from lockgate.core.entity import Entity
from lockgate.core.ports import Progress, Side
from lockgate.core.route import Edition
from lockgate.core.secret import SCHEME
from lockgate.errors import StatementFailed, UnknownName
from lockgate.settings import read_settings, secret_variables

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage

# A join in the bench holds one whole side; of rows that come from elsewhere it holds keys and digests.
MOST_MEMORY_BYTES = 4 * 1024**3
MOST_MEMORY_BYTES_ACROSS = 1_100_000_000
Names = tuple[str, str]


def compared(
    names: Names, request: ComparisonRequest, progress: Progress, *, folder: Path | None, target: str | None
) -> Comparison:
    """The difference of two relations; a project is opened only where a name needs one, or one is named.

    What its unexplained differences touch is told where a side is of an entity, unless the request does not ask for it.

    Raises:
        UnknownName: a name means nothing, or nothing of it is published yet.
        ComparisonInvalid: the request does not fit the relations.
    """
    if folder is None and target is None and not any(map(_needs_project, names)):
        return _compared_alone(names, request, progress)
    wiring = open_wiring(folder, target)
    try:
        found = compared_in(wiring, names, request, progress)
        return told_touches(wiring, found, request.renamed, progress) if request.touches else found
    finally:
        wiring.close()


def told_touches(wiring: Wiring, found: Comparison, renamed: Mapping[str, str], progress: Progress) -> Comparison:
    """A comparison with what it touches, by the project as it is now; whoever waits is told what for."""

    def lineage() -> FoundLineage:
        from lockgate.app.lineage import lineage_of_project

        progress("reading the lineage of what differs", 0, None)
        return lineage_of_project(wiring)

    return with_touches(found, renamed, lineage)


def compared_in(wiring: Wiring, names: Names, request: ComparisonRequest, progress: Progress) -> Comparison:
    """The difference of two relations as an open project names them, compared as their entity declares.

    Where both are of one entity it is kept as evidence.

    Raises:
        UnknownName: a name means nothing, or nothing of it is published yet.
        ComparisonInvalid: the request does not fit the relations.
    """
    left, right = (named_in(wiring, name) for name in names)
    asked, today = _completed(request, left, right), wiring.clock().date()
    with _spill(wiring.state / "comparisons") as folder:
        if left.entity is None or left.entity is not right.entity:
            return _compared((left, right), asked, progress, folder, today=today)
        noisy = noisy_columns(wiring, left.entity, (*left.editions, *right.editions))
        asked = replace(asked, noisy=asked.noisy | noisy)
        return kept(wiring, left.entity, asked, _compared((left, right), asked, progress, folder, today=today))


def compared_editions(
    wiring: Wiring,
    entity: Entity,
    editions: tuple[Edition, Edition],
    progress: Progress,
    request: ComparisonRequest | None = None,
) -> Comparison:
    """The difference of two editions of an entity: every column as it is, or just as a request says."""
    named = [named_edition(wiring, entity, one, f"{entity.name}@{one.implementation}#{one.number}") for one in editions]
    with _spill(wiring.state / "comparisons") as folder:
        asked = request or ComparisonRequest(entity.contract.key)
        return _compared(named, asked, progress, folder, today=wiring.clock().date())


def compared_across(
    entity: Entity, left: tuple[str, Wiring, Edition], right: tuple[str, Wiring, Edition], progress: Progress
) -> Comparison:
    """The difference of two editions of an entity on targets that may be two, every column as it is; nothing is kept.

    Each side has the name that it is told by, and the project opened on its target. Two targets number their loads each
    by itself: whether what they loaded is the same, the rows alone can tell.
    """
    at, is_one = left[1], left[1] is right[1]
    named = [
        replace(named_edition(wiring, entity, edition, name), tells_loads=is_one)
        for name, wiring, edition in (left, right)
    ]
    with _spill(at.state / "comparisons") as folder:
        return _compared(named, ComparisonRequest(entity.contract.key), progress, folder, today=at.clock().date())


def compared_with_file(
    entity: Entity, file: tuple[str, Path], edition: tuple[str, Wiring, Edition], progress: Progress
) -> Comparison:
    """The difference of rows in a file from an edition of an entity, every column as it is; nothing is kept."""
    name, wiring, built = edition
    named = (Named(FileReference(*file)), replace(named_edition(wiring, entity, built, name), tells_loads=False))
    with _spill(wiring.state / "comparisons") as folder:
        return _compared(named, ComparisonRequest(entity.contract.key), progress, folder, today=wiring.clock().date())


def _compared_alone(names: Names, request: ComparisonRequest, progress: Progress) -> Comparison:
    secrets = open_secrets(secret_variables(), read_settings().secrets_folder(Path.cwd()))
    redact_with(secrets.redact)
    named = [named_alone(name, secrets) for name in names]
    with TemporaryDirectory(prefix="lockgate-") as folder:
        return _compared(named, request, progress, Path(folder), today=utc_now().date())


@contextmanager
def _spill(place: Path) -> Iterator[Path]:
    """Where to put what does not fit in memory: there, or in the system's own place where that cannot be written."""
    if is_writable(place):
        yield place
        return
    with TemporaryDirectory(prefix="lockgate-") as folder:
        yield Path(folder)


def _needs_project(name: str) -> bool:
    """Whether only a project knows the name; where there is none, secrets are looked for in the environment.

    Raises:
        UnknownName: there is no such file, and no project that could know the name.
    """
    if is_known_alone(name):
        return False
    try:
        read_settings().project or find_project(Path.cwd())
    except UnknownName as error:
        if name.startswith(SCHEME):
            return False
        raise no_file(name) from error
    return True


def _compared(
    named: Sequence[Named], request: ComparisonRequest, progress: Progress, folder: Path, *, today: date
) -> Comparison:
    with opened(folder, memory_bytes=_memory_bytes(named)) as opening:
        left, right = [_side(opening, each, progress) for each in named]
        if not request.key:
            raise missing_key(left, right)
        try:
            found = compare(left, right, opening.bench, request, today=today, progress=progress)
        except StatementFailed:
            opening.refuse_changed()
            raise
        opening.refuse_changed()
        return found


def _side(opening: Opening, named: Named, progress: Progress) -> Side:
    """The relation, open; an edition without the column that the platform keeps in it."""
    progress(f"opening {named.reference.name}", 0, None)
    side = opening.side(named.reference)
    if not named.editions:
        return side
    columns = tuple(column for column in side.columns if column.name != BUCKET_COLUMN)
    return replace(side, columns=columns, editions=named.editions if named.tells_loads else ())


def _completed(request: ComparisonRequest, left: Named, right: Named) -> ComparisonRequest:
    """The request with what an entity's declaration adds to it; what was asked for goes before what is declared.

    Of a declaration on the right, whose columns have other names on the left, only the key is taken.
    """
    key = request.key or left.key or renamed_back(request.renamed, right.key)
    declared = left.declaration or (None if request.renamed else right.declaration)
    if declared is None:
        return replace(request, key=key)
    excluded = request.excluded | (declared.excluded - {*key, *request.rules, *request.group_by})
    expected = [_without(each, excluded) for each in declared.expected]
    return replace(
        request,
        key=key,
        rules={**declared.rules, **request.rules},
        excluded=excluded,
        expected=(*request.expected, *(each for each in expected if each is not None)),
    )


def _without(expected: ExpectedDifference, excluded: frozenset[str]) -> ExpectedDifference | None:
    """An expected difference in the columns that are compared; None where it is in others only."""
    columns = tuple(name for name in expected.columns if name not in excluded)
    return None if expected.columns and not columns else replace(expected, columns=columns)


def _memory_bytes(named: Sequence[Named]) -> int:
    """Half of this machine's memory, four gigabytes at most; what needs more is on disk meanwhile."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    most = MOST_MEMORY_BYTES if not any(map(_is_elsewhere, named)) else MOST_MEMORY_BYTES_ACROSS
    return min(most, physical // 2)


def _is_elsewhere(named: Named) -> bool:
    return isinstance(named.reference, TableReference) and named.reference.kind == "postgres"
