"""Proving that an entity's implementations agree: each is executed on each target, and all rows are compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from lockgate.app.comparing import compared_across
from lockgate.app.online_verifying import verified_online
from lockgate.app.run import Run
from lockgate.app.turns import alone
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.run import RunRequest
from lockgate.core.verification import Maker, Verification, Verified
from lockgate.errors import LockgateError, UnknownName
from lockgate.transform.cycle import selected

if TYPE_CHECKING:
    from lockgate.core.entity import Entity
    from lockgate.core.ports import Progress
    from lockgate.core.route import Edition
    from lockgate.flow import StepListener

_Made = dict[Maker, "tuple[Wiring, Edition] | LockgateError"]


class Verifying:
    """Editions of every implementation on every target, held back from consumers, and what differs between them."""

    def __init__(self, wiring: Wiring, names: Sequence[str], targets: Sequence[str]) -> None:
        """Nothing is built before `executed`; without names or targets, all entities, on the target of `wiring`.

        Raises:
            UnknownName: there is no such entity or target.
        """
        self._wiring = wiring
        self._entities = selected(wiring.project.entities, names)
        self._targets = tuple(dict.fromkeys(targets)) or (wiring.target.name,)
        for name in self._targets:
            if name not in wiring.project.targets:
                known = ", ".join(wiring.project.targets)
                raise UnknownName(f"there is no target {name!r}; there are {known}", name=name)

    def executed(self, listener: StepListener, progress: Progress, *, load: bool, wait_seconds: float) -> Verification:
        """Builds everything, from what has landed or is loaded first; then compares all rows with an entity's first.

        Raises:
            TargetBusy: another run held a target all the while.
        """
        with ExitStack() as opened:
            made: _Made = {}
            for target in self._targets:
                wiring = self._opened(target, opened)
                made |= self._built(wiring, listener, load=load, wait_seconds=wait_seconds)
            found = (one for entity in self._entities for one in _all_held(entity, made, progress))
            return Verification(tuple(found))

    def _opened(self, target: str, opened: ExitStack) -> Wiring:
        if target == self._wiring.target.name:
            return self._wiring
        wiring = open_wiring(self._wiring.project.folder, target)
        opened.callback(wiring.close)
        return wiring

    def _built(self, wiring: Wiring, listener: StepListener, *, load: bool, wait_seconds: float) -> _Made:
        """What every implementation made on one target; entities with the same implementations are built together."""
        made: _Made = {}
        alike: dict[tuple[str, ...], list[Entity]] = {}
        for entity in self._entities:
            alike.setdefault(tuple(entity.implementations), []).append(entity)
        for number, (engines, entities) in enumerate(alike.items()):
            names = tuple(entity.name for entity in entities)
            request = RunRequest(names, engines, load=load and number == 0, hold=True)
            with alone(wiring, "verify", listener, wait_seconds) as recorder:
                run = Run(wiring, request, recorder, may_advance=False)
                result = run.executed(run.steps())
            by_maker = {_maker(edition.entity, edition.implementation, wiring): edition for edition in result.editions}
            for maker in (_maker(name, engine, wiring) for name in names for engine in engines):
                edition = by_maker.get(maker)
                made[maker] = (wiring, edition) if edition else _why(maker, result.errors)
        return made


def _maker(entity: str, implementation: str, wiring: Wiring) -> Maker:
    return Maker(entity, implementation, wiring.target.name)


def _why(maker: Maker, errors: Mapping[str, LockgateError]) -> LockgateError:
    """Why a maker has made nothing: its own step's error, else that of a step which held it up."""
    own = (error for step, error in errors.items() if _is_of(step, maker))
    return next(own, None) or next(iter(errors.values()), UnknownName(f"nothing was made of {maker}"))


def _is_of(step: str, maker: Maker) -> bool:
    """Whether a step is the build, or the publication, of what a maker makes."""
    build = re.fullmatch(r"build (?P<entities>.+) by (?P<implementation>.+)", step)
    if build is None:
        return step == f"publish {maker.entity}@{maker.implementation}"
    return maker.implementation == build["implementation"] and maker.entity in build["entities"].split(", ")


def _all_held(entity: Entity, made: _Made, progress: Progress) -> Iterable[Verified]:
    """Each maker of an entity, as `_held`; then what each of them gives by records, held against its own rows."""
    yield from _held(entity, made, progress)
    for maker, found in made.items():
        if maker.entity == entity.name and not isinstance(found, LockgateError):
            yield from verified_online(found[0], entity, maker, found[1], progress)


def _held(entity: Entity, made: _Made, progress: Progress) -> Iterable[Verified]:
    """Each maker of an entity: the first one with rows is what the others are held against."""
    first: tuple[Maker, tuple[Wiring, Edition]] | None = None
    for maker, found in made.items():
        if maker.entity != entity.name:
            continue
        if isinstance(found, LockgateError):
            yield Verified(maker, error=found)
        elif first is None:
            first = maker, found
            yield Verified(maker, found[1].rows)
        else:
            yield _compared(entity, first, (maker, found), progress)


def _compared(
    entity: Entity,
    first: tuple[Maker, tuple[Wiring, Edition]],
    other: tuple[Maker, tuple[Wiring, Edition]],
    progress: Progress,
) -> Verified:
    (against, left), (maker, right) = first, other
    rows = right[1].rows
    try:
        found = compared_across(entity, (str(against), *left), (str(maker), *right), progress)
    except LockgateError as error:
        return Verified(maker, rows, against, error=error)
    return Verified(maker, rows, against, found.verdict, found.unexplained, found.reasons)
