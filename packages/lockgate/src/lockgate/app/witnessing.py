"""Who hears of runs: nobody, or whoever the project tells of lineage; what tells them is imported for them alone."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from lockgate.adapters.registry import require
from lockgate.app.recorder import Witness, Witnessing, unwitnessed

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring

EXTRA = "openlineage"


def witnessing(wiring: Wiring) -> Witnessing:
    """What hears of each run from its beginning.

    Raises:
        ExtraMissing: the project tells somebody of lineage, and the extra that makes events is not installed.
    """
    if wiring.project.lineage_events is None:
        return unwitnessed
    require(EXTRA, "telling of lineage")
    wiring.has_put_down_lineage = True
    return partial(_witness, wiring)


def _witness(wiring: Wiring, run_id: int, command: str, started_at: datetime) -> Witness:
    from lockgate.app.emitting import Emitting

    return Emitting(wiring, run_id, command, started_at)
