"""Airflow's client passes the suite of every outside runtime, before a stand-in and before a real Airflow."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lockgate.sandbox.airflow_api import AirflowApi
from lockgate.testing.runtimes import RuntimeConformance


class TestStandIn(RuntimeConformance):
    """Of which every request is held against Airflow's OpenAPI document."""

    @dataclass
    class Stand:
        api: AirflowApi
        client_of: object
        token_seconds: float = 1.0

        def runtime(self, *, password: str | None = None, ages: bool = True):
            self.api.token_seconds = self.token_seconds
            return self.client_of(self.api.url, password or self.api.password, ages=ages)

    @pytest.fixture
    def stand(self, api, client_of):
        return self.Stand(api, client_of)
