"""The workflows parse, cover what the platform promises, pin their actions, and run only what `make` and `.ci` know."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
import yaml

PROMISED = {"check", "test", "static-analysis", "dependency-audit", "secret-scan", "nightly-soak"}


@pytest.fixture(scope="module")
def workflows(root):
    return {path.stem: path.read_text(encoding="utf-8") for path in (root / ".github/workflows").glob("*.yml")}


@pytest.fixture(scope="module")
def targets(root):
    return set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def steps(text):
    return [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]


def test_every_promised_workflow_is_there(workflows):
    assert set(workflows) == PROMISED


def test_every_job_gives_up_in_time_and_may_only_read_unless_it_says_so(workflows):
    unbounded = [
        name
        for name, text in workflows.items()
        for job in yaml.safe_load(text)["jobs"].values()
        if "timeout-minutes" not in job
    ]

    assert unbounded == []
    assert [
        name for name, text in workflows.items() if yaml.safe_load(text)["permissions"].get("contents") != "read"
    ] == []


def test_every_action_is_pinned_to_a_major_version(workflows):
    actions = [step["uses"] for text in workflows.values() for step in steps(text) if "uses" in step]

    assert [action for action in actions if not re.fullmatch(r"[\w./-]+@v\d+", action)] == []


def test_every_make_target_that_a_workflow_calls_exists(workflows, targets):
    commands = [step["run"] for text in workflows.values() for step in steps(text) if "run" in step]
    called = {found[1] for command in commands if (found := re.match(r"make ([a-z]+)", command))}

    assert called >= {"check", "soak", "demo"}
    assert called - targets == set()


def test_continuous_integration_runs_the_command_the_readme_names(root, targets):
    script = (root / ".ci/run").read_text(encoding="utf-8")
    readme = (root / "README.md").read_text(encoding="utf-8")

    assert os.access(root / ".ci/run", os.X_OK)
    assert "make test 2>&1" in script
    assert "`make test`" in readme
    assert "test" in targets


@pytest.mark.parametrize(
    ("recipe", "exit_code", "last_line"),
    [
        ("@echo '===== 3 passed in 0.10s ====='", 0, "===== 3 passed in 0.10s ====="),
        ("@echo '===== 1 failed, 2 passed in 0.10s ====='; exit 1", 2, "===== 1 failed, 2 passed in 0.10s ====="),
        ("@echo '===== no tests ran in 0.01s ====='", 1, "===== no tests ran in 0.01s ====="),
        ("@echo '===== 3 skipped in 0.01s ====='", 1, "no test ran"),
        ("@echo nothing", 1, "no test ran"),
    ],
)
def test_continuous_integration_fails_when_a_test_failed_or_none_ran(root, tmp_path, recipe, exit_code, last_line):
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/run").write_bytes((root / ".ci/run").read_bytes())
    (tmp_path / "Makefile").write_text(f"test:\n\t{recipe}\n")

    done = subprocess.run(["bash", ".ci/run"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == exit_code
    assert done.stdout.splitlines()[-1] == last_line
