"""Adapters are found by kind; what is not there is told by name, with what would bring it."""

from __future__ import annotations

import pytest

from lockgate.adapters import registry
from lockgate.adapters.registry import SOURCES, WAREHOUSES, adapter, dbt_executor, is_installed, require
from lockgate.errors import CapabilityMissing, ExtraMissing, UnknownName


@pytest.mark.parametrize("table", [WAREHOUSES, SOURCES])
def test_every_kind_has_a_factory(table):
    assert all(callable(adapter(table, kind)) for kind in table)


def test_an_unknown_kind_is_told_with_the_nearest():
    with pytest.raises(UnknownName, match="there is no kind 'postgre'; did you mean 'postgres'"):
        adapter(WAREHOUSES, "postgre")


@pytest.mark.parametrize(
    ("table", "kind", "extra", "package"),
    [
        (WAREHOUSES, "postgres", "postgres", "psycopg"),
        (WAREHOUSES, "postgres", "postgres", "adbc_driver_postgresql"),
        (SOURCES, "postgres", "postgres", "psycopg"),
        (WAREHOUSES, "bigquery", "bigquery", "google.cloud.bigquery"),
        (WAREHOUSES, "spark", "spark", "pyspark"),
        (WAREHOUSES, "spark", "spark", "dbt.adapters.spark"),
        (SOURCES, "dlt", "dlt", "dlt"),
    ],
)
def test_a_kind_whose_vendor_is_missing_names_the_extra(monkeypatch, table, kind, extra, package):
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == package else name)

    with pytest.raises(ExtraMissing) as caught:
        adapter(table, kind)

    assert caught.value.message == f"the kind {kind!r} needs the extra {extra!r}, which is not installed"
    assert caught.value.remedy == f"pip install 'lockgate[{extra}]'"


def test_dbt_is_missing_where_not_even_its_namespace_is_there(monkeypatch):
    def find(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(registry, "find_spec", find)

    with pytest.raises(ExtraMissing, match="an implementation by dbt needs the extra 'dbt'"):
        require("dbt", "an implementation by dbt")


def test_what_needs_no_extra_needs_none(monkeypatch):
    monkeypatch.setattr(registry, "find_spec", lambda name: None)

    assert callable(adapter(WAREHOUSES, "duckdb"))
    assert not is_installed("postgres")


@pytest.mark.parametrize("mode", ["local", "docker", "kubernetes", "cloud"])
def test_dbt_runs_in_a_mode(mode):
    assert callable(dbt_executor(mode))


def test_a_mode_that_nothing_runs_is_a_capability_that_is_missing():
    with pytest.raises(CapabilityMissing, match="nothing here runs dbt by the executor 'spark'"):
        dbt_executor("spark")
