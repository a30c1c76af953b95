"""The control plane on both of its databases."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lockgate.store import open_store


@pytest.fixture(params=["sqlite", "postgres"])
def address(request, tmp_path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'control.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def opened(address):
    """Opens the control plane for a scope; what was opened is closed after the test."""
    stores = []

    def opened(project: str = "inventory", target: str = "main"):
        stores.append(open_store(address, project=project, target=target))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def store(opened):
    return opened()


@pytest.fixture
def at_once(address):
    """Runs a script in several processes at once, with the control plane's address: what each printed."""

    def at_once(script: str, processes: int) -> list[str]:
        command = [sys.executable, "-c", script, address]
        started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
        outputs = [process.communicate(timeout=60)[0] for process in started]
        assert [process.returncode for process in started] == [0] * processes
        return outputs

    return at_once
