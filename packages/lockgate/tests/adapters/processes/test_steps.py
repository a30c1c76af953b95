"""A step's program runs in the project's folder, says how it ended, and is gone when it has to be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lockgate.adapters.processes.steps import StepPrograms
from lockgate.core.flow import Interval, StepClaim

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CLAIM = StepClaim(7, "nightly", "r1", "load", 2, 1, Interval(NOON, NOON))


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "a project"
    folder.mkdir()
    programs = StepPrograms(folder, tmp_path / "logs", ("--project", str(folder)))

    def run(*command: str, seconds: float = 30.0, is_wanted=lambda: True):
        return programs(CLAIM, command, timeout_seconds=seconds, is_wanted=is_wanted)

    return run


def is_alive(pid: int) -> bool:
    """Whether a process is there and not just waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second where it goes while its file is open
        return False


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def test_what_a_program_prints_is_kept_a_file_an_attempt(run, tmp_path):
    end = run("sh", "-c", "pwd; echo Grüße >&2")

    assert (end.exit_code, end.error) == (0, "")
    assert end.log == str(tmp_path / "logs" / "7" / "load.2.log")
    assert Path(end.log).read_text().splitlines() == [str(tmp_path / "a project"), "Grüße"]


def test_the_exit_code_and_the_last_lines_tell_why_it_failed(run):
    end = run("sh", "-c", "for n in 1 2 3 4; do echo line $n; done; exit 3")

    assert (end.exit_code, end.error) == (3, "exit code 3: line 2 / line 3 / line 4")


def test_what_is_no_text_in_the_last_lines_is_spelled_out(run):
    end = run("printf", r"\033[31mred\033[0m a\000b\tc\033]0;title\007\n")
    assert end.exit_code == 0
    end = run("sh", "-c", r"printf '\033[31mred\033[0m a\000b\tc\033]0;title\007\n'; exit 3")

    assert end.error.endswith(r"red a\x00b c\x1b]0;title\x07")
    assert end.error.isprintable()


def test_our_own_commands_are_those_of_this_installation(run):
    end = run("lockgate", "--version")

    assert (end.exit_code, Path(end.log).read_text().startswith("lockgate ")) == (0, True)


def test_a_program_that_is_not_there_is_told(run):
    end = run("no-such-program-anywhere")

    assert (end.exit_code, end.error) == (
        127, "exit code 127: no-such-program-anywhere: No such file or directory",
    )  # fmt: skip


def test_a_program_that_may_not_be_run_is_told(run, tmp_path):
    (tmp_path / "plain").write_text("no program")

    end = run(str(tmp_path / "plain"))

    assert (end.exit_code, end.error) == (126, f"exit code 126: {tmp_path / 'plain'}: Permission denied")


def test_what_looks_like_an_option_is_a_program_that_is_not_there(run):
    assert run("--help").error == "exit code 127: --help: No such file or directory"


def test_a_program_that_a_signal_ended_says_so(run):
    assert run("sh", "-c", "kill -TERM $$").exit_code == -15
    assert run("sh", "-c", "kill -KILL $$").exit_code == -9


def test_a_program_reads_nothing_and_has_our_environment(run, monkeypatch):
    monkeypatch.setenv("WORD", "said")
    end = run("sh", "-c", "cat; echo $WORD")

    assert (end.exit_code, Path(end.log).read_text()) == (0, "said\n")


def test_at_its_time_out_a_program_and_its_children_are_stopped(run, tmp_path):
    end = run("sh", "-c", f"sleep 300 & echo $! > {tmp_path}/child; wait", seconds=0.5)

    assert (end.exit_code, end.error) == (None, "stopped at its time-out of 0.5 s")
    assert gone(int((tmp_path / "child").read_text()))


def test_what_nobody_waits_for_is_stopped(run):
    end = run("sleep", "300", is_wanted=lambda: False)

    assert (end.exit_code, end.error) == (None, "stopped: nobody waits for it any more")


WAITING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from lockgate.adapters.processes.steps import StepPrograms
from lockgate.core.flow import Interval, StepClaim
folder = Path(sys.argv[1])
claim = StepClaim(1, "f", "r", "s", 1, 1, Interval(datetime.now(UTC), datetime.now(UTC)))
programs = StepPrograms(folder, folder / "logs", ())
programs(claim, ("sh", "-c", sys.argv[2]), timeout_seconds=300, is_wanted=lambda: True)
"""
SLEEPS = "echo $$ > pid.new; mv pid.new pid; trap : TERM; while :; do sleep 1; done"


@pytest.mark.parametrize(
    "command", [f"{SLEEPS}", f"sh -c '{SLEEPS}'; echo done", f"setsid sh -c '{SLEEPS}' & wait; echo done"]
)
def test_a_program_and_what_it_started_do_not_outlive_a_killed_runtime(tmp_path, command):
    runtime = subprocess.Popen([sys.executable, "-c", WAITING, tmp_path, command])
    pid = tmp_path / "pid"
    while not pid.exists() or not pid.read_text().strip():
        time.sleep(0.02)
    child = int(pid.read_text())

    os.kill(runtime.pid, signal.SIGKILL)
    runtime.wait()

    assert gone(child)
