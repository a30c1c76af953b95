"""Makes every de-duplication's order a full one: ties are broken by all that is needed later of a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lockgate.core.types import Kind
from lockgate.transform.rules.language.typed import Call, Ref, Typed
from lockgate.transform.rules.program import Assign, End, Join, Rank, Step
from lockgate.transform.rules.rule_set import Order

UNORDERED = {Kind.JSON, Kind.BYTES}


def break_ties(steps: Sequence[Step], output: Iterable[Ref], positions: Sequence[Ref]) -> tuple[Step, ...]:
    """The steps, with each rank's order going on over the columns that later steps or the output read, by name.

    Rows that are equal in all of these give the same output, whichever goes on; where rows came from comes last, so
    that their outcomes do not change from run to run either.
    """
    later = {ref.name: ref for ref in output}
    found: list[Step] = []
    for step in reversed(steps):
        if isinstance(step, Rank):
            told = {ref.name for ref in step.key} | {ref.name for ref, _ in step.order}
            others = [later[name] for name in sorted(later) if name not in told]
            ties = [ref for ref in (*others, *positions) if ref.type.kind not in UNORDERED]
            step = replace(step, order=(*step.order, *((ref, Order(ref.name)) for ref in ties)))  # noqa: PLW2901
        for name in _made(step):
            later.pop(name, None)
        later |= {ref.name: ref for ref in _read(step)}
        found.append(step)
    return tuple(reversed(found))


def _made(step: Step) -> tuple[str, ...]:
    """The columns that a step makes."""
    if isinstance(step, Assign):
        return (step.name,)
    return (*(name for name, _ in step.take), step.matched) if isinstance(step, Join) else ()


def _read(step: Step) -> Iterator[Ref]:
    """The columns that a step reads."""
    if isinstance(step, Assign):
        yield from _refs(step.value)
    elif isinstance(step, End):
        yield from _refs(step.condition)
    elif isinstance(step, Rank):
        yield from step.key
        yield from (ref for ref, _ in step.order)
    else:
        yield from (ours for ours, _ in step.on)


def _refs(value: Typed) -> Iterator[Ref]:
    """The columns in an expression."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Call):
        for arg in value.args:
            yield from _refs(arg)
