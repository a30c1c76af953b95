"""What a difference touches: the dashboards, tests, metrics, served views and entities that stand on what differs."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.core.lineage import NodeKind, Unresolved


@dataclass(frozen=True, slots=True)
class Touched:
    """One thing that a difference reaches, at any distance, and by which of the columns that differ.

    Values of the `direct` columns go into it; the `indirect` ones only decide which rows it has, by a filter, join or
    group. With `by_rows` it stands on what has missing or extra rows. `entity` is the one that it serves or makes.
    """

    node: str
    kind: NodeKind
    direct: tuple[str, ...] = ()
    indirect: tuple[str, ...] = ()
    by_rows: bool = False
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Touches:
    """What the unexplained differences of a comparison touch; `unknown` says why nobody can tell.

    `columns` are those that differ, as the left side names them, `missing_or_extra` says that whole rows do.
    `unresolved` is what stands on them and of which it is not known, or not wholly, what it reads.
    """

    columns: tuple[str, ...] = ()
    missing_or_extra: bool = False
    reached: tuple[Touched, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    unknown: str = ""


KINDS_TOLD = {
    NodeKind.EXPOSURE: "dashboard",
    NodeKind.SERVED: "served view",
    NodeKind.METRIC: "metric",
    NodeKind.TEST: "test",
    NodeKind.RULES: "rule set",
    NodeKind.MODEL: "dbt model",
    NodeKind.SOURCE: "dbt source",
    NodeKind.SEED: "dbt seed",
    NodeKind.SNAPSHOT: "dbt snapshot",
    NodeKind.STREAM: "stream",
    NodeKind.OTHER: "other",
}
"""What people call each kind of node; what dbt calls an exposure is a dashboard as a rule."""


def told_by(one: Touched) -> str:
    """By what a thing is touched, in words."""
    parts = [", ".join(one.direct)] if one.direct else []
    parts += [f"{', '.join(one.indirect)} (by a filter, join or group)"] if one.indirect else []
    parts += ["missing or extra rows"] if one.by_rows else []
    return "; ".join(parts)


def told_unresolved(one: Unresolved) -> str:
    """Something that is not resolved, in one line."""
    return f"{one.node}{f'.{one.column}' if one.column else ''}: {one.reason}"
