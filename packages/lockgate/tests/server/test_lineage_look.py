"""Lineage is found out once for all who wait; what nobody waited for is not told as what is there now."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from lockgate.server.lineage_look import FRESH_SECONDS, LineageLook
from lockgate.server.options import Options


class Finding:
    """What a file says, once it may be read; with a clock that tells when it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.may_go_on = threading.Event()
        self.has_ended = threading.Event()
        self.now = 0.0

    def find(self) -> str:
        assert self.may_go_on.wait(60)
        text = self.path.read_text(encoding="utf-8")
        if text == "broken":
            raise RuntimeError(text)
        return text

    def clock(self) -> float:
        told = self.now
        self.has_ended.set()
        return told


@pytest.fixture
def finding(tmp_path):
    path = tmp_path / "file"
    path.write_text("first", encoding="utf-8")
    return Finding(path)


def visited_again(finding: Finding, text: str, after: float) -> str | None:
    """What the second visitor gets, where the first left early and the file was changed in between."""

    async def visits() -> str | None:
        look = LineageLook(finding.find, Options(), finding.clock)
        try:
            assert await look.within(0.0) is None
            finding.may_go_on.set()
            assert finding.has_ended.wait(60)
            finding.path.write_text(text, encoding="utf-8")
            finding.now = after
            return await look.within(60)
        finally:
            look.close()

    return asyncio.run(visits())


def test_what_ended_just_now_is_told_to_who_comes_next(finding):
    assert visited_again(finding, "second", FRESH_SECONDS) == "first"


def test_what_ended_hours_ago_is_found_anew(finding):
    assert visited_again(finding, "second", 7200.0) == "second"


def test_what_failed_hours_ago_is_tried_anew(finding):
    finding.path.write_text("broken", encoding="utf-8")

    assert visited_again(finding, "mended", 7200.0) == "mended"


def test_what_fails_now_is_raised(finding):
    finding.path.write_text("broken", encoding="utf-8")

    with pytest.raises(RuntimeError, match="broken"):
        visited_again(finding, "mended", 0.0)


def test_those_who_wait_together_are_told_the_same(finding):
    async def visits() -> list[str | None]:
        look = LineageLook(finding.find, Options(), finding.clock)
        try:
            both = asyncio.gather(look.within(60), look.within(60))
            await asyncio.sleep(0)
            finding.may_go_on.set()
            return await both
        finally:
            look.close()

    first, second = asyncio.run(visits())

    assert first == "first"
    assert first is second
