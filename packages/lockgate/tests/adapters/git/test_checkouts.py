"""Files of a commit are written out whole, beside the working tree, and nothing hostile in it has an effect."""

from __future__ import annotations

import subprocess

import pytest

from lockgate.adapters.git import Checkouts
from lockgate.errors import CapabilityMissing, UnknownName


def git(folder, *words: str, **given) -> str:
    names = ("-c", "user.name=Anna", "-c", "user.email=anna@example.com", "-c", "commit.gpgsign=false")
    command = ["git", *names, "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, **given).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository whose project lies in a folder of it: v1 is a tag, what came after it lies on main."""
    top = tmp_path / "repository"
    dbt = top / "project/dbt"
    dbt.mkdir(parents=True)
    (dbt / "dbt_project.yml").write_text("name: people\n", encoding="utf-8")
    (dbt / "model.sql").write_text("select 1\n", encoding="utf-8")
    git(top, "init", "-q", "-b", "main")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "one")
    git(top, "tag", "v1")
    (dbt / "model.sql").write_text("select 2\n", encoding="utf-8")
    git(top, "commit", "-qam", "two")
    return top


@pytest.fixture
def checkouts(repository, tmp_path):
    return Checkouts(repository / "project", tmp_path / "state")


def test_a_tag_a_branch_and_a_commit_are_resolved_and_a_moved_branch_is_another_commit(repository, checkouts):
    first = checkouts.commit("v1")
    newest = checkouts.commit("main")

    assert checkouts.commit(first[:10]) == first != newest
    git(repository, "commit", "-qm", "three", "--allow-empty")
    assert checkouts.commit("main") not in {first, newest}


def test_files_are_those_of_the_commit_and_the_working_tree_is_left_alone(repository, checkouts):
    (repository / "project/dbt/model.sql").write_text("select 3\n", encoding="utf-8")
    before = git(repository, "status", "--porcelain")

    found = checkouts.checked_out(checkouts.commit("v1"), repository / "project/dbt")

    assert (found.path / "model.sql").read_text(encoding="utf-8") == "select 1\n"
    assert found.left_out == ()
    assert git(repository, "status", "--porcelain") == before
    assert checkouts.checked_out(checkouts.commit("v1"), repository / "project/dbt") == found


def test_one_that_was_not_finished_is_written_again(repository, checkouts, tmp_path):
    commit = checkouts.commit("v1")
    half = tmp_path / "state" / commit / "project/dbt/model.sql"
    half.parent.mkdir(parents=True)
    half.write_text("sel", encoding="utf-8")

    found = checkouts.checked_out(commit, repository / "project/dbt")

    assert (found.path / "model.sql").read_text(encoding="utf-8") == "select 1\n"


@pytest.mark.parametrize("name", ["--upload-pack=touch /tmp/owned", "-v", "nowhere", "v1:project", "", "HEAD@{9999}"])
def test_what_is_no_revision_is_refused(checkouts, name):
    with pytest.raises(UnknownName):
        checkouts.commit(name)


def test_a_path_that_the_revision_lacks_or_the_repository_does_not_hold_is_refused(repository, checkouts, tmp_path):
    commit = checkouts.commit("v1")

    with pytest.raises(UnknownName, match="has no project/rules"):
        checkouts.checked_out(commit, repository / "project/rules")
    with pytest.raises(CapabilityMissing, match="outside the repository"):
        checkouts.checked_out(commit, tmp_path / "elsewhere")


def test_without_a_repository_or_without_git_it_is_said(tmp_path, monkeypatch):
    (tmp_path / "plain").mkdir()
    alone = Checkouts(tmp_path / "plain", tmp_path / "state")

    with pytest.raises(CapabilityMissing, match="plain lies in no git repository"):
        alone.commit("v1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CapabilityMissing, match="git, which is not installed"):
        alone.commit("v1")


def test_submodules_links_and_files_of_lfs_are_left_out_and_told(repository, checkouts):
    dbt = repository / "project/dbt"
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
    (dbt / "seed.csv").write_text(pointer, encoding="utf-8")
    (dbt / "passwd").symlink_to("/etc/passwd")
    git(repository, "add", "-A")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},project/dbt/packages")
    git(repository, "commit", "-qm", "odd")

    found = checkouts.checked_out(checkouts.commit("main"), dbt)

    assert sorted(found.left_out) == [
        "project/dbt/packages (a submodule)",
        "project/dbt/passwd (a link or an odd name)",
        "project/dbt/seed.csv (kept by Git LFS)",
    ]
    assert sorted(path.name for path in found.path.iterdir()) == ["dbt_project.yml", "model.sql"]


def test_neither_filters_nor_attributes_nor_variables_have_a_part_in_it(repository, checkouts, tmp_path, monkeypatch):
    dbt = repository / "project/dbt"
    (dbt / ".gitattributes").write_text("*.sql filter=evil export-ignore\n", encoding="utf-8")
    git(repository, "config", "filter.evil.smudge", f"touch {tmp_path}/owned")
    git(repository, "config", "filter.evil.clean", "cat")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "hostile")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))

    found = checkouts.checked_out(checkouts.commit("main"), dbt)

    assert (found.path / "model.sql").read_text(encoding="utf-8") == "select 2\n"
    assert not (tmp_path / "owned").exists()


def test_a_tree_made_by_hand_cannot_write_elsewhere(repository, checkouts, tmp_path):
    blob = git(repository, "hash-object", "-w", "--stdin", input="owned")
    raw = b"100644 ..\0" + bytes.fromhex(blob)
    command = ["git", "-C", str(repository), "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
    tree = subprocess.run(command, input=raw, check=True, capture_output=True).stdout.decode().strip()
    commit = git(repository, "commit-tree", tree, "-m", "by hand")

    found = Checkouts(repository, tmp_path / "state").checked_out(commit, repository)

    assert found.left_out == (".. (a link or an odd name)",)
