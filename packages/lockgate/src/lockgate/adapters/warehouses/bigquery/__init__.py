"""BigQuery as a target: datasets of one project, reached by Google's own client."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.adapters.warehouses.bigquery.warehouse import BigQueryWarehouse
    from lockgate.core.ports import Clock

__all__ = ["open_bigquery"]


def open_bigquery(  # noqa: PLR0913  the keys of a target
    name: str,
    *,
    clock: Clock,
    project: str,
    location: str,
    credentials: str | None = None,
    datasets_prefix: str = "",
    maximum_bytes_billed: int | None = None,
    job_timeout: timedelta = timedelta(minutes=30),
    lease: timedelta = timedelta(seconds=60),
    api_endpoint: str | None = None,
) -> BigQueryWarehouse:
    """The target in a project; nothing is asked before a statement needs it.

    `credentials` is the text of a service account's key document, else the machine's own are used.

    Raises:
        AccessRefused: the document is no service account's key.
    """
    from lockgate.adapters.warehouses.bigquery.jobs import Jobs, Limits
    from lockgate.adapters.warehouses.bigquery.names import Names
    from lockgate.adapters.warehouses.bigquery.session import Session
    from lockgate.adapters.warehouses.bigquery.warehouse import BigQueryWarehouse

    session = Session(project, location, credentials, api_endpoint)
    limits = Limits(maximum_bytes_billed, job_timeout.total_seconds())
    jobs = Jobs(session, Names(project, datasets_prefix), limits)
    return BigQueryWarehouse(name, jobs, clock, lease_seconds=lease.total_seconds())
