"""Runs commands in forks of a process that has imported everything, and kills or stops them where it is told to.

Each line of its input is a request, each line of its output what came of it. `argv` is the command; `seconds` kills it
after so long; `calls` kills it at its n-th call of a function of ours, counted from the return of the function `after`
where that is given; `stop` stops it where that function is called. A request with `wait` lets a stopped one go on.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path


def watched(request: dict) -> dict:
    """Counts calls in this process from now on."""
    seen = {"calls": 0, "runs": not request.get("after")}

    def profile(frame, event, _argument) -> None:
        if "lockgate" not in frame.f_code.co_filename or event not in {"call", "return"}:
            return
        name = frame.f_code.co_name
        if event == "return":
            seen["runs"] = seen["runs"] or name == request.get("after")
            return
        if name == request.get("stop") and not seen.get("stopped"):
            seen["stopped"] = True
            os.kill(os.getpid(), signal.SIGSTOP)
        seen["calls"] += seen["runs"]
        if seen["runs"] and seen["calls"] == request.get("calls"):
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(profile)
    sys.setprofile(profile)
    return seen


def child(request: dict, counted: int, told: int) -> None:
    """The command itself; it does not return."""
    os.dup2(told, 1)
    os.dup2(told, 2)
    from lockgate.cli.entrypoint import run

    seen = watched(request) if "calls" in request or "stop" in request else {"calls": 0}
    code = 99
    try:
        code = int(run(request["argv"]) or 0)
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        sys.setprofile(None)
        os.pwrite(counted, b"%20d" % seen["calls"], 0)
        if request.get("modules"):
            Path(request["modules"]).write_text("\n".join(sys.modules), encoding="utf-8")
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def begun(request: dict, folder: Path, number: int) -> dict:
    """A command that goes on. Its files are opened before it is forked: it may be killed before its first line."""
    counted, told = (os.open(folder / f"{kind}-{number}", os.O_RDWR | os.O_CREAT) for kind in ("counted", "told"))
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        child(request, counted, told)
    return {"pid": pid, "counted": counted, "told": told, "started": started, "seconds": request.get("seconds")}


def ended(command: dict) -> dict:
    """What came of it: its exit code, -9 where it was killed, None where it is stopped."""
    if command["seconds"] is not None:
        time.sleep(max(0.0, command["started"] + command["seconds"] - time.monotonic()))
        os.kill(command["pid"], signal.SIGKILL)
    _, status = os.waitpid(command["pid"], os.WUNTRACED)
    took = time.monotonic() - command["started"]
    if os.WIFSTOPPED(status):
        return {"code": None, "pid": command["pid"]}
    calls = int(os.pread(command["counted"], 20, 0) or b"0")
    said = os.pread(command["told"], os.fstat(command["told"]).st_size, 0).decode("utf-8", errors="replace")
    os.close(command["counted"])
    os.close(command["told"])
    return {"code": os.waitstatus_to_exitcode(status), "seconds": took, "calls": calls, "said": said}


def main(folder: Path) -> None:
    """Serves requests until the input ends."""
    number, going = 0, {}
    for line in sys.stdin:
        requests = json.loads(line)
        for name in requests.get("import", ()):
            with suppress(Exception):
                importlib.import_module(name)
        if "wait" in requests:
            os.kill(requests["wait"], signal.SIGCONT)
            answers = [ended(going.pop(requests["wait"]))]
        else:
            commands = []
            for request in requests.get("commands", ()):
                number += 1
                commands.append(begun(request, folder, number))
            answers = [ended(command) for command in commands]
            going |= {
                command["pid"]: command for command, one in zip(commands, answers, strict=True) if one["code"] is None
            }
        print(json.dumps(answers), flush=True)


main(Path(sys.argv[1]))
