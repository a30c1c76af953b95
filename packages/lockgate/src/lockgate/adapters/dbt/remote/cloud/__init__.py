"""dbt in dbt Cloud, by its Administrative API v2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.adapters.dbt.remote.executor import RemoteDbtExecutor
    from lockgate.core.executor import ExecutorDeclaration
    from lockgate.core.ports import Secrets

__all__ = ["open_cloud"]


def open_cloud(folder: Path, declaration: ExecutorDeclaration, secrets: Secrets) -> RemoteDbtExecutor:
    """An executor that keeps what it parses and fetches in `folder`; dbt Cloud is not asked before it is used."""
    from lockgate.adapters.dbt.config import DbtConfig
    from lockgate.adapters.dbt.remote.cloud.exchange import CloudExchange, CloudSettings
    from lockgate.adapters.dbt.remote.cloud.place import CloudPlace
    from lockgate.adapters.dbt.remote.executor import Patience, RemoteDbtExecutor

    settings = CloudSettings(**declaration.options)  # type: ignore[arg-type]
    patience = Patience(
        first_wait_seconds=settings.first_wait_seconds, longest_wait_seconds=settings.longest_wait_seconds
    )
    place = CloudPlace(CloudExchange(settings, secrets), folder / "cloud")
    return RemoteDbtExecutor(DbtConfig(folder), place, patience)
