"""The state file: what a Spark target holds, replaced whole under a lock; readers see one state or the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lockgate.adapters.warehouses.folder.layout import Layout, sweep_asides, written
from lockgate.adapters.warehouses.state import State, document_of, state_of

TURN_SECONDS = 60.0


def state_file(layout: Layout) -> Path:
    """The file that is the truth."""
    return layout.folder / "state.json"


def current(layout: Layout) -> State:
    """The state as it is now; an empty one where nothing was ever written."""
    try:
        return state_of(state_file(layout).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return State()


@contextmanager
def changing(layout: Layout) -> Iterator[State]:
    """The state, to be changed; it takes the place of the one before at the end, unless there was an error."""
    file = state_file(layout)
    with layout.locked("state", wait_seconds=TURN_SECONDS):
        sweep_asides(file)
        state = current(layout)
        yield state
        state.generation += 1
        with written(file) as aside:
            aside.write_text(document_of(state), encoding="utf-8")
