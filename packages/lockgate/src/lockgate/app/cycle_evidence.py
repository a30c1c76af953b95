"""What a cycle leaves behind about a route under way: how both sides were built, and how they compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from lockgate.app.comparing import compared_in
from lockgate.app.pairs import agreement_of, pair_of
from lockgate.app.recorder import told
from lockgate.app.wiring import Wiring
from lockgate.core.comparison import Comparison, ComparisonRequest
from lockgate.core.cutover import CONTROLLER
from lockgate.core.entity import Entity
from lockgate.core.execution import Execution, NodeStatus, Outcome
from lockgate.core.gate import EvidenceKind, Pair
from lockgate.core.load import Pin
from lockgate.core.ports import Progress
from lockgate.core.route import Edition, Route
from lockgate.errors import ComparisonInvalid, LockgateError, RetryableError, StaleToken, UnknownName


class CycleEvidence:
    """Writes evidence about one entity's pair, seen under the route that was in force when the cycle began."""

    def __init__(self, wiring: Wiring, entity: Entity, route: Route) -> None:
        """The route must have a candidate."""
        self._wiring = wiring
        self._entity = entity
        self._route = route
        self._pair = pair_of(wiring, entity, route.incumbent, route.candidate)

    @property
    def pair(self) -> Pair:
        """The two sides, at the revisions that they had when the cycle began."""
        return self._pair

    def executed(
        self, outcome: Outcome, edition: Edition | None, refused: LockgateError | None = None, *, held: bool = False
    ) -> None:
        """A side was built and published, or was not; `refused` tells why its output could not be published.

        With `held`, its edition waits for `lockgate publish`.
        """
        error = refused if isinstance(outcome, Execution) else outcome.error
        facts = {
            "implementation": outcome.implementation,
            "seconds": round(outcome.seconds, 3),
            "rows": outcome.rows if isinstance(outcome, Execution) else None,
            "bytes": edition.bytes if edition else 0,
            "error": told(error) if error else "",
            "retryable": isinstance(error, RetryableError | StaleToken),
        }
        self._add(EvidenceKind.EXECUTION, facts | ({"held": True} if held else {}))
        if outcome.implementation == self._pair.candidate:
            self.tested([node.status for node in outcome.nodes if node.kind in {"test", "unit_test"}])

    def tested(self, statuses: Sequence[NodeStatus]) -> int | None:
        """The candidate's tests ended so: the number of the evidence; None where there was no test."""
        if not statuses:
            return None
        bad = sum(status.is_bad for status in statuses)
        warned = sum(status is NodeStatus.WARN for status in statuses)
        return self._add(EvidenceKind.TESTS, {"passed": len(statuses) - bad, "failed": bad, "warned": warned})

    def loaded(self, pins: Sequence[Pin]) -> None:
        """The candidate read these loads; nothing is said where one of them is forgotten."""
        known = [self._loaded_at(pin) for pin in pins]
        ended = [at for at in known if at is not None]
        if ended and len(ended) == len(known):
            self._add(EvidenceKind.FRESHNESS, {"loaded_at": min(ended).isoformat()})

    def is_of(self, implementation: str, revision: str) -> bool:
        """Whether files of that revision are those of a side when the cycle began."""
        sides = {self._pair.incumbent: self._pair.incumbent_revision}
        return (sides | {self._pair.candidate: self._pair.candidate_revision}).get(implementation) == revision

    def compared(self, progress: Progress, made_by: Mapping[str, str]) -> Comparison:
        """Holds both sides' newest editions against each other; `made_by` has the revisions that made them.

        Raises:
            ComparisonInvalid: files changed since the cycle began, so nobody can tell what the editions were made of.
            LockgateError: they cannot be compared.
        """
        now = pair_of(self._wiring, self._entity, self._pair.incumbent, self._pair.candidate)
        if now != self._pair or not all(self.is_of(name, revision) for name, revision in made_by.items()):
            message = f"files of {self._entity.name} were changed while the run went on: its editions prove nothing"
            raise ComparisonInvalid(message, hint="Run it again.", entity=self._entity.name)
        names = (f"{self._entity.name}@{self._pair.incumbent}", f"{self._entity.name}@{self._pair.candidate}")
        found = compared_in(self._wiring, names, ComparisonRequest(()), progress)
        facts = {
            "comparison_id": found.evidence,
            "verdict": found.verdict,
            "unexplained": found.unexplained,
            "differing": found.rows.differing,
            "left": found.rows.left,
            "right": found.rows.right,
            "agreement": agreement_of(self._entity),
            "buckets_changed": sum(column.changed for column in found.columns if column.name == self._entity.bucket_by),
            "editions": [edition.number for side in found.editions for edition in side],
        }
        self._add(EvidenceKind.COMPARISON, facts)
        return found

    def _add(self, kind: EvidenceKind, facts: Mapping[str, object]) -> int:
        wiring, token = self._wiring, self._route.token
        return wiring.store.evidence.add_evidence(kind, self._pair, token, wiring.clock(), by=CONTROLLER, facts=facts)

    def _loaded_at(self, pin: Pin) -> datetime | None:
        """When the newest load of a pin ended; None where the control plane has forgotten it."""
        try:
            return self._wiring.store.loads.load(pin.last_load).finished_at
        except UnknownName:
            return None
