"""Declared flows as files for other runtimes: plain Python that calls the command line, compiled and compared."""

from lockgate.orchestrate.compiling import compiled
from lockgate.orchestrate.files import Drift, drift, write

__all__ = ["Drift", "compiled", "drift", "write"]
