"""A local stand-in for Airflow 3.3's REST API v2: it speaks the protocol, runs nothing, and misbehaves when told to."""

from lockgate.sandbox.airflow_api.runs import StandDag, StandTask
from lockgate.sandbox.airflow_api.server import AirflowApi, Fault, FaultKind

__all__ = ["AirflowApi", "Fault", "FaultKind", "StandDag", "StandTask"]
