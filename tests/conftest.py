"""What whole-repository tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from filelock import FileLock


@pytest.fixture
def alone() -> Iterator[Callable[[str], object]]:
    """Takes the ports that a program listens on, by its name, to oneself: tests run side by side."""
    with ExitStack() as held:
        folder = Path(tempfile.gettempdir())
        yield lambda name: held.enter_context(FileLock(folder / f"lockgate-{name}-port.lock"))
