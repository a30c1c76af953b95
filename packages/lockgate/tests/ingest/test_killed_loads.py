"""A load that is killed anywhere ends, run again, as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("killed_load.py")


def results(folder: Path, cursor: str, share: int) -> tuple[int, dict[int, dict]]:
    """How many steps the load takes, and what the target holds after a death at every `share`-th of them (0: none)."""
    command = [sys.executable, str(DRIVER), str(folder), cursor, str(share)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return found["steps"], {int(step): held for step, held in found["results"].items()}


def judged(folder: Path, cursor: str, share: int) -> None:
    steps, found = results(folder, cursor, share)
    whole = found.pop(0)

    assert steps > 60
    assert len(found) == -(-steps // share)
    assert {step: held for step, held in found.items() if held != whole} == {}
    return whole


@pytest.mark.slow
@pytest.mark.parametrize("cursor", ["", "at"])
def test_a_killed_load_ends_the_same(tmp_path, cursor):
    judged(tmp_path, cursor, 23)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("cursor", ["", "at"])
def test_a_load_killed_at_every_step_ends_the_same(tmp_path, cursor):
    judged(tmp_path, cursor, 1)


@pytest.mark.slow
def test_the_fault_free_load_holds_what_the_files_say(tmp_path):
    _, found = results(tmp_path, "", 1000)

    rows = [(row[1], dict(row[2])) for row in found[0]["rows"]]
    assert rows == [
        (1, {"at": "2024-01-01T00:00:00Z", "id": 1, "n": 1.0, "new": None}),
        (2, {"at": "2024-01-02T00:00:00Z", "id": 2, "n": None, "new": None}),
        (3, {"at": "2024-01-03T00:00:00Z", "id": 3, "n": 1.5, "new": None}),
        (5, {"at": "2024-01-05T00:00:00Z", "id": 5, "n": 2.0, "new": "ü"}),
    ]
    assert found[0]["rejects"] == [[4, "id", '{"id": "x", "at": "2024-01-04T00:00:00Z"}']]
    assert found[0]["landed"] == [["replace", 4, 1, None]]
    assert found[0]["ledger"] == [1, 0, []]
