"""One call of git's plumbing, in an environment that no variable of the caller's bends."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lockgate.errors import CapabilityMissing

TIMEOUT_SECONDS = 120.0
_SETTINGS = ("-c", "protocol.allow=never", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_OWN = {
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What git wrote to its output, and its exit code."""

    code: int
    out: bytes


def git(folder: Path, *words: str, given: bytes = b"") -> Answer:
    """What git says to `words` in a folder; nothing is fetched, no hook runs.

    Raises:
        CapabilityMissing: there is no git, or it does not end.
    """
    handed_on = {**os.environ}
    kept = {name: value for name, value in handed_on.items() if not name.startswith(("GIT_", "LOCKGATE_"))}
    command = ["git", *_SETTINGS, "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=kept | _OWN,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except OSError as error:
        hint = "Install git, or take `revision` away."
        raise CapabilityMissing("a revision needs git, which is not installed", hint=hint) from error
    except subprocess.TimeoutExpired as error:
        raise CapabilityMissing(f"git did not answer within {TIMEOUT_SECONDS:g} s") from error
    return Answer(done.returncode, done.stdout)
