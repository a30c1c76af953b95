"""The generated pages of the reference are those the code generates now, and every page the code names is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from lockgate.testing.comparisons import CELLS


def test_the_committed_reference_is_current(root):
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=root, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_page_that_a_message_names_is_there(root):
    sources = [path for room in ("packages", "solutions") for path in (root / room).glob("*/src/**/*.py")]

    named = {page for path in sources for page in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8"))}

    assert sorted(page for page in named if not (root / page).exists()) == []


def test_every_cell_of_the_truth_matrix_was_put_to_the_peers(root):
    measured = json.loads((root / "benchmarks/baselines/truth_matrix.json").read_text(encoding="utf-8"))

    assert list(measured["cells"]) == [cell.name for cell in CELLS]
