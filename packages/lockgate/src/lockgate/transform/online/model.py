"""A dbt model that is to answer records, with all that is known of what it reads and of what it gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lockgate.core.compiled import CompiledGraph, CompiledKind, CompiledNode
from lockgate.core.relation import Column, Contract, Relation
from lockgate.transform.online.joining import JoinedQuery, joined
from lockgate.transform.online.stars import without_stars


@dataclass(frozen=True, slots=True)
class OnlineModel:
    """What answers `records`, which come as rows of that relation.

    `columns` has those of the records and of every other relation that the models read (`inputs_of`), without those
    that say where a row came from.
    """

    graph: CompiledGraph
    records: Relation
    columns: Mapping[Relation, tuple[Column, ...]]
    contract: Contract

    @property
    def node(self) -> CompiledNode:
        """The model itself."""
        return self.graph.nodes[self.graph.model]

    @property
    def query(self) -> JoinedQuery:
        """The models as one query.

        Raises:
            NotOnline: they cannot be read as one.
        """
        found = joined_of(self.graph, self.columns)
        query = without_stars(found.query, self.columns, self.graph.dialect)
        return JoinedQuery(query, found.leaves, found.owners)


def inputs_of(graph: CompiledGraph) -> tuple[Relation, ...]:
    """The relations that a graph's models read and none of them builds: sources, and seeds as they stand.

    Raises:
        NotOnline: the models cannot be read as one query.
    """
    return joined_of(graph).leaves


def joined_of(graph: CompiledGraph, known: Iterable[Relation] = ()) -> JoinedQuery:
    """A graph's models as one query; relations of `known` are called as they are there, as those of the graph are.

    Raises:
        NotOnline: they cannot be read as one.
    """
    models = [node for node in graph.nodes.values() if node.kind is CompiledKind.MODEL]
    others = [node.relation for node in graph.nodes.values() if node.kind is not CompiledKind.MODEL]
    return joined(models, graph.model, graph.dialect, known=[*others, *known])
