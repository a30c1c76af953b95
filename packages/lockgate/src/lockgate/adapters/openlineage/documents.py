"""Events as OpenLineage's specification 2-0-2 has them, made of the classes of its client library.

Of the library the classes are used, and none of its transports: see ADR 0048.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from lockgate.adapters.openlineage.column_lineage import column_lineage
from lockgate.adapters.openlineage.quality import assertions_facet, test_facet
from lockgate.core.lineage_event import (
    Change,
    Dataset,
    DatasetName,
    EventDocument,
    JobKind,
    JobRun,
    LineageEvent,
    Phase,
)
from lockgate.core.plain import Redact

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run
    from openlineage.client.generated.base import DatasetFacet

INTEGRATION = "LOCKGATE"
LONGEST_ERROR = 4000
_KEPT = frozenset({"inputs", "outputs", "assertions", "tests", "inputFields"})


@cache
def producer() -> str:
    """What makes the events, as a package URL (github.com/package-url/purl-spec), which is a URI."""
    return f"pkg:pypi/lockgate@{_version('lockgate')}"


@cache
def _version(package: str) -> str:
    return version(package)


@dataclass(frozen=True, slots=True)
class Documents:
    """Makes events of one namespace of jobs; texts and names of datasets go through `redact`, against secrets."""

    namespace: str
    redact: Redact

    def of(self, event: LineageEvent) -> EventDocument:
        """The event as a document of JSON."""
        from openlineage.client.event_v2 import RunEvent, RunState
        from openlineage.client.serde import Serde

        made = RunEvent(
            eventTime=written(event.at),
            producer=producer(),
            eventType=RunState[event.phase],
            run=self._run(event),
            job=self._job(event),
            inputs=[self._input(one) for one in event.inputs],
            outputs=[self._output(one) for one in event.outputs],
        )
        return EventDocument(event.event_id, without_nothing(Serde.to_dict(made)))

    def aborted(self, begun: Mapping[str, Any], at: datetime, error: str) -> EventDocument:
        """The end of a run that was left, from what was put down when it began."""
        from openlineage.client.facet_v2 import error_message_run
        from openlineage.client.serde import Serde

        said = Serde.to_dict(error_message_run.ErrorMessageRunFacet(error, "Python", producer=producer()))
        run = begun["run"]
        ended = {**run, "facets": {**run.get("facets", {}), "errorMessage": without_nothing(said)}}
        document = {**begun, "eventType": Phase.ABORT.value, "eventTime": written(at), "run": ended}
        return EventDocument(f"{run['runId']}/{Phase.ABORT}", document)

    def _run(self, event: LineageEvent) -> Run:
        from openlineage.client import facet_v2 as facets
        from openlineage.client.event_v2 import Run

        by = producer()
        found: dict[str, Any] = {
            "processing_engine": facets.processing_engine_run.ProcessingEngineRunFacet(
                version=_version("lockgate"),
                name="Lockgate",
                openlineageAdapterVersion=_version("openlineage-python"),
                producer=by,
            )
        }
        if event.parent is not None:
            found["parent"] = self._parent(event.parent, event.root or event.parent)
        if event.error and event.phase in {Phase.FAIL, Phase.ABORT}:
            said = self.redact(event.error)[:LONGEST_ERROR]
            found["errorMessage"] = facets.error_message_run.ErrorMessageRunFacet(said, "Python", producer=by)
        if event.nominal is not None:
            start, end = map(written, event.nominal)
            found["nominalTime"] = facets.nominal_time_run.NominalTimeRunFacet(start, end, producer=by)
        if event.kind is JobKind.TEST and event.phase is not Phase.START:
            tests = [one for dataset in event.inputs for one in dataset.assertions]
            if tests:
                found["test"] = test_facet(tests, producer=by)
        return Run(event.run.run_id, facets=found)

    def _parent(self, parent: JobRun, root: JobRun) -> Any:
        from openlineage.client.facet_v2 import parent_run

        return parent_run.ParentRunFacet(
            run=parent_run.Run(parent.run_id),
            job=parent_run.Job(self.namespace, parent.job),
            root=parent_run.Root(parent_run.RootRun(root.run_id), parent_run.RootJob(self.namespace, root.job)),
            producer=producer(),
        )

    def _job(self, event: LineageEvent) -> Job:
        from openlineage.client import facet_v2 as facets
        from openlineage.client.event_v2 import Job

        kind = facets.job_type_job.JobTypeJobFacet("BATCH", INTEGRATION, event.kind.value, producer=producer())
        found: dict[str, Any] = {"jobType": kind}
        if event.sql:
            sql = self.redact(event.sql)
            found["sql"] = facets.sql_job.SQLJobFacet(sql, event.dialect or None, producer=producer())
        return Job(self.namespace, event.run.job, facets=found)

    def _input(self, dataset: Dataset) -> InputDataset:
        from openlineage.client import facet_v2 as facets
        from openlineage.client.event_v2 import InputDataset

        by = producer()
        found: dict[str, Any] = {}
        if _is_counted(dataset):
            kind = facets.input_statistics_input_dataset.InputStatisticsInputDatasetFacet
            found["inputStatistics"] = kind(dataset.rows, dataset.bytes, dataset.files, producer=by)
        if dataset.assertions:
            found["dataQualityAssertions"] = assertions_facet(dataset.assertions, producer=by)
        name = self._told(dataset.name)
        return InputDataset(name.namespace, name.name, facets=self._facets(dataset), inputFacets=found)

    def _output(self, dataset: Dataset) -> OutputDataset:
        from openlineage.client import facet_v2 as facets
        from openlineage.client.event_v2 import OutputDataset

        by = producer()
        found: dict[str, Any] = {}
        if _is_counted(dataset):
            kind = facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
            found["outputStatistics"] = kind(dataset.rows, dataset.bytes, dataset.files, producer=by)
        shown = self._facets(dataset)
        if dataset.fields:
            reads = [replace(read, dataset=self._told(read.dataset)) for read in dataset.fields]
            shown["columnLineage"] = column_lineage(reads, producer=by)
        name = self._told(dataset.name)
        return OutputDataset(name.namespace, name.name, facets=shown, outputFacets=found)

    def _told(self, name: DatasetName) -> DatasetName:
        return DatasetName(self.redact(name.namespace), self.redact(name.name))

    def _facets(self, dataset: Dataset) -> dict[str, DatasetFacet]:
        from openlineage.client import facet_v2 as facets

        by = producer()
        found: dict[str, DatasetFacet] = {}
        if dataset.columns:
            kind = facets.schema_dataset.SchemaDatasetFacetFields
            columns = [
                kind(one.name, one.type or None, self.redact(one.description) or None, number)
                for number, one in enumerate(dataset.columns, start=1)
            ]
            found["schema"] = facets.schema_dataset.SchemaDatasetFacet(columns, producer=by)
        if dataset.version:
            found["version"] = facets.dataset_version_dataset.DatasetVersionDatasetFacet(dataset.version, producer=by)
        if dataset.change is not None:
            found["lifecycleStateChange"] = _change(dataset.change)(producer=by)
        return found


def _change(change: Change) -> Callable[..., DatasetFacet]:
    from openlineage.client.facet_v2 import lifecycle_state_change_dataset as facets

    return partial(facets.LifecycleStateChangeDatasetFacet, facets.LifecycleStateChange[change])


def _is_counted(dataset: Dataset) -> bool:
    return any(one is not None for one in (dataset.rows, dataset.bytes, dataset.files))


def written(at: datetime) -> str:
    """An instant as RFC 3339 writes it, in UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def without_nothing(value: Any) -> Any:
    """A document without the empty objects and lists that optional keys of facets are filled with by the classes."""
    if isinstance(value, list):
        return [without_nothing(one) for one in value]
    if isinstance(value, dict):
        return {key: without_nothing(one) for key, one in value.items() if _says_something(key, one)}
    return value


def _says_something(key: str, value: Any) -> bool:
    """Whether a key stays: `fields` of column lineage, which has to be there, may be an empty object."""
    return value not in ({}, []) or key in _KEPT or (key == "fields" and value == {})
