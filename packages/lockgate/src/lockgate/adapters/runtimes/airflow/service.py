"""`AirflowOrchestrationService`: DAG runs of a running Airflow begun, followed, looked into and cancelled.

Source: the OpenAPI document of Airflow 3.3's REST API v2, which the tests hold every request against.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from time import monotonic

from lockgate.adapters.runtimes.airflow.exchange import Answer, Exchange
from lockgate.adapters.runtimes.airflow.reading import Dag, DagRun, DagRuns, LogPage, TaskInstances, lines_of, read
from lockgate.core.flow import Interval, SeenRun, StepLog, StepState
from lockgate.errors import (
    FlowMissing,
    FlowPaused,
    JobFinal,
    RunExists,
    RuntimeRefused,
    RuntimeUnavailable,
    UnknownName,
)

PAGE = 100  # more at once no Airflow gives unless it is told to: [api] maximum_page_limit
MOST_STEPS = 2_000
MOST_LOG_PAGES = 100
MOST_LOG_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks at a run: few after something has changed, and ever more while nothing does."""

    first: float = 0.5
    growth: float = 1.5
    longest: float = 5.0


class AirflowOrchestrationService:
    """Fulfils `lockgate.core.ports.flows.OutsideRuntime`: a flow is the DAG of its name, a step the task of its."""

    def __init__(self, exchange: Exchange, pace: Pace = Pace(), *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Nothing is asked yet."""
        self._exchange = exchange
        self._pace = pace
        self._sleep = sleep

    def trigger(self, flow: str, run_id: str, interval: Interval, *, may_exist: bool = False) -> SeenRun:
        """See `OutsideRuntime.trigger`.

        A run about an interval has its start as its logical date, of which Airflow keeps one of each; a run about a
        moment has none.
        """
        self._check_ready(flow)
        body = {"dag_run_id": run_id, **_about(interval)}
        also = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
        answer = self._exchange.ask("POST", ("dags", flow, "dagRuns"), body=body, also=also)
        if answer.is_success:
            return read(DagRun, answer.document).seen()
        if answer.status == HTTPStatus.CONFLICT:
            # An earlier attempt may have been heard and its answer lost.
            found = self._found(flow, run_id) if may_exist or answer.attempt > 1 else None
            if found is not None:
                return found.seen()
            raise RunExists(f"Airflow has a run {run_id} of {flow} already, or another about that interval")
        if answer.status == HTTPStatus.NOT_FOUND:
            raise _missing(flow)
        raise RuntimeRefused(f"Airflow does not begin a run of {flow}: {answer.said}", status=answer.status)

    def seen(self, flow: str, run_id: str) -> SeenRun:
        """See `OutsideRuntime.seen`."""
        run = self._run(flow, run_id).seen()
        return replace(run, steps=self._steps(flow, run_id))

    def runs(self, flow: str, *, limit: int = 20) -> tuple[SeenRun, ...]:
        """See `OutsideRuntime.runs`."""
        parameters = (("limit", min(limit, PAGE)), ("order_by", "-run_after"))
        answer = self._exchange.ask(
            "GET", ("dags", flow, "dagRuns"), parameters=parameters, also=(HTTPStatus.NOT_FOUND,)
        )
        if not answer.is_success:
            raise _missing(flow)
        return tuple(run.seen() for run in read(DagRuns, answer.document).dag_runs)

    def follow(self, flow: str, run_id: str, *, seconds: float) -> Iterator[SeenRun]:
        """See `OutsideRuntime.follow`."""
        ends, wait, before = monotonic() + seconds, self._pace.first, None
        while True:
            run = self.seen(flow, run_id)
            yield run
            if run.status.is_final:
                return
            wait = self._pace.first if run != before else min(wait * self._pace.growth, self._pace.longest)
            before = run
            if monotonic() + wait >= ends:
                hint = f"It goes on there: `lockgate flow status {flow}`."
                raise RuntimeUnavailable(f"{run_id} of {flow} has not ended within {seconds:g} s", hint=hint)
            self._sleep(wait)

    def log(self, flow: str, run_id: str, step: str, attempt: int) -> StepLog:
        """See `OutsideRuntime.log`; of a task that is running, what there is so far."""
        lines: list[str] = []
        has_all = False
        for page in self._log_pages(("dags", flow, "dagRuns", run_id, "taskInstances", step, "logs", str(attempt))):
            if page is None:
                raise UnknownName(f"there is no log of attempt {attempt} at {step} in {run_id} of {flow}", name=step)
            found = list(lines_of(page))
            lines += found
            has_all = not page.continuation_token or not found
            if has_all:
                break
        text = "".join(f"{line}\n" for line in lines)
        return StepLog(text[-MOST_LOG_CHARACTERS:], is_whole=has_all and len(text) <= MOST_LOG_CHARACTERS)

    def _log_pages(self, path: tuple[str, ...]) -> Iterator[LogPage | None]:
        """The pages of a log, each where the one before it ends; None where there is no such log."""
        token: str | None = None
        for _ in range(MOST_LOG_PAGES):
            parameters = (("token", token),) if token else ()
            answer = self._exchange.ask("GET", path, parameters=parameters, also=(HTTPStatus.NOT_FOUND,))
            page = read(LogPage, answer.document) if answer.is_success else None
            yield page
            token = page.continuation_token if page else None

    def cancel(self, flow: str, run_id: str) -> SeenRun:
        """See `OutsideRuntime.cancel`.

        Airflow fails the run and what is running of it, and skips the rest. A run that ends by itself in the moment
        between our look and that change counts as failed there.
        """
        run = self._run(flow, run_id).seen()
        if run.status.is_final:
            raise JobFinal(f"{run_id} of {flow} has ended already: {run.status}")
        answer = self._exchange.ask(
            "PATCH",
            ("dags", flow, "dagRuns", run_id),
            parameters=(("update_mask", "state"),),
            body={"state": "failed"},
            also=(HTTPStatus.NOT_FOUND,),
        )
        self._check_run(answer, flow, run_id)
        return replace(read(DagRun, answer.document).seen(), steps=self._steps(flow, run_id))

    def _check_ready(self, flow: str) -> None:
        """Returns where a run of the flow would begin."""
        answer = self._exchange.ask("GET", ("dags", flow), also=(HTTPStatus.NOT_FOUND,))
        if not answer.is_success:
            raise _missing(flow)
        dag = read(Dag, answer.document)
        if dag.has_import_errors:
            hint = "`airflow dags list-import-errors` tells why; compile the flow again where its file is an old one."
            raise FlowMissing(f"Airflow cannot read the file of {flow}", hint=hint, flow=flow)
        if dag.is_paused:
            hint = f"Let it go on there: `airflow dags unpause {flow}`, or its switch on Airflow's pages."
            raise FlowPaused(f"{flow} is paused in Airflow: no run of it would begin", hint=hint, flow=flow)

    def _found(self, flow: str, run_id: str) -> DagRun | None:
        answer = self._exchange.ask("GET", ("dags", flow, "dagRuns", run_id), also=(HTTPStatus.NOT_FOUND,))
        return read(DagRun, answer.document) if answer.is_success else None

    def _run(self, flow: str, run_id: str) -> DagRun:
        found = self._found(flow, run_id)
        if found is None:
            raise _unknown(flow, run_id)
        return found

    def _steps(self, flow: str, run_id: str) -> tuple[StepState, ...]:
        """Every task of a run, page by page."""
        path = ("dags", flow, "dagRuns", run_id, "taskInstances")
        steps: list[StepState] = []
        while len(steps) < MOST_STEPS:
            parameters = (("limit", PAGE), ("offset", len(steps)), ("order_by", "id"))
            answer = self._exchange.ask("GET", path, parameters=parameters, also=(HTTPStatus.NOT_FOUND,))
            self._check_run(answer, flow, run_id)
            page = read(TaskInstances, answer.document)
            steps += [task.state_of_step() for task in page.task_instances]
            if not page.task_instances or len(steps) >= (page.total_entries or 0):
                break
        return tuple(steps)

    def _check_run(self, answer: Answer, flow: str, run_id: str) -> None:
        if not answer.is_success:
            raise _unknown(flow, run_id)


def _about(interval: Interval) -> dict[str, object]:
    """What Airflow is told of the time that a run is about."""
    if interval.start == interval.end:
        return {"logical_date": None, "run_after": interval.end.isoformat()}
    start, end = interval.start.isoformat(), interval.end.isoformat()
    return {"logical_date": start, "data_interval_start": start, "data_interval_end": end}


def _missing(flow: str) -> FlowMissing:
    return FlowMissing(f"Airflow has no DAG {flow!r}", flow=flow)


def _unknown(flow: str, run_id: str) -> UnknownName:
    return UnknownName(f"Airflow has no run {run_id} of {flow}", hint="It may have been deleted there.", name=run_id)
