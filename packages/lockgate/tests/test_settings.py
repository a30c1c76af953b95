"""The environment is read in one place, says what is wrong with it, and keeps its secrets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from lockgate.errors import UnknownName
from lockgate.settings import Settings, read_settings, secret_variables, unknown_variables


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("LOCKGATE_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("folder", ["é", "b[x]", "per%20c", "plus+q?", "a#b c", "a:b@c"])
def test_the_control_plane_s_address_is_of_the_folder_whatever_its_name(folder):
    address = read_settings().control_address(Path("/p") / folder)

    assert make_url(address).database == f"/p/{folder}/.lockgate/control.db"


def test_without_variables_everything_lies_in_the_project():
    settings = read_settings()

    assert (settings.project, settings.target, settings.log_format) == (None, None, "text")
    assert settings.log_level is None
    assert settings.state_folder(Path("/p")) == Path("/p/.lockgate")
    assert settings.control_address(Path("/p")) == "sqlite:////p/.lockgate/control.db"
    assert settings.secrets_folder(Path("/p")) == Path("/p/.lockgate/secrets")


def test_variables_go_before_defaults(monkeypatch):
    monkeypatch.setenv("LOCKGATE_PROJECT", "/srv/inventory")
    monkeypatch.setenv("LOCKGATE_TARGET", "postgres")
    monkeypatch.setenv("LOCKGATE_STATE_DIR", "/var/lib/lockgate")
    monkeypatch.setenv("LOCKGATE_SECRETS_DIR", "/run/secrets")
    monkeypatch.setenv("LOCKGATE_LOG_FORMAT", "json")

    settings = read_settings()

    assert (settings.project, settings.target, settings.log_format) == (Path("/srv/inventory"), "postgres", "json")
    assert settings.control_address(Path("/p")) == "sqlite:////var/lib/lockgate/control.db"
    assert settings.secrets_folder(Path("/p")) == Path("/run/secrets")


def test_the_control_plane_may_be_elsewhere_and_its_address_is_not_shown(monkeypatch):
    monkeypatch.setenv("LOCKGATE_CONTROL_URL", "postgresql://u:hunter22@db/control")

    settings = read_settings()

    assert settings.control_address(Path("/p")) == "postgresql://u:hunter22@db/control"
    assert "hunter22" not in repr(settings)


def test_networks_of_proxies_stand_between_commas(monkeypatch):
    monkeypatch.setenv("LOCKGATE_TRUSTED_PROXIES", "10.0.0.0/8, ::1,")

    assert [str(one) for one in read_settings().trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    monkeypatch.setenv("LOCKGATE_TRUSTED_PROXIES", "the proxy")
    with pytest.raises(UnknownName, match="LOCKGATE_TRUSTED_PROXIES is wrong"):
        read_settings()


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("LOCKGATE_TARGET", "")

    assert read_settings().target is None


def test_a_wrong_value_is_refused_by_the_variable_s_name(monkeypatch):
    monkeypatch.setenv("LOCKGATE_LOG_FORMAT", "xml")

    with pytest.raises(UnknownName, match="LOCKGATE_LOG_FORMAT is wrong: input should be 'text' or 'json'"):
        read_settings()


def test_variables_that_mean_nothing_are_told_with_the_nearest(monkeypatch):
    monkeypatch.setenv("LOCKGATE_TARGE", "x")
    monkeypatch.setenv("LOCKGATE_XYZZY", "x")
    monkeypatch.setenv("LOCKGATE_SECRET_ANY", "x")
    monkeypatch.setenv("LOCKGATE_PROJECT", "x")

    assert unknown_variables() == (
        "LOCKGATE_TARGE means nothing; did you mean LOCKGATE_TARGET?",
        "LOCKGATE_XYZZY means nothing",
    )


def test_secrets_are_handed_over_by_variable(monkeypatch):
    monkeypatch.setenv("LOCKGATE_SECRET_WAREHOUSE_URL", "postgresql://x")

    assert secret_variables() == {"LOCKGATE_SECRET_WAREHOUSE_URL": "postgresql://x"}


def test_no_file_is_read(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("LOCKGATE_TARGET=sneaky\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert Settings().target is None
