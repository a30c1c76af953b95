"""Declared flows on other runtimes: compiled to their files, and the client of a running Airflow.

The client is an adapter, so that `App` and the server can use it; its name is found here too.
"""

from lockgate.adapters.runtimes.airflow.service import AirflowOrchestrationService
from lockgate.orchestrate.compiling import compiled
from lockgate.orchestrate.files import Drift, drift, write

__all__ = ["AirflowOrchestrationService", "Drift", "compiled", "drift", "write"]
