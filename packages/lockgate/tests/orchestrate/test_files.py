"""Compiled files in their folder: what drifted is told, writing brings it back, and others' files are left alone."""

from __future__ import annotations

import pytest

from lockgate.errors import ProjectInvalid
from lockgate.orchestrate import Drift, drift, write

NOTHING = Drift((), (), ())


@pytest.fixture
def folder(tmp_path, texts):
    folder = tmp_path / "out" / "luigi"
    assert write(folder, texts("luigi"), is_whole=True).missing == ("nightly.py", "by_hand.py", "luigi.cfg")
    return folder


def test_what_was_written_has_not_drifted(folder, texts):
    assert drift(folder, texts("luigi"), is_whole=True) == NOTHING
    assert not NOTHING


def test_nothing_is_there_before_it_is_written(tmp_path, texts):
    found = drift(tmp_path / "nowhere", texts("airflow"), is_whole=True)

    assert found == Drift(("nightly.py", "by_hand.py", "pools.json"), (), ())
    assert not (tmp_path / "nowhere").exists()


def test_each_kind_of_drift_is_told_and_mended(folder, texts):
    (folder / "by_hand.py").unlink()
    (folder / "nightly.py").write_text(texts("luigi")["nightly.py"] + "pass\n", encoding="utf-8")
    (folder / "former.py").write_text(texts("luigi")["by_hand.py"], encoding="utf-8")
    mine = {
        "README.md": "Written by `lockgate flow compile --to luigi`\n",
        "mine.py": "import luigi  # not by `lockgate flow compile --to luigi`\n",
        "pools.json": "{}\n",
    }
    for name, text in mine.items():
        (folder / name).write_text(text, encoding="utf-8")
    expected = Drift(("by_hand.py",), ("nightly.py",), ("former.py",))

    assert drift(folder, texts("luigi"), is_whole=True) == expected
    assert write(folder, texts("luigi"), is_whole=True) == expected

    assert drift(folder, texts("luigi"), is_whole=True) == NOTHING
    assert {path.name for path in folder.iterdir()} == {"by_hand.py", "luigi.cfg", "nightly.py", *mine}


def test_one_flow_alone_leaves_nothing_over(folder, texts):
    assert drift(folder, texts("luigi", "by_hand"), is_whole=False) == NOTHING


def test_nothing_is_written_over_the_files_of_others(tmp_path, texts):
    mine = {"pools.json": "{}\n", "nightly.py": "import airflow\n"}
    for name, text in mine.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    with pytest.raises(ProjectInvalid) as caught:
        write(tmp_path, texts("airflow"), is_whole=True)

    assert [(problem.file, problem.message, problem.remedy) for problem in caught.value.problems] == [
        (name, "this file is there already; nothing was written", "Move it away, or name another folder.")
        for name in ("nightly.py", "pools.json")
    ]
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in mine} == mine
    assert not (tmp_path / "by_hand.py").exists()
