"""Which adapter answers for a kind, found late: a table of names, and one function that follows them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from lockgate.core.nearness import nearest
from lockgate.errors import CapabilityMissing, ExtraMissing, UnknownName

WAREHOUSES = {
    "bigquery": "lockgate.adapters.warehouses.bigquery:open_bigquery",
    "duckdb": "lockgate.adapters.warehouses.duckdb:open_duckdb",
    "postgres": "lockgate.adapters.warehouses.postgres:open_postgres",
    "spark": "lockgate.adapters.warehouses.spark:open_spark",
}
SOURCES = {
    "csv": "lockgate.adapters.sources.files:open_csv",
    "dlt": "lockgate.adapters.sources.dlt:open_dlt",
    "http": "lockgate.adapters.sources.http:open_http",
    "ndjson": "lockgate.adapters.sources.files:open_ndjson",
    "parquet": "lockgate.adapters.sources.files:open_parquet",
    "postgres": "lockgate.adapters.sources.postgres:open_postgres",
}
# What takes the values of rows out of a database's words, by the target's kind.
WITHOUT_VALUES = {
    "bigquery": "lockgate.adapters.warehouses.bigquery.failures:without_values",
    "duckdb": "lockgate.adapters.warehouses.duckdb.failures:without_values",
    "postgres": "lockgate.adapters.warehouses.postgres.failures:without_values",
    "spark": "lockgate.adapters.warehouses.spark.failures:without_values",
}
NOTIFIERS = {
    "email": "lockgate.adapters.alerts.email:open_email",
    "pagerduty": "lockgate.adapters.alerts.pagerduty:open_pagerduty",
    "slack": "lockgate.adapters.alerts.slack:open_slack",
    "webhook": "lockgate.adapters.alerts.webhook:open_webhook",
}
RUNTIMES = {
    "airflow": "lockgate.adapters.runtimes.airflow:open_airflow",
}
EXECUTORS = {
    "cloud": "lockgate.adapters.dbt.remote.cloud:open_cloud",
    "docker": "lockgate.adapters.dbt.remote.docker:open_docker",
    "kubernetes": "lockgate.adapters.dbt.remote.kubernetes:open_kubernetes",
    "local": "lockgate.adapters.dbt:open_local",
}
# The packages that each extra brings, and the kinds that need one.
EXTRAS = {
    "bigquery": ("google.cloud.bigquery", "google.oauth2", "google.api_core"),
    "dbt": ("dbt.cli",),
    "dlt": ("dlt",),
    "docker": ("docker",),
    "kubernetes": ("kubernetes",),
    "openlineage": ("openlineage.client",),
    "postgres": ("psycopg", "adbc_driver_manager", "adbc_driver_postgresql"),
    "server": ("dbos", "fastapi", "prometheus_client", "uvicorn"),
    "spark": ("pyspark", "dbt.adapters.spark"),
}
NEEDS = {name: name for name in ("bigquery", "dlt", "docker", "kubernetes", "postgres", "spark")}


def adapter(table: dict[str, str], kind: str) -> Any:
    """The factory that `table` names for `kind`.

    Raises:
        UnknownName: the table has no such kind.
        ExtraMissing: the adapter's vendor is not installed.
    """
    if kind not in table:
        near = nearest(kind, table)
        suggestion = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(table)}"
        raise UnknownName(f"there is no kind {kind!r}{suggestion}", kind=kind)
    if kind in NEEDS:
        require(NEEDS[kind], f"the kind {kind!r}")
    module, attribute = table[kind].split(":")
    return getattr(import_module(module), attribute)


def dbt_executor(mode: str) -> Any:
    """The factory of what runs dbt in a mode; it takes a folder for what runs leave, the declaration, and secrets.

    Raises:
        CapabilityMissing: nothing runs dbt in that mode.
    """
    if mode not in EXECUTORS:
        hint = f"Write one of these: {', '.join(EXECUTORS)}."
        raise CapabilityMissing(f"nothing here runs dbt by the executor {mode!r}", hint=hint, executor=mode)
    return adapter(EXECUTORS, mode)


def is_installed(extra: str) -> bool:
    """Whether everything that an extra brings is there."""
    return all(_is_there(package) for package in EXTRAS[extra])


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # the package that it would stand in is missing
        return False


def require(extra: str, what: str) -> None:
    """Returns where an extra is installed, which `what` needs.

    Raises:
        ExtraMissing: it is not.
    """
    if not is_installed(extra):
        hint = f"pip install 'lockgate[{extra}]'"
        raise ExtraMissing(f"{what} needs the extra {extra!r}, which is not installed", hint=hint, extra=extra)
