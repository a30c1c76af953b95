"""The generated pages of the reference are those the code generates now."""

from __future__ import annotations

import subprocess
import sys


def test_the_committed_reference_is_current(root):
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=root, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
