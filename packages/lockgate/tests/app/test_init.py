"""`init` writes a project from what is there, whole or not at all, and overwrites nothing."""

from __future__ import annotations

import stat

import psycopg
import pytest

from lockgate.adapters import registry
from lockgate.app.init import write_project
from lockgate.config import load_project
from lockgate.errors import ExtraMissing, ProjectInvalid, SourceRefused, UnknownName


@pytest.fixture
def data(tmp_path):
    (tmp_path / "orders.csv").write_text("id,total\n1,5\n2,6\n", encoding="utf-8")
    return tmp_path / "orders.csv"


def test_a_project_is_written_into_a_folder_that_need_not_be_there(tmp_path, data):
    folder = tmp_path / "new" / "shop"

    written = write_project(folder, (str(data),))

    assert [str(path.relative_to(folder)) for path in written] == [
        "lockgate.yml",
        "rules/orders.yml",
        "lockgate.schema.json",
        ".gitignore",
        "README.md",
    ]
    assert load_project(folder).entities["orders"].contract.key == ("id",)


def test_data_may_lie_in_the_project_s_own_folder(tmp_path, data):
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")

    written = write_project(tmp_path, (str(data),))

    assert tmp_path / "README.md" not in written
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"
    assert load_project(tmp_path).sources


def test_nothing_is_overwritten_and_nothing_else_written(tmp_path, data):
    folder = tmp_path / "shop"
    (folder / "rules").mkdir(parents=True)
    (folder / "rules/orders.yml").write_text("mine", encoding="utf-8")
    (folder / "lockgate.yml").symlink_to("gone")

    with pytest.raises(ProjectInvalid) as caught:
        write_project(folder, (str(data),))

    assert [problem.file for problem in caught.value.problems] == ["lockgate.yml", "rules/orders.yml"]
    assert sorted(path.name for path in folder.rglob("*")) == ["lockgate.yml", "orders.yml", "rules"]
    assert (folder / "rules/orders.yml").read_text(encoding="utf-8") == "mine"


def test_what_cannot_be_read_leaves_no_folder(tmp_path):
    with pytest.raises(SourceRefused):
        write_project(tmp_path / "shop", (str(tmp_path / "gone.csv"),))

    assert not (tmp_path / "shop").exists()


def test_a_failure_half_way_takes_everything_back(tmp_path, data):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "rules").write_text("a file where the folder should be", encoding="utf-8")

    with pytest.raises(UnknownName, match=r"cannot be written: (not a directory|file exists)"):
        write_project(folder, (str(data),))

    assert [path.name for path in folder.iterdir()] == ["rules"]


def test_a_database_without_its_driver_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "find_spec", lambda name: None)

    with pytest.raises(ExtraMissing, match="a database as the origin needs the extra 'postgres'"):
        write_project(tmp_path / "shop", ("postgresql://nobody@localhost/none",))

    assert not (tmp_path / "shop").exists()


def test_an_address_with_a_password_becomes_a_secret_that_only_its_owner_reads(tmp_path, postgres_url):
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table users (id bigint primary key, email text)")

    *_, secret = write_project(tmp_path, (postgres_url,))

    assert secret.parent == tmp_path / ".lockgate/secrets"
    assert secret.read_text(encoding="utf-8") == postgres_url
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert postgres_url not in (tmp_path / "lockgate.yml").read_text(encoding="utf-8")
    (source,) = load_project(tmp_path).sources.values()
    assert source.options["url"] == f"secret://{secret.name}"
