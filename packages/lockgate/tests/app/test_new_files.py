"""New files are written all or none, over nothing and through no link; what is refused is told in our own errors."""

from __future__ import annotations

import errno
import os
import resource
import stat
from pathlib import Path

import pytest

from lockgate.app.new_files import write_new, write_over, write_page, writing
from lockgate.errors import AccessRefused, DiskFull, ProjectInvalid, UnknownName

LARGE = "x" * 100_000


@pytest.fixture
def no_room():
    """A file may have 4 KiB, as on a disk that is as good as full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def everything(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_files_and_their_folders_are_made(tmp_path):
    write_new({tmp_path / "a/b/one.sql": "ü\n", tmp_path / "two.yml": ""}, beside=tmp_path)

    assert (tmp_path / "a/b/one.sql").read_text(encoding="utf-8") == "ü\n"
    assert everything(tmp_path) == ["a", "a/b", "a/b/one.sql", "two.yml"]


def test_a_private_file_is_its_owners_alone(tmp_path):
    write_new({tmp_path / "key": "x"}, beside=tmp_path, private={tmp_path / "key"})

    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_every_file_in_the_way_is_named_and_a_link_into_nothing_is_one(tmp_path):
    (tmp_path / "one").write_text("mine", encoding="utf-8")
    (tmp_path / "two").symlink_to(tmp_path / "gone")

    with pytest.raises(ProjectInvalid) as caught:
        write_new({tmp_path / name: "theirs" for name in ("one", "two", "three")}, beside=tmp_path)

    assert [problem.file for problem in caught.value.problems] == ["one", "two"]
    assert everything(tmp_path) == ["one", "two"]
    assert (tmp_path / "one").read_text(encoding="utf-8") == "mine"


def test_a_failure_half_way_takes_back_files_and_folders(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(UnknownName, match="cannot be written: not a directory"):
        write_new({tmp_path / "new/a": "a", tmp_path / "b": "b", tmp_path / "file/c": "c"}, beside=tmp_path)

    assert everything(tmp_path) == ["file"]


@pytest.mark.usefixtures("no_room")
def test_a_full_disk_leaves_nothing(tmp_path):
    with pytest.raises(DiskFull, match="file too large"):
        write_new({tmp_path / "new/a": "a", tmp_path / "new/b": LARGE}, beside=tmp_path)

    assert everything(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.EDQUOT, DiskFull), (errno.EACCES, AccessRefused), (errno.EROFS, AccessRefused), (errno.EIO, UnknownName)],
)
def test_what_the_system_refuses_is_an_error_of_ours(number, kind):
    with pytest.raises(kind, match="the report cannot be written"), writing("the report"):
        raise OSError(number, os.strerror(number))


def test_a_file_takes_the_place_of_another(tmp_path):
    (tmp_path / "report.html").write_text("old", encoding="utf-8")

    write_over(tmp_path / "report.html", "new")

    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "new"
    assert everything(tmp_path) == ["report.html"]


def test_the_file_behind_a_link_is_written(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.html").symlink_to("real/report.html")

    write_over(tmp_path / "link.html", "new")

    assert (tmp_path / "real/report.html").read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("before", ["", "<!doctype html><p>Old", "<svg/>", '<?xml version="1.0"?><svg/>', None])
def test_a_report_takes_the_place_of_another_report(tmp_path, before):
    path = tmp_path / "report.html"
    if before is not None:
        path.write_text(before, encoding="utf-8")

    write_page(path, "<!doctype html><p>New")

    assert path.read_text(encoding="utf-8") == "<!doctype html><p>New"


def test_a_report_takes_the_place_of_nothing_else(tmp_path):
    path = tmp_path / "lockgate.yml"
    path.write_text("project: shop\n", encoding="utf-8")

    with pytest.raises(ProjectInvalid, match="no report"):
        write_page(path, "<!doctype html><p>New")

    assert path.read_text(encoding="utf-8") == "project: shop\n"


@pytest.mark.usefixtures("no_room")
def test_a_full_disk_leaves_the_file_that_was_there(tmp_path):
    (tmp_path / "report.html").write_text("old", encoding="utf-8")

    with pytest.raises(DiskFull):
        write_over(tmp_path / "report.html", LARGE)

    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "old"
    assert everything(tmp_path) == ["report.html"]


def test_what_is_no_file_is_written_to():
    write_over(Path("/dev/null"), "new")

    assert not Path("/dev/null").is_file()
