"""Airflow's client passes the suite of every outside runtime: before a stand-in, and before a real Airflow."""

from __future__ import annotations

import pytest

from lockgate.testing.runtimes import RuntimeConformance


class TestStandIn(RuntimeConformance):
    @pytest.fixture
    def stand(self, stand_in):
        return stand_in


@pytest.mark.slow
class TestRealAirflow(RuntimeConformance):
    @pytest.fixture
    def stand(self, real):
        return real
