"""What advice would save, in seconds, bytes read and money."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.core.cost import NodeCost, Prices, Saving


def saving_of(costs: Iterable[NodeCost], share: float, how: str, prices: Prices) -> Saving:
    """A share, from 0 to 1, of what these nodes cost a run; bytes only where those of all nodes are known."""
    several = list(costs)
    seconds = round(sum(one.seconds for one in several) * share, 6)
    known = [one.read_bytes for one in several if one.read_bytes is not None]
    read = int(sum(known) * share) if several and len(known) == len(several) else None
    return Saving(seconds, how, read, prices.of(seconds, read), prices.currency)


def told(seconds: float) -> str:
    """Seconds as advice tells them, such as `12.5 s`."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"


def runs_told(runs: int) -> str:
    """How many runs something is the median of."""
    return "of one run" if runs == 1 else f"the median of {runs} runs"
