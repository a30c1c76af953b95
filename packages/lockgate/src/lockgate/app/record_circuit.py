"""Leaves the databases that an entity's answers need alone while they do not answer."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from lockgate.core.circuit_breaker import CircuitBreaker
from lockgate.errors import ControlPlaneUnavailable, WarehouseUnavailable

logger = logging.getLogger(__name__)

# After so many turns in a row that got no answer they are asked again after so many seconds, by one turn.
FAILURES = 3
OPEN_SECONDS = 5.0
Away = ControlPlaneUnavailable | WarehouseUnavailable


class Circuit:
    """Of one entity. A turn that waits for a dead database takes seconds, and the requests behind it wait as long."""

    def __init__(self, entity: str) -> None:
        """Closed."""
        self._entity = entity
        self._breaker = CircuitBreaker(failures=FAILURES, seconds=OPEN_SECONDS)
        self._last: Away | None = None

    def refusal(self) -> Away | None:
        """What to tell whoever asks while nobody asks the databases; None where a turn is to ask them."""
        seconds, last = self._breaker.open_seconds(), self._last
        if seconds is None or last is None:
            return None
        again = max(1, math.ceil(seconds))
        told = f"{last.message} (as often in a row as it was asked; it is asked again in {again} s)"
        return type(last)(told, hint=last.remedy, retry_seconds=again)

    def tell(self, found: Sequence[object]) -> None:
        """Takes in what came of a turn."""
        away = next((one for one in found if isinstance(one, Away)), None)
        if away is None:
            if self._breaker.succeeded():
                logger.info("databases answer records again", extra={"facts": {"entity": self._entity}})
            return
        self._last = away
        if self._breaker.failed():
            facts = {"entity": self._entity, "error": away.code, "seconds": OPEN_SECONDS}
            logger.warning("databases do not answer records", extra={"facts": facts})
