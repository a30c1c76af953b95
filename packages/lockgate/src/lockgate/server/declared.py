"""The options that a project's surroundings state: the mode, proxies, and the secret `api-token` where there is one."""

from __future__ import annotations

from pathlib import Path

from lockgate.adapters.secrets.environment import EnvironmentSecrets
from lockgate.adapters.secrets.folder import FolderSecrets
from lockgate.config import find_project
from lockgate.server.options import Mode, Options
from lockgate.settings import read_settings, secret_variables

TOKEN = "api-token"


def declared_options(folder: Path | None) -> Options:
    """The options of the project in `folder`, or of the nearest one.

    Raises:
        UnknownName: there is no project.
        SecretMissing: the token's file cannot be used.
    """
    settings = read_settings()
    project = folder or settings.project or find_project(Path.cwd())
    providers = (
        EnvironmentSecrets(secret_variables()),
        FolderSecrets(settings.secrets_folder(project.absolute())),
    )
    tokens = (provider.find(TOKEN) for provider in providers)
    token = next((token for token in tokens if token), None)
    return Options(mode=Mode(settings.mode), token=token, trusted_proxies=settings.trusted_proxies)
