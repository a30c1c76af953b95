"""How containers are made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lockgate.adapters.dbt.remote.reach import NOBODY, is_here

ENGINE = "unix:///var/run/docker.sock"
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class DockerSettings:
    """Which image, on which engine, as which account, with how much of the machine.

    A container that was asked to end has `grace_seconds` to do so.
    """

    image: str
    user: str
    url: str = ENGINE
    network: str = "bridge"
    memory_mebibytes: int = 4096
    cpus: float = 2.0
    processes: int = 256
    grace_seconds: int = 10
    timeout_seconds: float = 30.0

    @property
    def owner(self) -> tuple[int, int]:
        """The numbers of the account and its group."""
        user, _, group = self.user.partition(":")
        return int(user), int(group or user)

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the engine sees this machine's files."""
        parts = urlsplit(self.url)
        return parts.scheme == "unix" or is_here(parts.hostname)

    @property
    def is_in_clear(self) -> bool:
        """Whether anybody on the way to the engine could read what it is sent."""
        return urlsplit(self.url).scheme in {"tcp", "http"} and not self.is_on_this_machine


def settings_of(options: Mapping[str, object]) -> DockerSettings:
    """The settings as they were declared; containers run as whoever runs Lockgate, and never as root."""
    given = {name: value for name, value in options.items() if value is not None}
    mine = f"{os.getuid()}:{os.getgid()}" if os.getuid() else f"{NOBODY}:{NOBODY}"
    return DockerSettings(**{"user": mine, **given})  # type: ignore[arg-type]
