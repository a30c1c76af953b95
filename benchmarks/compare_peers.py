"""The peers of comparisons, datacompy and reladiff, in an environment of their own: they want older polars and pandas.

`benchmarks/peers/compare.txt` pins it by hash; it is made where it is missing, beside the one that runs this.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LOCK = HERE / "peers" / "compare.txt"


class Peers:
    """A process that compares by the peers."""

    def __init__(self, *, apart: bool = False) -> None:
        """Start it, its environment made first where it is missing; `apart` gives each comparison a process."""
        self._process = subprocess.Popen(
            [str(environment()), str(HERE / "peers" / "compare_worker.py"), *(["--apart"] if apart else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.versions = self.ask("versions")

    def ask(self, do: str, **request: object) -> dict[str, Any]:
        """One comparison; `error` says why there is none."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the peers' process has no pipes")
        self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def found(self, do: str, **request: object) -> dict[str, Any]:
        """One comparison.

        Raises:
            SystemExit: the peer failed; the time it took says nothing then.
        """
        answer = self.ask(do, **request)
        if "error" in answer:
            raise SystemExit(f"{do} failed: {answer['error']}")
        return answer

    def close(self) -> None:
        """Ends the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(30)


def environment() -> Path:
    """The Python of the peers' environment."""
    folder = Path(sys.prefix) / "peers" / "compare"
    stamp = folder / "lock"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != LOCK.read_text(encoding="utf-8"):
        uv = str(Path(sys.prefix) / "bin" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", str(folder)], check=True)
        python = ["--python", str(folder / "bin" / "python")]
        subprocess.run([uv, "pip", "sync", "--quiet", *python, "--require-hashes", str(LOCK)], check=True)
        stamp.write_text(LOCK.read_text(encoding="utf-8"), encoding="utf-8")
    return folder / "bin" / "python"
