"""Every relative link of every Markdown page leads to a file of the tree, and to a heading of it where one is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")
ELSEWHERE = ("http://", "https://", "mailto:")


def unfenced(page: Path) -> str:
    """The page without its code blocks, where brackets and hashes mean something else."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings answer to, as forges make them."""
    headings = re.findall(r"^#{1,6} (.+)$", unfenced(page), flags=re.MULTILINE)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.strip().lower())) for heading in headings}


def broken(page: Path) -> Iterator[str]:
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", unfenced(page))):
        if link.startswith(ELSEWHERE):
            continue
        name, _, fragment = unquote(link).partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (fragment and target.suffix == ".md" and fragment not in anchors(target)):
            yield link


def test_every_relative_link_leads_somewhere(pages, root):
    dead = [f"{page.relative_to(root)}: {link}" for page in pages for link in broken(page)]

    assert dead == []


def test_a_dead_link_and_a_missing_heading_are_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# The top\n\n[a](#the-top) [b](#nowhere) [c](gone.md) [d](page.md#the-top) `[e](code.md)`\n")

    assert list(broken(page)) == ["#nowhere", "gone.md"]
