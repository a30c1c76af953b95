"""The HTTP API: `create_api` makes it over a service, `serve` runs it."""

from lockgate.server.api import create_api
from lockgate.server.options import Mode, Options
from lockgate.server.serving import serve

__all__ = ["Mode", "Options", "create_api", "serve"]
