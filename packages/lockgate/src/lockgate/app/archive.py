"""What was kept, for whoever looks it up: comparisons, runs, loads, rejected records and notices, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lockgate.app import look
from lockgate.app.entities import entity_of
from lockgate.app.wiring import Wiring
from lockgate.core.comparison import Comparison, ComparisonRecord, ComparisonRequest, Verdict
from lockgate.core.comparison_document import comparison_from
from lockgate.core.load import Load, LoadStatus, Quarantined
from lockgate.core.notice import Delivery, DeliveryStatus
from lockgate.core.record import ExecutionRecord, RecordStatus, RunRecord
from lockgate.core.route import Edition
from lockgate.errors import UnknownName

MOST_SAMPLES = 20
MOST_EXECUTIONS = 1_000


@dataclass(frozen=True, slots=True)
class KeptComparison:
    """A comparison that was kept, what was asked of it, and what came of it: without values of rows."""

    record: ComparisonRecord
    request: ComparisonRequest
    comparison: Comparison


class Archive:
    """Everything is read a page at a time: `before` is the number to go on behind."""

    def __init__(self, wiring: Wiring) -> None:
        """Reads the control plane and the target of a project that is wired already."""
        self._wiring = wiring

    @property
    def streams(self) -> tuple[str, ...]:
        """Every stream as `SOURCE.STREAM`."""
        return tuple(f"{source.name}.{stream.name}" for source, stream in self._wiring.project.streams())

    def comparisons(
        self,
        entity: str | None = None,
        *,
        verdict: Verdict | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[ComparisonRecord, ...]:
        """Comparisons of an entity, or of all."""
        return self._wiring.store.comparisons.comparisons(entity, verdict=verdict, before=before, limit=limit)

    def comparison(self, comparison_id: int) -> KeptComparison:
        """One comparison, whole.

        Raises:
            UnknownName: there is none of that number.
        """
        from lockgate.store.comparison_log import request_of

        record = self._wiring.store.comparisons.comparison(comparison_id)
        return KeptComparison(record, request_of(record), comparison_from(record.found))

    def differing_rows(self, comparison_id: int, *, are_values_shown: bool) -> Comparison:
        """The comparison made again, for a few keys of rows that differ, and their values where they are asked for.

        Raises:
            UnknownName: there is none of that number, or one of its editions is not kept any more.
        """
        from lockgate.app.comparing import compared_editions

        kept = self.comparison(comparison_id)
        entity = entity_of(self._wiring, kept.record.entity)
        there = {edition.number: edition for edition in self._wiring.warehouse.editions(entity.name)}
        left, right = (_only(side, there) for side in kept.comparison.editions)
        request = replace(kept.request, show_values=are_values_shown, most_samples=MOST_SAMPLES)
        return compared_editions(self._wiring, entity, (left, right), _unwatched, request)

    def runs(
        self, *, status: RecordStatus | None = None, before: int | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        """Runs, without their steps."""
        return self._wiring.store.runs.runs(status=status, before=before, limit=limit)

    def run(self, run_id: int) -> RunRecord:
        """One run with its steps.

        Raises:
            UnknownName: there is none of that number.
        """
        return self._wiring.store.runs.run(run_id)

    def running(self) -> RunRecord | None:
        """The run that has the target now, with its steps; None where none has."""
        found = self._wiring.store.runs.runs(status=RecordStatus.RUNNING, limit=1)
        return self.run(found[0].run_id) if found else None

    def executions(self, run_id: int) -> tuple[ExecutionRecord, ...]:
        """What a run executed, with nodes and rules, in the order in which it ended."""
        return self._wiring.store.executions.executions(run_id=run_id, limit=MOST_EXECUTIONS)[::-1]

    def loads(
        self,
        stream: str | None = None,
        *,
        status: LoadStatus | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[Load, ...]:
        """Loads of `SOURCE.STREAM`, or of all."""
        source, _, name = (stream or "").partition(".")
        asked = {"source": source or None, "stream": name or None}
        return self._wiring.store.loads.loads(**asked, status=status, before=before, limit=limit)

    def load(self, load_id: int) -> Load:
        """One load.

        Raises:
            UnknownName: there is none of that number.
        """
        return self._wiring.store.loads.load(load_id)

    def quarantine(self, stream: str | None = None, *, limit: int = 100) -> tuple[Quarantined, ...]:
        """The newest records set aside, of one `SOURCE.STREAM` or of all.

        Raises:
            UnknownName: there is no such stream.
        """
        return look.quarantined(self._wiring, stream, limit)

    def notices(
        self, status: DeliveryStatus | None = None, *, before: int | None = None, limit: int = 100
    ) -> tuple[Delivery, ...]:
        """Notices, one for each channel."""
        return self._wiring.store.notices.notices(status, before=before, limit=limit)


def _only(side: tuple[Edition, ...], there: Mapping[int, Edition]) -> Edition:
    """The one edition that a side showed, as the target keeps it.

    Raises:
        UnknownName: it is not kept any more, or the side showed several.
    """
    if len(side) != 1:
        hint = "`lockgate compare ENTITY@ONE ENTITY@OTHER` holds two editions against each other."
        raise UnknownName("a side of this comparison was not one edition, so its rows cannot be shown", hint=hint)
    edition = there.get(side[0].number)
    if edition is None:
        message = f"edition {side[0].number} of {side[0].entity} is not kept any more, so its rows cannot be shown"
        raise UnknownName(message, hint="Run it again: the newest editions can be looked into.")
    return edition


def _unwatched(step: str, done: int, total: int | None) -> None:
    """Nobody watches how far it has come."""
