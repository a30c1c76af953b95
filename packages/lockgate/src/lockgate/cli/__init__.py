"""The `lockgate` command: each verb a thin call into `App`, and exit codes that a script can rely on."""

from __future__ import annotations

from lockgate.cli.entrypoint import main

__all__ = ["main"]
