"""The locks pin everything by hash, hold no address, and nest; no machine's path stands in the tree."""

from __future__ import annotations

import itertools
import re
import subprocess
import tomllib

import pytest

LOCKS = ["setup", "runtime", "spark", "dev", "bench"]
APART = "airflow"  # an environment of its own, whose lock holds none of the others


def pins(text: str) -> dict[str, str]:
    """Name and version of each requirement."""
    return dict(re.findall(r"^([a-z0-9][a-z0-9-]*)(?:\[[^]]*\])?==([^ ;\\]+)", text, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def locks(root):
    return {name: (root / "locks" / f"{name}.txt").read_text(encoding="utf-8") for name in [*LOCKS, APART]}


@pytest.mark.parametrize("name", [*LOCKS, APART])
def test_every_requirement_is_pinned_and_hashed(locks, name):
    requirements = [line for line in locks[name].replace("\\\n", " ").splitlines() if not line.startswith("#")]

    loose = [line.split()[0] for line in requirements if not re.search(r"==.*--hash=sha256:[0-9a-f]{64}", line)]

    assert requirements
    assert loose == []


@pytest.mark.parametrize("name", [*LOCKS, APART])
def test_a_lock_holds_no_address_and_no_path(locks, name):
    assert (
        re.findall(r"\S*://\S*|^\s*(?:-e|--index|--find|--extra)\S*|\S* @ \S*", locks[name], flags=re.MULTILINE) == []
    )


@pytest.mark.parametrize(("inner", "outer"), list(itertools.pairwise(LOCKS)))
def test_each_lock_holds_the_one_inside_it(locks, inner, outer):
    assert pins(locks[inner]).items() <= pins(locks[outer]).items()


def test_every_declared_dependency_is_locked(locks, root):
    declared = set()
    for manifest in [*root.glob("packages/*/pyproject.toml"), *root.glob("solutions/*/pyproject.toml")]:
        project = tomllib.loads(manifest.read_text(encoding="utf-8"))["project"]
        extras = project.get("optional-dependencies", {}).values()
        declared |= {_name(text) for texts in [project["dependencies"], *extras] for text in texts}
    groups = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    apart = {_name(text) for text in groups.pop(APART)}
    declared |= {_name(text) for texts in groups.values() for text in texts}

    assert declared - {"lockgate"} - set(pins(locks["bench"])) == set()
    assert apart - set(pins(locks[APART])) == set()


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def test_no_machine_path_or_registry_stands_in_a_tracked_file(root):
    pattern = r"(^|[^A-Za-z0-9_.])/(work|root|home/[a-z]+|tmp/boot)/|files\.pythonhosted|registry\.npmjs|deb\.debian"

    found = subprocess.run(
        ["git", "grep", "-nIE", pattern, "--", ".", ":!tests/architecture/test_locks.py"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.stderr == ""
    assert found.stdout.splitlines() == []
