"""A program whose time is over ends, whether or not it hears that it is to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import signal, sys, time
from lockgate.adapters.dbt.remote.program import end_after

signal.signal(signal.SIGTERM, {handler})
end_after(0.1, {grace})
try:
    time.sleep(60)
except KeyboardInterrupt:
    sys.exit(3)
"""


@pytest.mark.parametrize(
    ("handler", "grace", "code"), [("signal.default_int_handler", 30.0, 3), ("signal.SIG_IGN", 0.2, 124)]
)
def test_a_program_whose_time_is_over_is_interrupted_then_ended(handler, grace, code) -> None:
    script = SCRIPT.format(handler=handler, grace=grace)

    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=50).returncode == code


def test_a_program_that_hangs_ends_with_the_time_of_its_request(tmp_path) -> None:
    os.mkfifo(tmp_path / "endless")  # reading it ends when somebody has written, which nobody does
    request = {"protocol": 1, "archive": "endless", "timeout_seconds": 0.1}
    (tmp_path / "request.json").write_text(json.dumps(request), encoding="utf-8")
    command = [sys.executable, "-m", "lockgate.adapters.dbt.remote.program", "request.json"]

    ended = subprocess.run(command, cwd=tmp_path, check=False, timeout=50, capture_output=True)

    assert ended.returncode == -signal.SIGINT  # Python's end by an interruption that nobody catches
    assert b'"kind": "hello"' in ended.stdout
