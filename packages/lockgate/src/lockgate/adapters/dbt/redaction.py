"""What a database says through dbt, less the values of rows: in results, and in the files that dbt leaves."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from lockgate.adapters.dbt.invoking import RUN_RESULTS
from lockgate.adapters.registry import WITHOUT_VALUES, adapter

LOG = "dbt.log"


class Redaction:
    """Of one invocation, by the words of its target's kind; remembers what it has changed."""

    def __init__(self, kind: str) -> None:
        """`kind` is the target's."""
        self._without_values = adapter(WITHOUT_VALUES, kind)
        self._changed: dict[str, str] = {}

    def safe(self, message: str) -> str:
        """A message as it may be told and stored."""
        safe: str = self._without_values(message)
        if safe != message:
            self._changed[message] = safe
        return safe

    def clean(self, folder: Path) -> None:
        """Takes the same values out of the log and the results that dbt has left in a folder."""
        if self._changed:
            written = {json.dumps(old)[1:-1]: json.dumps(new)[1:-1] for old, new in self._changed.items()}
            _rewrite(folder / LOG, self._changed)
            _rewrite(folder / RUN_RESULTS, written)


def _rewrite(path: Path, changed: dict[str, str]) -> None:
    with suppress(FileNotFoundError):
        text = old = path.read_text(encoding="utf-8")
        for message, safe in changed.items():
            text = text.replace(message, safe)
        if text != old:
            path.write_text(text, encoding="utf-8")
