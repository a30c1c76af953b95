"""Comparing what people name: files and tables by themselves; targets, entities and secrets by the project."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory

from lockgate.adapters.discover.files import kind_of
from lockgate.adapters.relations.references import (
    Opening,
    Reference,
    in_target,
    opened,
    reference,
    relation_named,
    split,
)
from lockgate.adapters.secrets.chain import open_secrets
from lockgate.adapters.secrets.redaction import redact_with
from lockgate.app.key_search import missing_key
from lockgate.app.look import newest_editions
from lockgate.app.new_files import writing
from lockgate.app.wiring import Wiring, open_wiring, utc_now
from lockgate.compare import compare
from lockgate.config import find_project
from lockgate.core.bucket import BUCKET_COLUMN
from lockgate.core.comparison import Comparison, ComparisonRequest, renamed_back
from lockgate.core.entity import Entity
from lockgate.core.ports import Progress, Secrets, Side
from lockgate.core.route import Edition
from lockgate.core.secret import SCHEME
from lockgate.errors import LockgateError, UnknownName
from lockgate.settings import read_settings, secret_variables

MOST_MEMORY_BYTES = 4 * 1024**3
Names = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Named:
    """What a person named: where it is, and, of an entity, its key and the editions that it shows."""

    reference: Reference
    key: tuple[str, ...] = ()
    editions: tuple[Edition, ...] = ()


def compared(
    names: Names, request: ComparisonRequest, progress: Progress, *, folder: Path | None, target: str | None
) -> Comparison:
    """The difference of two relations; a project is opened only where a name needs one or one is named.

    Raises:
        UnknownName: a name means nothing, or nothing of it is published yet.
        ComparisonInvalid: the request does not fit the relations.
    """
    with _project(names, folder, target) as wiring:
        if wiring is not None:
            return compared_in(wiring, names, request, progress)
        settings = read_settings()
        secrets = open_secrets(secret_variables(), settings.secrets_folder(Path.cwd()))
        redact_with(secrets.redact)
        named = [_alone(name, secrets) for name in names]
        with TemporaryDirectory(prefix="lockgate-") as spill:
            return _compared(named, request, progress, Path(spill))


def compared_in(wiring: Wiring, names: Names, request: ComparisonRequest, progress: Progress) -> Comparison:
    """The difference of two relations, as an open project knows their names."""
    named = [_in_project(wiring, name) for name in names]
    spill = wiring.state / "comparisons"
    with writing(f"the state folder {wiring.state}"):
        spill.mkdir(parents=True, exist_ok=True)
    return _compared(named, request, progress, spill)


@contextmanager
def _project(names: Names, folder: Path | None, target: str | None) -> Iterator[Wiring | None]:
    wanted = folder is not None or target is not None or any(_needs_project(name) for name in names)
    if not wanted:
        yield None
        return
    wiring = open_wiring(folder, target)
    try:
        yield wiring
    finally:
        wiring.close()


def _needs_project(name: str) -> bool:
    """Whether only a project knows the name; a secret is looked for in the environment where there is no project.

    Raises:
        UnknownName: there is no project, and no such file.
    """
    is_secret = name.startswith(SCHEME)
    if not is_secret and reference(name) is not None:
        return False
    try:
        find_project(read_settings().project or Path.cwd())
    except UnknownName as error:
        if is_secret:
            return False
        raise _no_file(name) from error
    return True


def _no_file(name: str) -> UnknownName:
    """Nothing of that name is there, and no project could know it."""
    path = Path(name).expanduser()
    if path.is_dir():
        return UnknownName(f"{name} is a folder", name=name, hint="Name a CSV or Parquet file in it.")
    if near := _near_file(path):
        return UnknownName(f"there is no file {name}; did you mean {near}?", name=name, hint="Check the path.")
    hint = "Check the path; entities and targets are known in a project's folder, or with --project FOLDER."
    return UnknownName(f"there is no file {name}, and no project here that could know it", name=name, hint=hint)


def _near_file(path: Path) -> Path | None:
    if not path.parent.is_dir():
        return None
    files = [each.name for each in path.parent.iterdir() if kind_of(each)]
    near = get_close_matches(path.name, files, n=1)
    return path.with_name(near[0]) if near else None


def _alone(name: str, secrets: Secrets) -> Named:
    """What a name means without a project; the address of a database is kept out of what is written."""
    written = name
    if name.startswith(SCHEME):
        location, table = split(name)
        written = f"{secrets.resolve(location)}::{table}" if table else secrets.resolve(location)
    if "://" in written:
        secrets.hide(split(written)[0])
    found = reference(written)
    if found is None:
        raise _no_file(name)
    return Named(replace(found, name=name) if name.startswith(SCHEME) else found)


def _in_project(wiring: Wiring, name: str) -> Named:
    """What a name means in a project: a file or an address first, then a target, then an entity."""
    if name.startswith(SCHEME) or reference(name) is not None:
        return _alone(name, wiring.secrets)
    target, dot, table = name.partition(".")
    if dot and target in wiring.project.targets:
        kind = wiring.project.targets[target].kind
        return Named(in_target(name, kind, wiring.options(target), relation_named(table, kind)))
    entity, at, implementation = name.partition("@")
    if entity in wiring.project.entities:
        known = wiring.project.entities[entity]
        return _edition(wiring, known, implementation) if at else _served(wiring, known)
    raise _unknown(wiring, name)


def _edition(wiring: Wiring, entity: Entity, implementation: str) -> Named:
    """The newest edition of an implementation."""
    if implementation not in entity.implementations:
        told = _near(implementation, tuple(entity.implementations))
        raise UnknownName(f"{entity.name} has no implementation {implementation!r}; {told}", name=implementation)
    edition = newest_editions(wiring, entity).get(implementation)
    name = f"{entity.name}@{implementation}"
    if edition is None:
        hint = f"`lockgate run --select {entity.name} --engine {implementation}` publishes it."
        raise UnknownName(f"nothing of {name} is published yet", name=name, hint=hint)
    place = wiring.warehouse.edition_relation(entity.served, edition)
    kind, options = wiring.target.kind, wiring.options(wiring.target.name)
    return Named(in_target(name, kind, options, place), entity.contract.key, (edition,))


def _served(wiring: Wiring, entity: Entity) -> Named:
    """What consumers see."""
    shown = wiring.warehouse.shown(entity.name)
    editions = tuple(each for each in wiring.warehouse.editions(entity.name) if each.number in shown)
    if not editions:
        hint = f"`lockgate run --select {entity.name}` publishes it."
        raise UnknownName(f"nothing of {entity.name} is published yet", name=entity.name, hint=hint)
    kind, options = wiring.target.kind, wiring.options(wiring.target.name)
    return Named(in_target(entity.name, kind, options, entity.served), entity.contract.key, editions)


def _unknown(wiring: Wiring, name: str) -> LockgateError:
    if kind_of(Path(name)) or "/" in name:
        return _no_file(name)
    known = (*wiring.project.entities, *(f"{each}.schema.table" for each in wiring.project.targets))
    hint = "Name a file, a table as TARGET.SCHEMA.TABLE, an entity, or an edition as ENTITY@IMPLEMENTATION."
    return UnknownName(f"there is no file, target or entity {name!r}; {_near(name, known)}", name=name, hint=hint)


def _near(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


def _compared(named: Sequence[Named], request: ComparisonRequest, progress: Progress, spill: Path) -> Comparison:
    with opened(spill, memory_bytes=_memory_bytes()) as opening:
        left, right = [_side(opening, each, progress) for each in named]
        key = request.key or _contract_key(named, request)
        if not key:
            raise missing_key(left, right)
        asked = replace(request, key=key)
        return compare(left, right, opening.bench, asked, today=utc_now().date(), progress=progress)


def _side(opening: Opening, named: Named, progress: Progress) -> Side:
    progress(f"opening {named.reference.name}", 0, None)
    side = opening.side(named.reference)
    if not named.editions:
        return side
    columns = tuple(column for column in side.columns if column.name != BUCKET_COLUMN)
    return replace(side, columns=columns, editions=named.editions)


def _contract_key(named: Sequence[Named], request: ComparisonRequest) -> tuple[str, ...]:
    """The key of the first side that is an entity, as the left side names it."""
    left, right = named
    return left.key or renamed_back(request.renamed, right.key)


def _memory_bytes() -> int:
    """Half of this machine's memory, four gigabytes at most; what needs more is on disk meanwhile."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(MOST_MEMORY_BYTES, physical // 2)
