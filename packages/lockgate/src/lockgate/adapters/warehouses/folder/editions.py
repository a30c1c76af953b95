"""Editions that are files: what nobody names any more is swept once no reader can come for it."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from lockgate.adapters.warehouses.folder.layout import Layout, remove
from lockgate.core.relation import Relation
from lockgate.core.route import Edition

# A reader that looked before may still come for what the target has let go of.
GRACE_SECONDS = 60.0


def let_go(layout: Layout, served: Relation, edition: Edition) -> None:
    """Notes when an edition was let go of: as the time of its file."""
    with suppress(FileNotFoundError):
        os.utime(layout.edition(served, edition.number, edition.implementation))


def sweep(
    layout: Layout, served: Relation, editions: tuple[Edition, ...], *, grace_seconds: float = GRACE_SECONDS
) -> None:
    """Removes what no edition names, let go of or left by a publisher who died, once it is old enough."""
    needed = {layout.edition(served, edition.number, edition.implementation) for edition in editions}
    for place in layout.editions(served).iterdir():
        if place not in needed and place.stat().st_mtime < time.time() - grace_seconds:
            remove(place)
