"""A profile names one workshop, and every text in it reaches dbt as it is."""

from __future__ import annotations

import json
import stat

import pytest

from lockgate.adapters.dbt.profile import UNKNOWN_SECRET, database_of, output_for_parsing, output_of, write_profile
from lockgate.core.execution import WorkshopAccess
from lockgate.errors import CapabilityMissing

POSTGRES = WorkshopAccess(
    "postgres",
    "w",
    {"host": "db", "port": 5432, "user": "u", "dbname": "d", "schema": "w", "sslmode": "require", "options": "-c x=1"},
    {"password": "{{ 1 }}"},
)


def test_postgres_gets_where_who_and_how_safely_and_nothing_else():
    assert output_of(POSTGRES, threads=3) == {
        "type": "postgres",
        "schema": "w",
        "threads": 3,
        "host": "db",
        "port": 5432,
        "user": "u",
        "dbname": "d",
        "sslmode": "require",
        "password": "{{ 1 }}",
    }


def test_duckdb_gets_its_file_and_its_setup():
    access = WorkshopAccess("duckdb", "w", {"path": "/a/shop.duckdb", "setup": ("SET threads = 1",)})

    output = output_of(access, threads=2)

    assert (output["path"], database_of(access)) == ("/a/shop.duckdb", "shop")
    assert output["plugins"] == [
        {"module": "lockgate.adapters.dbt.duckdb_setup", "config": {"setup": ["SET threads = 1"]}}
    ]


def test_spark_gets_a_session_or_the_thrift_server_that_is_named():
    session = WorkshopAccess("spark", "w", {"folder": "/a", "master": "local[*]", "conf": {}})
    named = {"method": "thrift", "host": "spark.example", "port": 10000, "user": "etl", "folder": "/a"}
    thrift = WorkshopAccess("spark", "w", named, {"password": "p"})
    common = {"type": "spark", "schema": "w", "threads": 2}

    assert output_of(session, threads=2) == common | {"method": "session", "host": "NA"}
    assert output_of(thrift, threads=2) == common | {
        "method": "thrift",
        "host": "spark.example",
        "port": 10000,
        "user": "etl",
        "password": "p",
    }
    assert [database_of(access) for access in (session, thrift)] == ["w", "w"]


def test_a_kind_without_an_adapter_is_refused():
    with pytest.raises(CapabilityMissing, match="'bigquery'"):
        output_of(WorkshopAccess("bigquery", "w", {}), threads=1)


def test_parsing_knows_no_secret():
    assert output_for_parsing(POSTGRES)["password"] == UNKNOWN_SECRET


def test_a_profile_is_its_owners_and_is_not_rendered(tmp_path):
    write_profile(tmp_path, output_of(POSTGRES, threads=1))

    path = tmp_path / "profiles.yml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = json.loads(path.read_text(encoding="utf-8"))["lockgate"]
    assert written["target"] == "postgres"
    assert written["outputs"]["postgres"]["password"] == "{% raw %}{{ 1 }}{% endraw %}"


def test_a_profile_that_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "profiles.yml").write_text("mine", encoding="utf-8")

    with pytest.raises(FileExistsError):
        write_profile(tmp_path, output_of(POSTGRES, threads=1))

    assert (tmp_path / "profiles.yml").read_text(encoding="utf-8") == "mine"


def test_a_kind_that_dbt_does_not_build_in_is_told_with_a_way_out():
    with pytest.raises(CapabilityMissing, match="dbt does not build in a target of kind 'bigquery' yet") as refused:
        output_of(WorkshopAccess("bigquery", "w", {}), threads=1)

    assert "as rules" in refused.value.remedy
