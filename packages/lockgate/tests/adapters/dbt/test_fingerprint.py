"""A fingerprint changes with what files say, whatever their times say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockgate.adapters.dbt.fingerprint import SETTLED_NANOSECONDS, Fingerprint


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: small", encoding="utf-8")
    (folder / "models/a.sql").write_text("select 1", encoding="utf-8")
    return folder


def test_it_stays_where_only_times_change(project):
    fingerprint = Fingerprint(project)
    before = fingerprint.now()

    os.utime(project / "models/a.sql", (1, 1))

    assert fingerprint.now() == before == Fingerprint(project).now()


def test_it_changes_with_content_of_the_same_size_and_time(project):
    fingerprint = Fingerprint(project)
    path = project / "models/a.sql"
    before, times = fingerprint.now(), path.stat()

    path.write_text("select 2", encoding="utf-8")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert fingerprint.now() != before


@pytest.mark.parametrize("change", ["add", "remove", "rename", "swap"])
def test_it_changes_with_the_files_there_are(project, change):
    (project / "models/b.sql").write_text("select 3", encoding="utf-8")
    fingerprint = Fingerprint(project)
    before = fingerprint.now()
    a, b = project / "models/a.sql", project / "models/b.sql"

    if change == "add":
        (project / "models/c.sql").write_text("select 1", encoding="utf-8")
    elif change == "remove":
        b.unlink()
    elif change == "rename":
        b.rename(project / "models/z.sql")
    else:
        one, two = a.read_text(), b.read_text()
        a.write_text(two, encoding="utf-8")
        b.write_text(one, encoding="utf-8")

    assert fingerprint.now() != before


@pytest.mark.parametrize("name", ["target/run/a.sql", "logs/dbt.log", ".git/x.sql", "models/notes.txt"])
def test_what_is_no_part_of_a_project_is_not_looked_at(project, name):
    fingerprint = Fingerprint(project)
    before = fingerprint.now()

    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("x", encoding="utf-8")

    assert fingerprint.now() == before


def test_a_folder_called_target_deeper_down_is_part_of_the_project(project):
    fingerprint = Fingerprint(project)
    before = fingerprint.now()

    (project / "models/target").mkdir()
    (project / "models/target/a.sql").write_text("select 1", encoding="utf-8")

    assert fingerprint.now() != before


def test_a_package_behind_a_link_is_part_of_the_project_and_a_circle_of_links_ends(project, tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "m.sql").write_text("select 1", encoding="utf-8")
    (package / "circle").symlink_to(project)
    (project / "dbt_packages").mkdir()
    (project / "dbt_packages/package").symlink_to(package)
    fingerprint = Fingerprint(project)
    before = fingerprint.now()

    (package / "m.sql").write_text("select 2", encoding="utf-8")

    assert fingerprint.now() != before


def test_a_settled_file_is_not_read_again(project, monkeypatch):
    fingerprint = Fingerprint(project)
    monkeypatch.setattr("time.time_ns", lambda: (project / "models/a.sql").stat().st_ctime_ns + 2 * SETTLED_NANOSECONDS)
    before = fingerprint.now()

    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read again"))

    assert fingerprint.now() == before
