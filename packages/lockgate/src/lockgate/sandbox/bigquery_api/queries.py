"""The work of jobs: scripts of GoogleSQL, loads and copies."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sqlglot import exp

from lockgate.sandbox.bigquery_api import loads
from lockgate.sandbox.bigquery_api.engine import Engine, translated
from lockgate.sandbox.bigquery_api.jobs import Job, Jobs, billed
from lockgate.sandbox.bigquery_api.parameters import parameters
from lockgate.sandbox.bigquery_api.refusals import Refusal, unknown
from lockgate.sandbox.bigquery_api.running import Runner
from lockgate.sandbox.bigquery_api.scripts import Plain, Statement, script
from lockgate.sandbox.bigquery_api.sessions import Outcome, Session


class Queries:
    """Does what jobs ask for; sessions are kept from job to job."""

    def __init__(self, engine: Engine, jobs: Jobs) -> None:
        """On an engine, with the jobs that are known."""
        self._engine = engine
        self._jobs = jobs
        self._sessions: dict[str, Session] = {}
        self._working: dict[str, Session] = {}

    def cancel(self, job: Job) -> None:
        """Asks a job to end: what it has not begun is not begun."""
        if job.done.is_set():
            return
        job.is_stopped = True
        session = self._working.get(job.id)
        if session is not None:
            with suppress(Refusal), translated():
                session.cursor.interrupt()

    def plan(self, job: Job) -> None:
        """Looks at a query without running it.

        Raises:
            Refusal: it could not be run.
        """
        job.id = ""
        if job.kind != "query":
            raise unknown("a dry run of a job that is no query")
        session = self._session(job)
        try:
            statements = _parsed(job.configuration["query"], session)
            job.outcome = Runner(session, lambda *_: None, only_plan=True).run(statements)
        finally:
            session.close()
        job.state = "DONE"
        job.done.set()

    def work(self, job: Job) -> None:
        """Does what a job asks for.

        Raises:
            Refusal: it could not be done.
        """
        if job.kind == "query":
            self._run(job)
            return
        session = Session(self._engine, ("", ""), lambda: job.is_stopped)
        try:
            asked = job.configuration[job.kind]
            job.loaded = loads.load(session, asked, job.content) if job.kind == "load" else loads.copy(session, asked)
        finally:
            session.close()

    def _run(self, job: Job) -> None:
        asked = job.configuration["query"]
        if asked.get("useLegacySql", True):
            raise unknown("legacy SQL")
        if asked.get("destinationTable"):
            raise unknown("a destination table of a query; CREATE TABLE … AS does it")
        session, is_kept = self._of(job, asked)
        session.is_over = lambda: job.is_over
        self._working[job.id] = session
        try:
            statements = _parsed(asked, session)
            _refuse_costly(asked, statements, self._session(job))
            is_script = len(statements) > 1 or not isinstance(statements[0], Plain)
            told = (lambda plain, outcome: self._child(job, plain, outcome)) if is_script else (lambda *_: None)
            job.outcome = Runner(session, told).run(statements)
            job.transaction = session.transaction.id if session.transaction else ""
        except Refusal as error:
            with self._engine.turn:
                session.abandon()
            if job.is_over:
                raise job.stopped() from error
            raise
        finally:
            self._working.pop(job.id, None)
            if not is_kept:
                with self._engine.turn:
                    session.close()

    def _of(self, job: Job, asked: Mapping[str, Any]) -> tuple[Session, bool]:
        """The session of a job, and whether it goes on after it."""
        wanted = next((p["value"] for p in asked.get("connectionProperties", ()) if p["key"] == "session_id"), "")
        if wanted:
            found = self._sessions.get(wanted)
            if found is None:
                raise Refusal("invalid", f"Session {wanted} not found")
            found.parameters = {}
            job.session = wanted
            default = _default(asked)
            found.default = default if default[1] else found.default
            return found, True
        session = self._session(job)
        if asked.get("createSession"):
            self._sessions[session.id] = session
            job.session = session.id
            return session, True
        return session, False

    def _session(self, job: Job) -> Session:
        return Session(self._engine, _default(job.configuration["query"]), lambda: job.is_stopped)

    def _child(self, parent: Job, plain: Plain, outcome: Outcome) -> None:
        """A statement of a script is a job of its own."""
        number = f"script_job_{parent.id}_{parent.children}"
        configuration = {"query": {"query": plain.text, "useLegacySql": False}}
        child = self._jobs.add(configuration, {"jobId": number}, parent.email)
        child.parent, child.outcome, child.state = parent.id, outcome, "DONE"
        child.started_ms = child.ended_ms = child.created_ms
        child.done.set()
        parent.children += 1


def _default(asked: Mapping[str, Any]) -> tuple[str, str]:
    dataset = asked.get("defaultDataset") or {}
    return dataset.get("projectId", ""), dataset.get("datasetId", "")


def _parsed(asked: Mapping[str, Any], session: Session) -> tuple[Statement, ...]:
    session.parameters = parameters(asked.get("queryParameters", ()), str(asked.get("parameterMode", "")))
    statements = script(asked.get("query", ""))
    place = 0
    for each in statements:
        tree = getattr(each, "tree", None)
        for node in tree.find_all(exp.Placeholder, bfs=False) if tree is not None else ():
            node.meta["place"] = place
            place += 1
    return statements


def _refuse_costly(asked: Mapping[str, Any], statements: tuple[Statement, ...], session: Session) -> None:
    """Refuses a query that would read more than may be billed."""
    try:
        most = asked.get("maximumBytesBilled")
        if most is None or len(statements) != 1 or not isinstance(statements[0], Plain):
            return
        if not isinstance(statements[0].tree, exp.Query):
            return
        session.parameters = parameters(asked.get("queryParameters", ()), str(asked.get("parameterMode", "")))
        needed = billed(Runner(session, lambda *_: None, only_plan=True).run(statements))
        if needed > int(most):
            said = f"Query exceeded limit for bytes billed: {most}. {needed} or higher required."
            raise Refusal("bytesBilledLimitExceeded", said)
    finally:
        session.close()
