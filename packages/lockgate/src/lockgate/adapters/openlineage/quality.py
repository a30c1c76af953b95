"""How tests came out, in OpenLineage's facets `dataQualityAssertions` and `test`; never what rows they found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lockgate.core.execution import NodeStatus
from lockgate.core.lineage_event import Assertion

if TYPE_CHECKING:
    from openlineage.client.generated.data_quality_assertions_dataset import DataQualityAssertionsDatasetFacet
    from openlineage.client.generated.test_run import TestRunFacet

_STATUSES = {NodeStatus.SUCCESS: "pass", NodeStatus.PASS: "pass", NodeStatus.SKIPPED: "skip"}


def assertions_facet(tests: Iterable[Assertion], *, producer: str) -> DataQualityAssertionsDatasetFacet:
    """The tests of a dataset that were made; one that was skipped asserts nothing."""
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as facets

    made = [
        facets.Assertion(
            assertion=one.kind,
            success=one.status in {NodeStatus.SUCCESS, NodeStatus.PASS},
            severity=_severity(one),
            name=one.name,
            expected=_expected(one),
            actual=_actual(one),
        )
        for one in tests
        if one.status is not NodeStatus.SKIPPED
    ]
    return facets.DataQualityAssertionsDatasetFacet(made, producer=producer)


def test_facet(tests: Iterable[Assertion], *, producer: str) -> TestRunFacet:
    """All tests of a run, with those that were skipped."""
    from openlineage.client.facet_v2 import test_run as facets

    made = [
        facets.TestExecution(
            name=one.name,
            status=_STATUSES.get(one.status, "fail"),
            severity=_severity(one),
            type=one.kind,
            expected=_expected(one),
            actual=_actual(one),
        )
        for one in tests
    ]
    return facets.TestRunFacet(made, producer=producer)


def _severity(test: Assertion) -> str | None:
    """What the failure leads to; of a test that passed it is not known."""
    if test.status is NodeStatus.WARN:
        return "warn"
    return "error" if test.status in {NodeStatus.FAIL, NodeStatus.ERROR} else None


def _expected(test: Assertion) -> str | None:
    return "0" if test.failures is not None else None


def _actual(test: Assertion) -> str | None:
    return str(test.failures) if test.failures is not None else None
