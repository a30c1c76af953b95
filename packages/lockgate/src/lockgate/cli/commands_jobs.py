"""`jobs` and `dbt`: durable requests as they stand; the live switch, and dbt run by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.auditing import changing, me
from lockgate.cli.exits import Exit, exit_of
from lockgate.cli.invocation import Invocation, opened
from lockgate.cli.output import print_error, print_json, print_table, standard_error, standard_output
from lockgate.core.job import Job, JobStatus
from lockgate.govern.changes import switching

if TYPE_CHECKING:
    from lockgate.app.service import Service

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
JobId = Annotated[str, typer.Argument(help="The job's id.")]
EntityName = Annotated[str | None, typer.Argument(metavar="ENTITY", help="The entity; without one, all of them.")]


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.add_typer(jobs, name="jobs")
    application.add_typer(dbt, name="dbt")


@contextmanager
def served(context: typer.Context) -> Iterator[Service]:
    """The project's `Service`, which executes nothing here; closed again at the end."""
    from lockgate.app.service import Service

    invocation: Invocation = context.obj
    with Service.open(invocation.project, target=invocation.target) as service:
        yield service


jobs = typer.Typer(help="Requests to transform an entity, as `lockgate serve` keeps them.", no_args_is_help=True)


@jobs.command("list")
def list_jobs(
    context: typer.Context,
    entity: Annotated[str | None, typer.Option(help="Only jobs of this entity.")] = None,
    status: Annotated[JobStatus | None, typer.Option(help="Only jobs that stand so.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> int:
    """The newest jobs first."""
    with served(context) as service:
        found = service.jobs(entity=entity, status=status, limit=limit)
    if as_json:
        print_json(found)
        return Exit.FINE
    headings = ("job", "entity", "status", "answered by", "rows", "attempts", "submitted (UTC)")
    print_table("", headings, [_row(job) for job in found])
    return Exit.FINE


def _row(job: Job) -> tuple[object, ...]:
    execution = job.result.execution if job.result else None
    implementation, rows = (execution.implementation, execution.rows) if execution else (None, None)
    return job.job_id, job.request.entity, job.status, implementation, rows, job.attempts, job.submitted_at


@jobs.command("show")
def show_job(context: typer.Context, job: JobId, as_json: Json = False) -> int:
    """One job: what was asked for, what came of it, or why not."""
    with served(context) as service:
        found = service.job(job)
    if as_json:
        print_json(found)
        return _code(found)
    print_table("", ("job", "entity", "status", "answered by", "rows", "attempts", "submitted (UTC)"), [_row(found)])
    if found.result is not None:
        nodes = [(node.node, node.status, node.rows, node.seconds) for node in found.result.execution.nodes]
        if nodes:
            print_table("", ("node", "status", "rows", "seconds"), nodes)
        if found.result.fallen_back is not None:
            standard_error().print(f"fallen back: {found.result.fallen_back.message}", markup=False, soft_wrap=True)
    if found.failure is not None:
        said = f"{found.failure.code} {found.failure.message}"
        standard_error().print(said, markup=False, soft_wrap=True)
    return _code(found)


def _code(job: Job) -> Exit:
    """A job that failed is an answer, as a failed gate is."""
    return Exit.DATA_SAID_NO if job.status is JobStatus.FAILED else Exit.FINE


@jobs.command("cancel")
def cancel_job(context: typer.Context, job: JobId, as_json: Json = False) -> int:
    """Take a job back; the execution it waits for goes on where others wait for it too."""
    with served(context) as service, changing(service.access, "job.cancel", job):
        found = service.cancel(job)
    _tell(found, as_json=as_json)
    return Exit.FINE


@jobs.command("retry")
def retry_job(context: typer.Context, job: JobId, as_json: Json = False) -> int:
    """Let a job that failed or was cancelled wait again; `lockgate serve` executes it."""
    with served(context) as service, changing(service.access, "job.retry", job):
        found = service.retry(job)
    _tell(found, as_json=as_json)
    return Exit.FINE


def _tell(job: Job, *, as_json: bool) -> None:
    if as_json:
        print_json(job)
    else:
        standard_output().print(f"job {job.job_id}: {job.status}", soft_wrap=True)


dbt = typer.Typer(help="Whether dbt may answer, in force at once in every process; and dbt run by itself.")


@dbt.command("build")
def build(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(help="The entity.")],
    select: Annotated[
        list[str] | None, typer.Option(help="Only these models, as dbt selects them; repeat for more. Else +MODEL.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="The implementation, where dbt has several.")] = None,
    full_refresh: Annotated[bool, typer.Option(help="Rebuild incremental models.")] = False,
    variables: Annotated[str, typer.Option("--vars", help="Variables for dbt, as a JSON object.")] = "{}",
    wait: Annotated[float, typer.Option(help="Seconds to wait for another run on the same target.", min=0)] = 60.0,
    as_json: Json = False,
) -> int:
    """Run dbt's models and tests for an entity on what has landed, and publish nothing: `--select stg_users` stages."""
    from lockgate.cli.commands_run import parsed_variables
    from lockgate.cli.progress import Progress
    from lockgate.core.run import DbtRequest

    request = DbtRequest(entity, tuple(select or ()), engine, parsed_variables(variables), full_refresh)
    with opened(context) as app, changing(app.access, "dbt.build", entity, select=", ".join(request.select)) as change:
        result, error = app.implementations.build_by_dbt(request, Progress(), wait_seconds=wait)
        change.went([error] if error else [])
    if as_json:
        print_json(result)
    else:
        rows = [(node.node, node.status, node.rows, node.failures, node.seconds) for node in result.nodes]
        print_table("", ("node", "status", "rows", "failures", "seconds"), rows)
    if error:
        print_error(error)
    return exit_of((error,) if error else ())


@dbt.command("enable")
def enable(context: typer.Context, entity: EntityName = None, as_json: Json = False) -> int:
    """Let dbt answer again, as routed."""
    return _switched(context, entity, enabled=True, as_json=as_json)


@dbt.command("disable")
def disable(context: typer.Context, entity: EntityName = None, as_json: Json = False) -> int:
    """Send every request to the rule engine, and let the served views show what rules published."""
    return _switched(context, entity, enabled=False, as_json=as_json)


def _switched(context: typer.Context, entity: str | None, *, enabled: bool, as_json: bool) -> int:
    with served(context) as service:
        with changing(service.access, switching(entity, enabled=enabled)):
            switch = service.set_dbt_enabled(entity, enabled=enabled, by=me())
        states = service.entities()
    if as_json:
        print_json({"switch": switch, "entities": states})
        return Exit.FINE
    rows = [
        (state.name, "on" if state.is_dbt_enabled else "off", state.answers, state.routed_by)
        for state in states
        if entity in {None, state.name}
    ]
    print_table("", ("entity", "dbt", "answered by", "because of the"), rows)
    for state in states:
        if state.warning and entity in {None, state.name}:
            standard_output().print(f"warning: {state.warning}", soft_wrap=True)
    return Exit.FINE
