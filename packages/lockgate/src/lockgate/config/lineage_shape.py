"""The shape of what a project says about who is told of lineage."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from lockgate.config.grammar import Shape, Text, fault
from lockgate.config.notification_shape import HttpAddress, SecretReference
from lockgate.core.secret import SCHEME

DEFAULT_ENDPOINT = "api/v1/lineage"


class LineageEventsShape(Shape):
    """OpenLineage events of loads, builds, tests and publications: to a file, or to a service that keeps them."""

    file: Text | None = Field(None, description="A file that gets a line for each event (NDJSON).")
    url: HttpAddress | None = Field(None, description="The service's address, or `secret://name` of it.")
    endpoint: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~/-]*$")] = Field(
        DEFAULT_ENDPOINT, description="The path behind the address that takes events."
    )
    api_key: SecretReference | None = Field(
        None, description="`secret://name` of the key that the service wants as a bearer token."
    )
    namespace: Text | None = Field(None, description="The namespace of jobs; `PROJECT.TARGET` where it is not given.")

    @model_validator(mode="after")
    def _goes_to_one_place(self) -> LineageEventsShape:
        if (self.file is None) == (self.url is None):
            raise fault("events go to one place", "Write either `file:` or `url:`.")
        if self.file is not None and self.api_key is not None:
            raise fault("a file wants no key", "Leave `api_key` out.")
        return self

    @model_validator(mode="after")
    def _key_is_not_shown(self) -> LineageEventsShape:
        """What goes over plain HTTP can be read on the way, but for this machine's own."""
        if self.api_key is None or self.url is None or self.url.startswith(SCHEME):
            return self
        parts = urlsplit(self.url)
        if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
            raise fault("the key would be readable on the way", "Write https://.")
        return self


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class LineageShape(Shape):
    """What is told of lineage."""

    events: LineageEventsShape | None = Field(None, description="Where OpenLineage events go; else none are made.")
