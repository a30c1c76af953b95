"""Bounds for dbt's own processes: what they may use, and where their output goes."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def limit(limits: Mapping[str, int]) -> None:
    """Bounds what this process may use, by the names of setrlimit(2); nothing of it can be taken back."""
    for name, bound in limits.items():
        _, hard = resource.getrlimit(getattr(resource, name))
        ceiling = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(getattr(resource, name), (ceiling, ceiling))


@contextmanager
def console(path: Path) -> Iterator[None]:
    """Standard output and error go to a file while the block runs, so that nothing printed can block or leak."""
    kept = (os.dup(1), os.dup(2))
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, descriptor in enumerate(kept, start=1):
            os.dup2(descriptor, stream)
            os.close(descriptor)
