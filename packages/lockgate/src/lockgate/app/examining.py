"""Testing what was built, and building nothing: dbt's tests; of rule sets the cases, and the key of what they left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from sqlglot import exp

from lockgate.app.cycle_evidence import CycleEvidence
from lockgate.app.look import newest_editions
from lockgate.core.entity import Engine
from lockgate.core.examination import Examination, ExaminationResult, Trial
from lockgate.core.execution import NodeStatus
from lockgate.core.lineage_event import JobKind
from lockgate.core.route import Edition
from lockgate.core.sql import column, table
from lockgate.errors import LockgateError, OutputInvalid, RuleCaseFailed, UnknownName
from lockgate.flow import Facts, Step, execute
from lockgate.transform.cycle import Batch, Piece, batches_of, ensure_route, pieces_of, selected

if TYPE_CHECKING:
    from lockgate.app.recorder import Recorder
    from lockgate.app.wiring import Wiring


class Examining:
    """The tests of what was built of entities: by the implementations that routes call for, or by one."""

    def __init__(
        self, wiring: Wiring, names: Sequence[str], engine: str | None, variables: Mapping[str, object]
    ) -> None:
        """Nothing is tested before `executed`; `variables` are those that dbt was run with.

        Raises:
            UnknownName: there is no such entity or implementation.
            EngineOff: dbt alone is routed, and switched off.
        """
        self._wiring = wiring
        self._variables = variables
        self._pieces = tuple(
            piece
            for entity in selected(wiring.project.entities, names)
            for piece in pieces_of(entity, (engine,) if engine else wiring.router.builds(entity))
        )
        self._examined: list[Examination] = []

    def executed(self, recorder: Recorder) -> ExaminationResult:
        """Runs every test, and keeps what candidates' tests found as evidence."""
        results = execute([self._step(batch, recorder) for batch in batches_of(self._pieces)], recorder)
        errors = {str(one): one.error for one in self._examined if one.error is not None}
        known = set(errors.values())
        errors |= {one.step: one.error for one in results if one.error is not None and one.error not in known}
        return ExaminationResult(recorder.run_id, tuple(self._examined), errors)

    def _step(self, batch: Batch, recorder: Recorder) -> Step:
        names = ", ".join(piece.entity.name for piece in batch.pieces)
        return Step(f"test {names} by {batch.pieces[0].implementation.name}", partial(self._test, batch, recorder))

    def _test(self, batch: Batch, recorder: Recorder) -> Facts:
        """Tests a batch.

        Raises:
            LockgateError: the first of its tests that failed; the others are examined all the same.
        """
        recorder.begins(JobKind.TEST, *map(str, batch.pieces))
        evidence = [self._evidence(piece) for piece in batch.pieces]
        if batch.engine is Engine.DBT:
            found = self._by_dbt(batch, recorder)
        else:
            found = tuple(self._by_rules(piece) for piece in batch.pieces)
        kept = [self._kept(*each) for each in zip(found, batch.pieces, evidence, strict=True)]
        self._examined.extend(kept)
        for one in kept:
            recorder.examined(one)
        for one in kept:
            if one.error is not None:
                raise one.error
        return {"tests": sum(len(one.trials) for one in kept)}

    def _by_dbt(self, batch: Batch, recorder: Recorder) -> tuple[Examination, ...]:
        from lockgate.transform.dbt import DbtExecutionService

        wiring = self._wiring
        try:
            located = (wiring.revisions.located(piece.implementation) for piece in batch.pieces)
            pieces = tuple(replace(piece, implementation=one) for piece, one in zip(batch.pieces, located, strict=True))
            executor = wiring.executor_for(pieces[0].implementation.executor)
            service = DbtExecutionService(executor, wiring.warehouse, recorder.node_ended)
            found = service.test_batch(replace(batch, pieces=pieces), self._variables)
        except LockgateError as error:
            found = tuple(Examination(one.entity.name, one.implementation.name, error=error) for one in batch.pieces)
        return tuple(wiring.places.examination(one) for one in found)

    def _by_rules(self, piece: Piece) -> Examination:
        """The cases of a rule set, and the key of the newest edition that it left."""
        began, trials = perf_counter(), list[Trial]()
        try:
            edition = self._newest(piece)
            if edition is None:
                hint = f"`lockgate run --hold --select {piece.entity.name}` builds it."
                raise UnknownName(f"nothing of {piece} is built yet", hint=hint, name=str(piece))
            trials += (*self._cases(piece), *self._key(piece, edition))
            error = _failure(piece, edition, [trial for trial in trials if trial.status.is_bad])
        except LockgateError as raised:
            error = raised
        seconds = perf_counter() - began
        return Examination(piece.entity.name, piece.implementation.name, tuple(trials), seconds, error)

    def _newest(self, piece: Piece) -> Edition | None:
        return newest_editions(self._wiring, piece.entity).get(piece.implementation.name)

    def _cases(self, piece: Piece) -> Iterator[Trial]:
        from lockgate.app import rules

        for case in rules.tested(self._wiring, piece.entity, piece.implementation.name):
            status = NodeStatus.PASS if case.passed else NodeStatus.FAIL
            yield Trial(f"case {case.name}", status, message=case.difference)

    def _key(self, piece: Piece, edition: Edition) -> Iterator[Trial]:
        """Whether each row of an edition has a key, and no other row the same."""
        key = piece.entity.contract.key
        place = table(self._wiring.warehouse.edition_relation(piece.entity.served, edition))
        columns = [column(name) for name in key]
        nulls = exp.select("1").from_(place).where(exp.or_(*(one.is_(exp.null()) for one in columns)))
        twice = exp.select("1").from_(place).group_by(*columns).having("count(*) > 1")
        for what, query in (("is never NULL", nulls), ("is unique", twice)):
            counted = exp.select(exp.Count(this=exp.Star()).as_("rows")).from_(query.subquery("found"))
            rows: int = self._wiring.warehouse.query(counted).column("rows")[0].as_py()
            yield Trial(f"key {', '.join(key)} {what}", NodeStatus.FAIL if rows else NodeStatus.PASS, failures=rows)

    def _evidence(self, piece: Piece) -> CycleEvidence | None:
        """What writes down how a candidate's tests ended; None where the implementation is none."""
        route = ensure_route(piece.entity, self._wiring.warehouse)
        is_candidate = piece.implementation.name == route.candidate and route.incumbent in piece.entity.implementations
        return CycleEvidence(self._wiring, piece.entity, route) if is_candidate else None

    def _kept(self, found: Examination, piece: Piece, evidence: CycleEvidence | None) -> Examination:
        """An examination with the number that it is kept under as evidence, or with why it is not."""
        if evidence is None or not found.trials:
            return found
        name, edition = piece.implementation.name, self._newest(piece)
        revisions = {self._wiring.revision(piece.implementation), edition.revision if edition else ""}
        if not all(evidence.is_of(name, revision) for revision in revisions):
            return replace(found, unkept=f"files of {piece} were changed since it was built: its tests prove nothing")
        return replace(found, evidence=evidence.tested([trial.status for trial in found.trials]))


def _failure(piece: Piece, edition: Edition, failed: Sequence[Trial]) -> LockgateError | None:
    """The error that names the tests of rules that failed; None where all passed."""
    if not failed:
        return None
    names = "; ".join(trial.name for trial in failed)
    message = f"{piece}: these tests of edition {edition.number} failed: {names}"
    is_case = any(trial.failures is None for trial in failed)
    return (RuleCaseFailed if is_case else OutputInvalid)(message, tests=tuple(trial.name for trial in failed))
