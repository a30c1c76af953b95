"""What columns are made of, as OpenLineage's facet `columnLineage` tells it.

Source: openlineage.io/docs/spec/facets/dataset-facets/column_lineage_facet, types and subtypes of transformations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lockgate.core.lineage import Reading
from lockgate.core.lineage_event import DatasetName, FieldRead

if TYPE_CHECKING:
    from openlineage.client.generated.column_lineage_dataset import ColumnLineageDatasetFacet, Fields

# A value that goes in may be changed on its way: which of the subtypes IDENTITY, TRANSFORMATION and AGGREGATION it is
# is not known, and a subtype is optional. Whoever drops duplicates groups by every column.
TRANSFORMATIONS = {
    Reading.DIRECT: ("DIRECT", None),
    Reading.FILTER: ("INDIRECT", "FILTER"),
    Reading.JOIN: ("INDIRECT", "JOIN"),
    Reading.GROUP: ("INDIRECT", "GROUP_BY"),
    Reading.ORDER: ("INDIRECT", "SORT"),
    Reading.DISTINCT: ("INDIRECT", "GROUP_BY"),
}


def column_lineage(reads: Iterable[FieldRead], *, producer: str) -> ColumnLineageDatasetFacet:
    """The facet: by column, its input fields, each with every way in which it takes part.

    What decides about every row of the dataset comes with the name of no column, and stands once in `dataset`.
    """
    from openlineage.client.facet_v2 import column_lineage_dataset as facets

    by_column: dict[str, list[FieldRead]] = {}
    for read in reads:
        by_column.setdefault(read.column, []).append(read)
    of_all = by_column.pop("", [])
    return facets.ColumnLineageDatasetFacet(
        fields={column: _fields(found) for column, found in by_column.items()},
        dataset=_fields(of_all).inputFields,
        producer=producer,
    )


def _fields(reads: Iterable[FieldRead]) -> Fields:
    from openlineage.client.facet_v2 import column_lineage_dataset as facets

    ways: dict[tuple[DatasetName, str], dict[tuple[str, str | None], None]] = {}
    for read in reads:
        ways.setdefault((read.dataset, read.field), {})[TRANSFORMATIONS[read.reading]] = None
    return facets.Fields(
        [
            facets.InputField(dataset.namespace, dataset.name, field, [facets.Transformation(*way) for way in found])
            for (dataset, field), found in ways.items()
        ]
    )
