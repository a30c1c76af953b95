"""`loads prune`: what it takes and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate.cli.entrypoint import run

PROJECT = "project: p\nsources: {files: {kind: csv, streams: {people: {path: people.csv}}}}\n"


@pytest.fixture
def lockgate(tmp_path, capsys):
    """Runs a command in a project with six whole loads of 1 to 6 rows: exit code and standard output."""
    (tmp_path / "lockgate.yml").write_text(PROJECT, encoding="utf-8")

    def lockgate(*arguments: str):
        code = run(["--project", str(tmp_path), *arguments])
        return code, capsys.readouterr().out

    for rows in range(1, 7):
        Path(tmp_path / "people.csv").write_text("id\n" + "1\n" * rows, encoding="utf-8")
        assert lockgate("load")[0] == 0
    return lockgate


def pruned(lockgate, *options: str) -> tuple[int, int]:
    """How many loads and rows were removed."""
    code, out = lockgate("loads", "prune", *options, "--json")
    assert code == 0
    (stream,) = json.loads(out)
    return stream["loads"], stream["rows"]


def test_loads_that_were_replaced_go_and_the_newest_stay(lockgate) -> None:
    young = pruned(lockgate, "--keep", "0", "--older-than", "30d")
    counted, removed, rest = pruned(lockgate, "--dry-run"), pruned(lockgate), pruned(lockgate, "--keep", "1")
    _, listed = lockgate("loads", "list", "--json")

    assert young == (0, 0)
    assert (counted, removed, rest) == ((3, 6), (3, 6), (2, 9))
    assert len(json.loads(listed)) == 6


def test_what_is_pinned_stays(lockgate) -> None:
    assert lockgate("run", "--skip-load")[0] == 0

    assert pruned(lockgate, "--keep", "0") == (5, 15)
    assert pruned(lockgate, "--keep", "0") == (0, 0)


def test_an_age_is_written_with_its_unit(lockgate, capsys) -> None:
    assert lockgate("loads", "prune", "--older-than", "30")[0] == 2
