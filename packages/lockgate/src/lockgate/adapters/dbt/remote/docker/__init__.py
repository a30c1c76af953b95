"""dbt in containers of a Docker engine, by the Engine API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.adapters.dbt.remote.executor import RemoteDbtExecutor
    from lockgate.core.executor import ExecutorDeclaration
    from lockgate.core.ports import Secrets

__all__ = ["open_docker"]


def open_docker(folder: Path, declaration: ExecutorDeclaration, _secrets: Secrets) -> RemoteDbtExecutor:
    """An executor that keeps what it parses and fetches in `folder`; the engine is not asked before it is used."""
    from lockgate.adapters.dbt.config import DbtConfig
    from lockgate.adapters.dbt.remote.docker.place import DockerPlace
    from lockgate.adapters.dbt.remote.docker.settings import settings_of
    from lockgate.adapters.dbt.remote.executor import RemoteDbtExecutor

    return RemoteDbtExecutor(DbtConfig(folder), DockerPlace(settings_of(declaration.options)))
