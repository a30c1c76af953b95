"""The compose file beside the DAGs, as far as it can be held against what it names without a container engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parent.parent / "orchestration" / "airflow"
ROOT = FOLDER.parents[3]


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((FOLDER / "compose.yml").read_text(encoding="utf-8"))


def test_every_part_of_airflow_runs(compose):
    commands = {name: service.get("command") for name, service in compose["services"].items()}

    assert {"api-server", "scheduler", "dag-processor", "triggerer"} <= set(commands.values())
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
    assert all(secret["file"].startswith("secrets/") for secret in compose["secrets"].values())
    assert "solutions/inventory/orchestration/airflow/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8")


def test_it_is_reached_from_this_machine_alone(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]

    assert ports == ["127.0.0.1:8080:8080"]


def test_the_image_is_made_of_files_that_are_there(compose):
    build = compose["x-airflow"]["build"]
    context = (FOLDER / build["context"]).resolve()
    text = (context / build["dockerfile"]).read_text(encoding="utf-8")

    assert context == ROOT
    named = re.findall(r"/opt/lockgate/((?:locks|packages|solutions)/[\w./-]+)", text)
    assert named == ["locks/setup.txt", "locks/runtime.txt", "packages/lockgate", "solutions/inventory"]
    assert all((ROOT / name).exists() for name in named)
