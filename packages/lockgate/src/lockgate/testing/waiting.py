"""Waiting until something is so, for tests of what runs in another process or thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def awaited(is_so: Callable[[], T], *, seconds: float = 120.0, pause: float = 0.1) -> T:
    """The first true value that `is_so` gives; an error of its means that it is not so yet.

    It is asked every `pause` seconds.

    Raises:
        AssertionError: it was not so within `seconds`; the last error is told.
    """
    ends, error = time.monotonic() + seconds, None
    while time.monotonic() < ends:
        try:
            if found := is_so():
                return found
        except Exception as raised:  # noqa: BLE001  a server is coming up
            error = raised
        time.sleep(pause)
    raise AssertionError(f"not so after {seconds:g} s") from error
