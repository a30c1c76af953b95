"""The discovery service: users and applications over HTTP, as a source that Lockgate loads from."""

from inventory.discovery.faults import Fault, FaultKind
from inventory.discovery.service import create_app

__all__ = ["Fault", "FaultKind", "create_app"]
