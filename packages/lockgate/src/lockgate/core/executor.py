"""Where dbt may run besides this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lockgate.core.entity import DbtExecutionMode


@dataclass(frozen=True, slots=True)
class ExecutorDeclaration:
    """A place that a project declares for a mode; secrets in `options` stay references until they are used."""

    mode: DbtExecutionMode
    options: Mapping[str, object] = field(default_factory=dict)
