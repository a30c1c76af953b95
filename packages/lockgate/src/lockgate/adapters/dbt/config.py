"""How dbt is run on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

GIBIBYTE = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process of dbt may use: bytes of memory and of one file, seconds of processor time, open files.

    `processes` bounds processes and threads of the whole account, as the kernel counts them; root is not bound.
    """

    memory_bytes: int = 16 * GIBIBYTE
    file_bytes: int = 256 * GIBIBYTE
    cpu_seconds: int = 6 * 3600
    open_files: int = 1024
    processes: int = 4096

    def named(self) -> dict[str, int]:
        """The limits under the names of setrlimit(2); no core is dumped, for it would hold secrets."""
        return {
            "RLIMIT_AS": self.memory_bytes,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_CPU": self.cpu_seconds,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_NPROC": self.processes,
            "RLIMIT_CORE": 0,
        }


@dataclass(frozen=True, slots=True)
class DbtConfig:
    """Settings of the local executor; how long an invocation may take is said with each.

    `folder` keeps parsed projects and each invocation's artefacts; nothing is written into a dbt project.
    `environment` is all that dbt sees of the environment: what `env_var()` may read, by name. Processes asked to end
    have `grace_seconds` to do so. The newest `kept` invocations' artefacts stay; `warm_projects` are kept parsed.
    """

    folder: Path
    threads: int = 4
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: Limits = Limits()
    grace_seconds: float = 5.0
    kept: int = 20
    warm_projects: int = 4
