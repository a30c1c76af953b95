"""The compose file beside the DAGs, as far as it can be held against what it names without a container engine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parent.parent / "orchestration" / "airflow"
ROOT = FOLDER.parents[3]


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((FOLDER / "compose.yml").read_text(encoding="utf-8"))


def test_every_part_of_airflow_runs(compose):
    commands = [service["command"] for service in compose["services"].values() if "command" in service]
    parts = {command.rstrip('"').split()[-1] for command in commands}

    assert {"api-server", "scheduler", "dag-processor", "triggerer"} <= parts
    assert compose["services"]["metadata"]["image"].startswith("postgres:")


@pytest.mark.slow
def test_every_setting_is_one_of_airflow_s(compose):
    (known,) = (ROOT / ".venv-airflow").glob("lib/python*/site-packages/airflow/config_templates/config.yml")
    sections = yaml.safe_load(known.read_text(encoding="utf-8"))
    manager = {"simple_auth_manager_users", "simple_auth_manager_passwords_file"}

    for name in compose["x-airflow"]["environment"]:
        section, option = re.fullmatch(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+)", name).groups()
        option = option.removesuffix("_CMD").lower()
        assert option in {*sections[section.lower()]["options"], *manager}, name
        assert not name.endswith("_CMD") or sections[section.lower()]["options"][option].get("sensitive"), name


def test_no_secret_stands_in_it_and_each_is_a_file(compose):
    named = set(re.findall(r"/run/secrets/(\w+)", (FOLDER / "compose.yml").read_text(encoding="utf-8")))

    assert named == set(compose["secrets"])
    # Not in the project's folder, which every task can read.
    assert all(secret["file"].startswith("${HOME}/.config/") for secret in compose["secrets"].values())


def test_each_part_has_the_secrets_that_it_reads_and_no_task_has_the_passwords(compose):
    services = compose["services"]
    read = {"metadata", "session", "tokens"}

    assert set(services["api-server"]["secrets"]) == {*read, "passwords"}
    assert set(services["scheduler"]["secrets"]) == set(services["dag-processor"]["secrets"]) == read


def test_nothing_that_the_image_needs_is_left_out_of_it():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    names = {pattern.removeprefix("**/") for pattern in ignored}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    needed = [Path(name) for name in tracked if name.startswith(("packages/", "locks/", "solutions/inventory/src"))]

    assert [path for path in needed if names & set(path.parts)] == []


def test_the_source_answers_where_the_tasks_ask(compose):
    project = yaml.safe_load((FOLDER.parents[1] / "lockgate.yml").read_text(encoding="utf-8"))

    assert project["sources"]["discovery"]["url"] == "http://127.0.0.1:5004"
    assert compose["services"]["discovery"]["network_mode"] == "service:scheduler"
    assert compose["x-airflow"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"


def test_it_is_reached_from_this_machine_alone(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]

    assert ports == ["127.0.0.1:8080:8080"]


def test_the_image_is_made_of_files_that_are_there(compose):
    build = compose["x-airflow"]["build"]
    context = (FOLDER / build["context"]).resolve()
    text = (context / build["dockerfile"]).read_text(encoding="utf-8")

    assert context == ROOT
    named = re.findall(r"/opt/lockgate/((?:locks|packages|solutions)/[\w./-]+)", text)
    assert named == ["locks/setup.txt", "locks/spark.txt", "packages/lockgate", "solutions/inventory"]
    assert all((ROOT / name).exists() for name in named)
