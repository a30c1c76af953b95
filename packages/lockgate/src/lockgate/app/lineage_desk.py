"""`LineageDesk`: a project's lineage for a process that goes on, worked out anew only where something changed."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lockgate.adapters.dbt.fingerprint import Fingerprint
from lockgate.core.entity import Engine, Implementation
from lockgate.errors import LockgateError

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage
    from lockgate.app.wiring import Wiring

# What failed and may go well another time is tried again after so long.
AGAIN_SECONDS = 60.0


class LineageDesk:
    """The graph of everything that a project declares; every thread may ask."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing is worked out yet."""
        self._wiring = wiring
        self._turn = Lock()
        self._fingerprints: dict[Path, Fingerprint] = {}
        self._found: FoundLineage | None = None
        self._key: Hashable = None
        self._found_at = 0.0

    def found(self) -> FoundLineage:
        """The lineage of the files and columns as they are now; it takes long only where these have changed.

        Raises:
            ControlPlaneUnavailable, WarehouseUnavailable: they do not tell what has changed.
        """
        with self._turn:
            key = tuple(self._rested_on())
            if self._found is None or key != self._key or self._is_over():
                from lockgate.app.lineage import lineage_of_project

                found = lineage_of_project(self._wiring)
                found.graph.prepare()
                self._found, self._key, self._found_at = found, key, time.monotonic()
            return self._found

    def _is_over(self) -> bool:
        """Whether something failed a while ago that may go well now."""
        is_passing = self._found is not None and self._found.is_passing
        return is_passing and time.monotonic() - self._found_at >= AGAIN_SECONDS

    def _rested_on(self) -> Iterator[Hashable]:
        """What the lineage rests on: the files of every implementation, and the loads that columns came with."""
        walked: dict[Path, Hashable] = {}
        for entity in self._wiring.project.entities.values():
            for implementation in entity.implementations.values():
                yield self._content(implementation, walked)
        newest = self._wiring.store.loads.loads(limit=1)
        yield newest[0].load_id if newest else None

    def _content(self, implementation: Implementation, walked: dict[Path, Hashable]) -> Hashable:
        """What an implementation's files say; why, where they cannot be found. A dbt project is walked once."""
        try:
            if implementation.engine is Engine.RULES:
                return self._wiring.rule_book.revision(implementation)
            path = self._wiring.revisions.located(implementation).path
        except LockgateError as error:
            return error.message
        if path not in walked:
            walked[path] = self._fingerprints.setdefault(path, Fingerprint(path)).now()
        return walked[path]
