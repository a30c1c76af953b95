"""Supervised programs: they end together, to the last process, however whoever asked for them ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockgate.adapters.processes.supervisor import descendants, end, supervised

# A program that starts another one in a session of its own, which does not care to be asked to end.
STUBBORN = "setsid sh -c 'trap : TERM; echo stubborn; while :; do sleep 1; done' & wait"
HOLDER = """
import sys, time
from pathlib import Path
from lockgate.adapters.processes.supervisor import supervised
folder, programs, environment = Path(sys.argv[1]), {"stubborn": ["sh", "-c", sys.argv[2]]}, {"PATH": "/usr/bin:/bin"}
supervisor = supervised(programs, environment=environment, folder=folder, grace_seconds=0.5)
print(supervisor.pid, flush=True)
time.sleep(600)
"""


def started(folder, **programs: str):
    commands = {name: ["sh", "-c", text] for name, text in programs.items()}
    return supervised(commands, environment={"PATH": os.environ["PATH"]}, folder=folder, grace_seconds=0.5)


def shown(log: Path, text: str) -> None:
    """Waits until a program has written something."""
    deadline = time.monotonic() + 30
    while not (log.exists() and text in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gone(processes: list[int]) -> bool:
    """Whether none of these is left, as anything but a note of how it ended."""
    return not any(map(alive, processes))


def alive(process: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_programs_run_in_their_folder_and_environment_and_write_their_logs(tmp_path):
    supervisor = supervised(
        {"one": ["sh", "-c", "pwd; echo $WORD; sleep 60"], "two": ["sh", "-c", "echo two >&2; sleep 60"]},
        environment={"PATH": os.environ["PATH"], "WORD": "said"},
        folder=tmp_path,
    )
    shown(tmp_path / "one.log", "said")
    shown(tmp_path / "two.log", "two")

    end(supervisor)

    assert (tmp_path / "one.log").read_text() == f"{tmp_path}\nsaid\n"
    assert (tmp_path / "supervisor.log").read_text() == ""


def test_an_end_is_every_process_s_end_and_a_second_one_does_nothing(tmp_path):
    supervisor = started(tmp_path, stubborn=STUBBORN)
    shown(tmp_path / "stubborn.log", "stubborn")
    processes = descendants(supervisor.pid)

    end(supervisor)
    end(supervisor)

    assert len(processes) >= 2
    assert gone([*processes, supervisor.pid])


def test_where_one_ends_all_do(tmp_path):
    supervisor = started(tmp_path, stubborn=STUBBORN, short="while ! test -e enough; do sleep 0.1; done")
    shown(tmp_path / "stubborn.log", "stubborn")
    processes = descendants(supervisor.pid)

    (tmp_path / "enough").touch()
    supervisor.wait(timeout=30)

    assert len(processes) >= 3
    assert gone(processes)
    end(supervisor)


@pytest.mark.parametrize("who", ["starter", "supervisor"])
def test_nothing_survives_the_starter(tmp_path, who):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path, STUBBORN], stdout=subprocess.PIPE, text=True)
    supervisor = int(holder.stdout.readline())
    shown(tmp_path / "stubborn.log", "stubborn")
    processes = descendants(supervisor)

    os.kill(holder.pid if who == "starter" else supervisor, signal.SIGKILL if who == "starter" else signal.SIGTERM)

    deadline = time.monotonic() + 30
    while not gone([*processes, supervisor]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    holder.kill()
    holder.wait()
    holder.stdout.close()
