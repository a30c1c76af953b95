"""The `lockgate` command: each verb a thin call into `App`, and exit codes that a script can rely on."""

from __future__ import annotations

__all__ = ["main"]

# A command makes its objects once, most of them by imports, and few become garbage: looking through them as often as
# Python does by itself, after every 700, took a tenth of a short command.
YOUNG_OBJECTS = 10_000


def main() -> None:
    """Runs the command that was typed, and ends the process with its exit code."""
    import gc
    import sys

    gc.set_threshold(YOUNG_OBJECTS)
    from lockgate.cli.entrypoint import run

    sys.exit(run(sys.argv[1:]))
