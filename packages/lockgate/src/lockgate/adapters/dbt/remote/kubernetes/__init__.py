"""dbt in jobs of a Kubernetes cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.adapters.dbt.remote.executor import RemoteDbtExecutor
    from lockgate.core.executor import ExecutorDeclaration
    from lockgate.core.ports import Secrets

__all__ = ["open_kubernetes"]


def open_kubernetes(folder: Path, declaration: ExecutorDeclaration, _secrets: Secrets) -> RemoteDbtExecutor:
    """An executor that keeps what it parses and fetches in `folder`; the cluster is not asked before it is used."""
    from lockgate.adapters.dbt.config import DbtConfig
    from lockgate.adapters.dbt.remote.executor import RemoteDbtExecutor
    from lockgate.adapters.dbt.remote.kubernetes.manifests import KubernetesSettings
    from lockgate.adapters.dbt.remote.kubernetes.place import KubernetesPlace

    settings = KubernetesSettings(**declaration.options)  # type: ignore[arg-type]
    return RemoteDbtExecutor(DbtConfig(folder), KubernetesPlace(settings))
