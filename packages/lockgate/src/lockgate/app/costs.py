"""The verbs of costs: what entities cost against what is usual of them, and advice on how that could be less."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from lockgate.core.cost import Advised, EntityCost, Grounds, Growth, Landed, NodeCost, NodeRun, Spent
from lockgate.core.lineage import NodeKind
from lockgate.operate import LEAST_RUNS, advise, costs_of, growth_of, readers, unknown_readers

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage
    from lockgate.app.wiring import Wiring

DAYS = 21
LEAST_SECONDS = 1.0
_MOST_NAMED = 5
# So many times the days of the baseline are looked at, so that a picture has them before each of its days.
_TIMES = 4


class Costs:
    """One method a verb, over a project that is open; nothing is changed."""

    def __init__(self, wiring: Wiring) -> None:
        """Over a project that is wired already."""
        self._wiring = wiring

    def of_entities(self, entity: str | None = None, *, days: int = DAYS) -> tuple[EntityCost, ...]:
        """What each implementation of one entity, or of all, costs now beside the `days` before.

        Raises:
            UnknownName: there is no such entity.
        """
        from lockgate.app.entities import entity_of

        if entity is not None:
            entity_of(self._wiring, entity)
        return costs_of(self._spent(timedelta(days=_TIMES * days), entity), days=days)

    def advice(self, *, days: int = DAYS, least_seconds: float = LEAST_SECONDS) -> Advised:
        """Advice about everything that was measured in the last `days`, by the lineage of the whole project."""
        from lockgate.app.lineage import lineage_of_project

        found = lineage_of_project(self._wiring)
        since = self._wiring.clock() - timedelta(days=days)
        samples = _samples(found, self._wiring.store.costs.node_runs(since))
        for one in self._spent(timedelta(days=days)):
            name = found.outputs.get((one.entity, one.implementation), "")
            if name and found.graph.nodes[name].kind is not NodeKind.MODEL:
                samples.setdefault(name, []).append((one.seconds, one.read_bytes))
        grounds = Grounds(
            found.graph.nodes,
            found.graph.lineages,
            {name: _cost(name, several) for name, several in samples.items()},
            self._growth(),
            frozenset(found.outputs.values()),
            self._wiring.project.prices,
            least_seconds,
            LEAST_RUNS,
        )
        return _advised(found, grounds)

    def write_report(self, costs: tuple[EntityCost, ...], advised: Advised, path: Path) -> None:
        """Writes costs and advice as a self-contained HTML page with pictures."""
        _write(path, self._wiring.project.name, costs, advised)

    def _spent(self, lasting: timedelta, entity: str | None = None) -> tuple[Spent, ...]:
        """What executions took lately: of what is declared still, and of no time to come (a clock may be ahead)."""
        now, entities = self._wiring.clock(), self._wiring.project.entities
        return tuple(
            one
            for one in self._wiring.store.costs.spent(now - lasting, entity)
            if one.at <= now and one.entity in entities and one.implementation in entities[one.entity].implementations
        )

    def _growth(self) -> Mapping[str, Growth]:
        """How each stream grows, by its node."""
        landed = self._wiring.store.costs.landed()
        project = self._wiring.project
        return {
            f"stream.{project.name}.{source.name}.{stream.name}": growth_of(
                stream, landed.get((source.name, stream.name), Landed())
            )
            for source, stream in project.streams()
        }


def advice_of_folder(folder: Path, *, dialect: str | None = None, least_seconds: float = LEAST_SECONDS) -> Advised:
    """Advice about any dbt project by what its newest run left in `target`, without a database.

    Raises:
        UnknownName: the folder is no dbt project, or dbt has left no results there.
        DbtProjectInvalid: dbt can parse nothing of it, or the results are none of dbt's.
    """
    from lockgate.adapters.dbt.run_results import measured_nodes
    from lockgate.app.lineage import lineage_of_folder

    costs = {one.node: one for one in measured_nodes(folder)}
    found = lineage_of_folder(folder, dialect)
    grounds = Grounds(found.graph.nodes, found.graph.lineages, costs, least_seconds=least_seconds, least_runs=1)
    return _advised(found, grounds)


def write_advice(name: str, advised: Advised, path: Path) -> None:
    """Writes advice about a dbt project as a self-contained HTML page."""
    _write(path, name, (), advised)


def _write(path: Path, name: str, costs: tuple[EntityCost, ...], advised: Advised) -> None:
    from lockgate.adapters.reports.cost import render_costs
    from lockgate.app.new_files import write_page
    from lockgate.app.wiring import utc_now

    write_page(path, render_costs(name, costs, advised, utc_now()))


def _advised(found: FoundLineage, grounds: Grounds) -> Advised:
    """Advice about the measured nodes that are there, with what a person should know of the others."""
    nodes = found.graph.nodes
    known = {name: one for name, one in grounds.costs.items() if name in nodes}
    warnings = list(found.warnings)
    if len(known) < len(grounds.costs):
        warnings.append(f"not in the project any more, though measured: {len(grounds.costs) - len(known)}")
    if not grounds.growth:
        warnings.append("no loads are known: nothing is said of tables that could be incremental")
    if not readers(grounds):
        warnings.append("no exposure, metric or served view is declared: who reads what is not known")
    if unknown := unknown_readers(grounds):
        told = ", ".join(unknown[:_MOST_NAMED]) + (" and others" if len(unknown) > _MOST_NAMED else "")
        warnings.append(f"nothing is said of models that nobody reads: what these read is not known: {told}")
    return replace(advise(replace(grounds, costs=known)), warnings=tuple(warnings))


def _samples(found: FoundLineage, runs: Iterable[NodeRun]) -> dict[str, list[tuple[float, int | None]]]:
    """What each run of each node took; what several entities share was run once."""
    seen: set[tuple[object, ...]] = set()
    samples: dict[str, list[tuple[float, int | None]]] = {}
    for run in runs:
        _, at, number = found.outputs.get((run.entity, run.implementation), "").partition("@")
        name, key = f"{run.node}{at}{number}", (run.cycle_id, run.implementation, at, number, run.node, run.seconds)
        if key not in seen:
            seen.add(key)
            samples.setdefault(name, []).append((run.seconds, run.read_bytes))
    return samples


def _cost(name: str, samples: list[tuple[float, int | None]]) -> NodeCost:
    """The medians of a node's runs; of bytes where they are known of each."""
    read = [found for _, found in samples if found is not None]
    known = int(median(read)) if len(read) == len(samples) else None
    return NodeCost(name, len(samples), median(seconds for seconds, _ in samples), known)
