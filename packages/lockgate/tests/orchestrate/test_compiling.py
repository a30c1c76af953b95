"""The text that flows are compiled to is the committed one, formatted, and the same wherever it is made."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.core.flow import Runtime
from lockgate.errors import UnknownName
from lockgate.orchestrate import compiled

GOLDEN = Path(__file__).parent / "compiled"
RUNTIMES = ["airflow", "dagster", "luigi"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_text_is_the_committed_one(texts, runtime):
    committed = {path.name: path.read_text(encoding="utf-8") for path in (GOLDEN / runtime).iterdir() if path.is_file()}

    assert texts(runtime) == committed


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_formatter_leaves_the_text(written, runtime):
    options = ["--isolated", "--no-cache", "--line-length=120"]
    formatted = [sys.executable, "-m", "ruff", "format", *options, "--diff", str(written(runtime))]
    lint = [sys.executable, "-m", "ruff", "check", *options, "--select=B,E,F,I,UP,W", str(written(runtime))]

    for command in (formatted, lint):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_nothing_of_ours_is_imported(texts, runtime):
    for text in texts(runtime).values():
        assert "import lockgate" not in text
        assert "from lockgate" not in text


def test_airflow_finds_a_dag_in_every_file(texts):
    files = [text.lower() for name, text in texts("airflow").items() if name.endswith(".py")]

    assert all("airflow" in text and "dag" in text for text in files)


def test_one_flow_alone_comes_with_what_all_share(texts):
    assert list(texts("luigi", "by_hand")) == ["by_hand.py", "luigi.cfg"]
    assert texts("luigi", "by_hand")["luigi.cfg"] == texts("luigi")["luigi.cfg"]


def test_outside_its_project_a_file_asks_for_the_place(project, tmp_path):
    text = compiled(project, Runtime.AIRFLOW, tmp_path / "elsewhere")["nightly.py"]

    assert 'PROJECT = Path(os.environ["LOCKGATE_PROJECT"])\n' in text


@pytest.mark.parametrize("name", ["json", "luigi"])
def test_a_module_hides_no_other(project, name):
    flow = replace(project.flows["by_hand"], name=name)

    found = compiled(replace(project, flows={name: flow}), Runtime.LUIGI, project.folder)

    assert list(found) == [f"{name}_flow.py", "luigi.cfg"]
    assert f"class {name.title()}(luigi.WrapperTask)" in found[f"{name}_flow.py"]


def test_a_project_without_flows_has_no_files(project):
    assert compiled(replace(project, flows={}), Runtime.DAGSTER, project.folder) == {}


def test_catching_up_needs_a_first_day_on_airflow(project):
    schedule = replace(project.flows["nightly"].schedule, start=None)
    flow = replace(project.flows["nightly"], schedule=schedule)

    text = compiled(replace(project, flows={"nightly": flow}), Runtime.AIRFLOW, project.folder)["nightly.py"]

    assert "start_date=pendulum.datetime(2020, 1, 1, tz=TIMEZONE),\n    catchup=False,\n" in text


def test_a_flow_that_is_not_there_is_told(texts):
    with pytest.raises(UnknownName, match="there is no flow 'nigtly'; the project declares nightly, by_hand") as caught:
        texts("airflow", "nigtly")

    assert caught.value.remedy == "Did you mean 'nightly'?"


def test_nothing_is_compiled_for_the_embedded_runtime(texts):
    with pytest.raises(UnknownName, match="flows are not compiled for durable"):
        texts("durable")
