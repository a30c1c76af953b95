"""The token comes from the project's secrets."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from lockgate.errors import UnknownName
from lockgate.server.declared import declared_options
from lockgate.server.options import Mode, Options


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in (
        "LOCKGATE_PROJECT",
        "LOCKGATE_STATE_DIR",
        "LOCKGATE_SECRETS_DIR",
        "LOCKGATE_SECRET_API_TOKEN",
        "LOCKGATE_MODE",
    ):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "lockgate.yml").write_text("project: inventory\n")
    return tmp_path


def test_without_a_secret_there_is_no_token(project):
    assert declared_options(project).token is None


def test_the_environment_has_the_token(project, monkeypatch):
    monkeypatch.setenv("LOCKGATE_SECRET_API_TOKEN", "from-environment")

    assert declared_options(project).token == "from-environment"


def test_the_secrets_folder_has_the_token(project, monkeypatch):
    secrets = project / ".lockgate" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "api-token").touch(0o600)
    (secrets / "api-token").write_text("from-folder\n")
    monkeypatch.chdir(project)

    assert declared_options(None).token == "from-folder"


def test_the_mode_is_that_of_the_surroundings(project, monkeypatch):
    monkeypatch.setenv("LOCKGATE_MODE", "production")

    assert declared_options(project) == Options(mode=Mode.PRODUCTION)
    monkeypatch.setenv("LOCKGATE_SECRET_API_TOKEN", "from-environment")
    assert declared_options(project) == Options(mode=Mode.PRODUCTION, token="from-environment")


def test_whose_word_is_taken_for_who_calls_is_that_of_the_surroundings(project, monkeypatch):
    monkeypatch.setenv("LOCKGATE_TRUSTED_PROXIES", "192.0.2.0/24")

    assert declared_options(project) == Options(trusted_proxies=(ip_network("192.0.2.0/24"),))


def test_where_there_is_no_project_that_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("LOCKGATE_PROJECT", raising=False)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UnknownName):
        declared_options(None)
