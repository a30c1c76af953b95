"""What whole-repository tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock


@pytest.fixture
def demo_port() -> Iterator[None]:
    """The port that the demo's discovery service listens on, to oneself: tests run side by side."""
    with FileLock(Path(tempfile.gettempdir()) / "lockgate-demo-port.lock"):
        yield
