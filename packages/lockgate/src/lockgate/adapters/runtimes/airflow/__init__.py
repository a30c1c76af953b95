"""A running Airflow 3, by its REST API v2."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.adapters.exchange import Patience
    from lockgate.adapters.runtimes.airflow.service import AirflowOrchestrationService, Pace
    from lockgate.core.flow import RuntimeDeclaration
    from lockgate.core.ports import Secrets

__all__ = ["open_airflow"]


def open_airflow(
    declaration: RuntimeDeclaration, secrets: Secrets, *, patience: Patience | None = None, pace: Pace | None = None
) -> AirflowOrchestrationService:
    """The Airflow at `url`, as the user whose password is behind a secret; it is not asked before it is used."""
    from lockgate.adapters.runtimes.airflow import exchange, service

    options = {name: str(value) for name, value in declaration.options.items()}
    patience = patience or exchange.PATIENCE
    asking = exchange.Exchange(options["url"], options["username"], options["password"], secrets, patience)
    return service.AirflowOrchestrationService(asking, pace or service.Pace())
