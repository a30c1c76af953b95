"""Lines read in a thread of their own: a connection that says nothing and does not end holds up nobody for ever."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread


@dataclass(frozen=True, slots=True)
class _End:
    """There are no more; `error` is why, where they did not end by themselves."""

    error: BaseException | None = None


class Reading:
    """What a run prints, while it is read."""

    def __init__(self, lines: Callable[[], Generator[str, None, None]]) -> None:
        """Begins to read."""
        self._read_from = lines
        self._heard: SimpleQueue[str | _End] = SimpleQueue()
        self._is_left = Event()
        Thread(target=self._read, daemon=True).start()

    def lines(self, seconds: float, quiet: Callable[[], None]) -> Iterator[str]:
        """The lines up to their end; `quiet` is called whenever none came for so long. Raises what reading raised."""
        while True:
            try:
                item = self._heard.get(timeout=seconds)
            except Empty:
                quiet()
                continue
            if isinstance(item, str):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                return

    def leave(self) -> None:
        """Nobody listens any more; what is read still ends when the run does, or with its next line."""
        self._is_left.set()

    def _read(self) -> None:
        try:
            with closing(self._read_from()) as lines:
                for line in lines:
                    self._heard.put(line)
                    if self._is_left.is_set():
                        return
        except BaseException as error:  # noqa: BLE001  whoever listens is told
            self._heard.put(_End(error))
        else:
            self._heard.put(_End())
