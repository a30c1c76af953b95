"""How dbt is run on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

GIBIBYTE = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What one invocation may use: bytes of memory and of one file, seconds of processor time, open files."""

    memory_bytes: int = 8 * GIBIBYTE
    file_bytes: int = 64 * GIBIBYTE
    cpu_seconds: int = 6 * 3600
    open_files: int = 1024


@dataclass(frozen=True, slots=True)
class DbtConfig:
    """Settings of the local executor.

    `folder` keeps parsed projects and each invocation's artefacts; nothing is written into a dbt project.
    `environment` is all that dbt sees of the environment: what `env_var()` may read, by name. `kept` invocations'
    artefacts stay, older ones are removed.
    """

    folder: Path
    threads: int = 4
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: Limits = Limits()
    grace_seconds: float = 5.0
    kept: int = 20
