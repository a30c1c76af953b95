"""The whole warehouse suite as one class."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lockgate.core.ports import Warehouse
from lockgate.testing.warehouses.groups import GroupsConformance
from lockgate.testing.warehouses.held import HeldConformance
from lockgate.testing.warehouses.landings import LandingsConformance
from lockgate.testing.warehouses.measured import MeasuredConformance
from lockgate.testing.warehouses.processes import ProcessesConformance
from lockgate.testing.warehouses.records import RecordsConformance
from lockgate.testing.warehouses.serving import ServingConformance
from lockgate.testing.warehouses.unchanged import UnchangedConformance
from lockgate.testing.warehouses.values import ValuesConformance
from lockgate.testing.warehouses.workshops import WorkshopsConformance


class WarehouseConformance(
    LandingsConformance,
    WorkshopsConformance,
    ServingConformance,
    UnchangedConformance,
    HeldConformance,
    GroupsConformance,
    ValuesConformance,
    MeasuredConformance,
    RecordsConformance,
    ProcessesConformance,
):
    """Every suite; see the package for the fixtures it needs."""

    @pytest.fixture
    def warehouse(self, open_warehouse: Callable[[], Warehouse]) -> Iterator[Warehouse]:
        """The target, prepared."""
        warehouse = open_warehouse()
        warehouse.prepare()
        yield warehouse
        warehouse.close()
