"""The text that flows are compiled to is the committed one, formatted, and the same wherever it is made."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.config import load_project
from lockgate.core.flow import Runtime
from lockgate.errors import UnknownName
from lockgate.orchestrate import compiled, write

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


def name_of(what: str, number: int = 0) -> str:
    """A name as long as names may be."""
    return f"{what}_{number}_".ljust(39, "x") + "z"


@pytest.fixture
def long(tmp_path):
    """A project in which every name is as long as it may be, and a step needs forty others."""
    many = [{"name": f"s{number}", "shell": "true", "needs": []} for number in range(40)]
    wide = [{"name": name_of("step", number), "shell": "true", "needs": [], "retries": 1} for number in range(2)]
    every = [step["name"] for step in (*many, *wide)]
    steps = [
        {"name": name_of("load"), "load": name_of("source"), "pool": name_of("pool"), "priority": -1000, "needs": []},
        {"name": name_of("build"), "execute": name_of("entity"), "timeout": "5h"},
        {"name": name_of("show"), "publish": name_of("entity")},
        *many,
        *wide,
        {"name": "zz", "shell": "echo {date} {start}", "needs": every},
        {"name": name_of("zz"), "shell": "echo {date} {end}", "needs": every},
    ]
    schedule = {
        "schedule": ",".join(map(str, range(60))) + " 5 * * *",
        "timezone": "America/Argentina/ComodRivadavia",
        "calendar": name_of("calendar"),
        "start": "2026-01-05",
        "sla": "90m",
        "description": "words " * 40,
    }
    declared = {
        "project": "long",
        "sources": {name_of("source"): {"kind": "csv", "streams": {name_of("stream"): {"path": "orders.csv"}}}},
        "entities": {
            name_of("entity"): {
                "key": ["id"], "contract": {"id": "text"}, "implementations": {"rules": {"rules": "orders.yml"}}
            }
        },
        "pools": {name_of("pool"): 1},
        "calendars": {name_of("calendar"): {"weekdays": ["mon"], "skip": ["2026-12-25"]}},
        "flows": {name_of("flow"): {"steps": steps, **schedule}, name_of("flow", 1): {"steps": steps}},
    }  # fmt: skip
    (tmp_path / "lockgate.yml").write_text(json.dumps(declared), encoding="utf-8")
    rules = f"entity: {name_of('entity')}\nfrom: {name_of('source')}.{name_of('stream')}\noutput: [id]\n"
    (tmp_path / "orders.yml").write_text(rules, encoding="utf-8")
    return load_project(tmp_path)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_formatter_leaves_the_text_of_the_longest_names(long, tmp_path, runtime):
    folder = tmp_path / runtime
    write(folder, compiled(long, Runtime(runtime), folder), is_whole=True)

    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--line-length=120", "--diff"]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)

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


@pytest.mark.parametrize(
    ("cron", "first"),
    [("0 5 * * *", "2026, 1, 4, 5, 0"), ("30 */6 * * *", "2026, 1, 4, 18, 30"), ("0 0 1 * *", "2026, 1, 1, 0, 0")],
)
def test_a_first_day_is_that_of_the_first_run_on_airflow(project, cron, first):
    schedule = replace(project.flows["nightly"].schedule, cron=cron)
    flow = replace(project.flows["nightly"], schedule=schedule)

    text = compiled(replace(project, flows={"nightly": flow}), Runtime.AIRFLOW, project.folder)["nightly.py"]

    assert f"    start_date=pendulum.datetime({first}, tz=TIMEZONE),\n    catchup=True,\n" in text


def test_a_flow_that_is_not_there_is_told(texts):
    with pytest.raises(UnknownName, match="there is no flow 'nigtly'; the project declares nightly, by_hand") as caught:
        texts("airflow", "nigtly")

    assert caught.value.remedy == "Did you mean 'nightly'?"


def test_nothing_is_compiled_for_the_embedded_runtime(texts):
    with pytest.raises(UnknownName, match="flows are not compiled for durable"):
        texts("durable")
