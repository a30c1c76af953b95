"""What README, tutorials and how-to pages show in a `console` block happens: each command runs, its output is compared.

A line starting with `$ ` is a command; the lines up to the next one are what it prints on standard output, where `...`
stands for any text, over lines too. The blocks of a page run in order, each command in the folder the last one left.
A command that several pages begin with runs once, and its output is compared with what each of them shows.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("tutorial/*.md")),
    *sorted((ROOT / "docs").glob("howto/*.md")),
]
LISTENERS = {"demo": re.compile(r"make demo|lockgate serve"), "receiver": re.compile(r"sandbox receive")}
FENCE = re.compile(r"^```console\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a page, the line it stands on, and what the page says it prints."""

    line: int
    command: str
    shown: str


def steps(text: str) -> list[Step]:
    """The commands of a page in order; a command goes on over lines that end with a backslash."""
    return [
        step for fence in FENCE.finditer(text) for step in _block(fence.group(1), text[: fence.start()].count("\n") + 2)
    ]


def _block(block: str, first: int) -> list[Step]:
    found = re.finditer(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block, flags=re.MULTILINE)
    return [Step(first + block[: step.start()].count("\n"), step[1], step[2]) for step in found]


def matches(shown: str, printed: str) -> bool:
    """Whether the output is what the page shows, `...` standing for any text; trailing blanks do not count."""
    wanted = "\n".join(line.rstrip() for line in shown.strip().splitlines())
    actual = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    pattern = re.escape(wanted).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, actual, flags=re.DOTALL) is not None


def together(pages: list[Path]) -> list[tuple[Path, ...]]:
    """The pages that begin with the same command, in the order of the first of them."""
    found: dict[str, list[Path]] = {}
    for page in pages:
        plan = steps(page.read_text(encoding="utf-8"))
        found.setdefault(plan[0].command if plan else page.name, []).append(page)
    return [tuple(each) for each in found.values()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "pages",
    together([page for page in PAGES if page.exists()]),
    ids=lambda pages: "+".join(f"{page.parent.name}/{page.name}" for page in pages),
)
def test_the_commands_of_pages_do_what_they_show(pages, checkout, alone):
    texts = [page.read_text(encoding="utf-8") for page in pages]
    for name, words in LISTENERS.items():
        if any(words.search(text) for text in texts):
            alone(name)

    begun: tuple[str, Path] | None = None
    try:
        for page, text in zip(pages, texts, strict=True):
            first, *others = steps(text) or pytest.fail(f"{page.name} shows no command that runs")
            begun = begun or _ran(first, checkout, page)
            printed, where = begun
            _hold(first, page, printed)
            for step in others:
                printed, where = _ran(step, where, page)
                _hold(step, page, printed)
    finally:
        _end_what_runs(checkout)


def _end_what_runs(checkout: Path) -> None:
    """Ends the servers that a page started and, where one of its commands failed, did not get to end."""
    for file in checkout.rglob("serve.pid"):
        with suppress(ProcessLookupError):
            os.kill(int(file.read_text(encoding="ascii")), signal.SIGTERM)


def _ran(step: Step, where: Path, page: Path) -> tuple[str, Path]:
    """Run one command as a person in that folder would; what it prints, and the folder it leaves them in."""
    with tempfile.TemporaryFile("w+") as left:
        surroundings = f"unset MAKELEVEL MAKEFLAGS; export PATH='{ROOT}/.venv/bin':$PATH COLUMNS=100"
        script = f"set -e\n{surroundings}\n{step.command}\npwd >&{left.fileno()}\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=where,
            pass_fds=[left.fileno()],
            capture_output=True,
            text=True,
            check=False,
            timeout=570,
        )
        left.seek(0)
        after = left.read().strip()
    assert done.returncode == 0, f"{_place(step, page)}\n{done.stdout}\n{done.stderr}"
    return done.stdout, Path(after)


def _hold(step: Step, page: Path, printed: str) -> None:
    """Holds what was printed against what the page shows."""
    told = f"{_place(step, page)}\n--- shown\n{step.shown}\n--- printed\n{printed}"
    assert matches(step.shown, printed), told


def _place(step: Step, page: Path) -> str:
    return f"{page.name}:{step.line} $ {step.command}"


def test_pages_that_begin_alike_are_taken_together(tmp_path):
    texts = {"one": "$ make demo\n$ ls\n", "two": "$ ls\n", "three": "$ make demo\ndone\n", "four": ""}
    for name, text in texts.items():
        (tmp_path / name).write_text(f"```console\n{text}```\n", encoding="utf-8")

    found = together([tmp_path / name for name in texts])

    assert [[page.name for page in pages] for pages in found] == [["one", "three"], ["two"], ["four"]]


def test_a_page_is_read_command_by_command():
    text = "# Title\n\n```console\n$ one \\\n    more\nfirst\n...\n$ two\n```\n\n```sh\n$ not run\n```\n"

    assert steps(text) == [Step(4, "one \\\n    more", "first\n...\n"), Step(8, "two", "")]


@pytest.mark.parametrize(
    ("shown", "printed", "agree"),
    [
        ("a\nb", "a\nb\n", True),
        ("a", "b", False),
        ("rows 1,000 in ... s", "rows 1,000 in 0.3 s", True),
        ("first\n...\nlast", "first\n1\n2\nlast", True),
        ("first\n...", "second", False),
        ("", "something", False),
        ("a.b", "axb", False),
    ],
)
def test_an_ellipsis_stands_for_any_text_and_nothing_else_does(shown, printed, agree):
    assert matches(shown, printed) is agree
