"""Turns `secret://name` into a value from the first provider that has it, and keeps values out of what is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from lockgate.adapters.secrets.environment import EnvironmentSecrets
from lockgate.adapters.secrets.folder import FolderSecrets
from lockgate.core.secret import SCHEME
from lockgate.errors import SecretMissing

HIDDEN = "***"
SHORTEST_HIDDEN = 4


class SecretProvider(Protocol):
    """A place where secrets are kept."""

    place: str

    def find(self, name: str) -> str | None:
        """The secret of that name; None where there is none.

        Raises:
            SecretMissing: there is one, and it cannot be used.
        """


class SecretChain:
    """Fulfils the `Secrets` port by asking one provider after the other; remembers what to hide."""

    def __init__(self, providers: Sequence[SecretProvider]) -> None:
        """Ask `providers` in this order."""
        self._providers = tuple(providers)
        self._revealed: set[str] = set()

    def resolve(self, reference: str) -> str:
        """The value behind a reference; a text that is no reference comes back as it is.

        Raises:
            SecretMissing: no provider has a secret of that name, or the one it has cannot be used.
        """
        if not reference.startswith(SCHEME):
            return reference
        name = reference.removeprefix(SCHEME)
        for provider in self._providers:
            value = provider.find(name)
            if value is not None:
                self.hide(value)
                return value
        asked = ", ".join(provider.place for provider in self._providers)
        raise SecretMissing(f"the secret {name!r} is not set (asked: {asked})", name=name)

    def redact(self, text: str) -> str:
        """`text` with every secret that was handed out replaced by `***`."""
        for value in sorted(self._revealed, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
        return text

    def hide(self, value: str) -> None:
        """See `lockgate.core.ports.Secrets.hide`; what is shorter than four characters is not hidden."""
        parts = {value, *_password(value)}
        self._revealed.update(part for part in parts if len(part) >= SHORTEST_HIDDEN)


def _password(value: str) -> tuple[str, ...]:
    """The password in an address, as it is written and as it is meant; empty where there is none."""
    try:
        password = urlsplit(value).password
    except ValueError:
        return ()
    return (password, unquote(password)) if password else ()


def open_secrets(variables: Mapping[str, str], folder: Path) -> SecretChain:
    """Secrets from environment variables first, then from the files of a folder, which need not be there."""
    return SecretChain((EnvironmentSecrets(variables), FolderSecrets(folder)))
