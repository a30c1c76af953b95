"""The wheels build from the tree alone and carry everything that the code reads at run time."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest


@pytest.mark.parametrize("project", ["packages/lockgate", "solutions/inventory"])
def test_the_wheel_holds_every_file_of_the_package(root, tmp_path, project):
    source = root / project / "src"
    expected = {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=root / project, check=True
    )
    (wheel,) = tmp_path.glob("*.whl")

    assert {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name} == expected


def test_the_platform_wheel_names_its_command_and_its_extras(root, tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=root / "packages/lockgate",
        check=True,
    )
    (path,) = tmp_path.glob("*.whl")
    wheel = zipfile.ZipFile(path)

    commands = wheel.read("lockgate-0.1.0.dist-info/entry_points.txt").decode()
    metadata = wheel.read("lockgate-0.1.0.dist-info/METADATA").decode().splitlines()

    assert commands == "[console_scripts]\nlockgate = lockgate.cli:main\n"
    assert {line.partition(": ")[2] for line in metadata if line.startswith("Provides-Extra")} == {
        "bigquery", "dbt", "dlt", "docker", "kubernetes", "openlineage", "postgres", "sandbox", "server", "spark",
        "testing",
    }  # fmt: skip
    assert "License-Expression: Apache-2.0" in metadata
