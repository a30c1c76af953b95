"""SQL statements kept in `.sql` files, each below a line `-- name: …`."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", flags=re.MULTILINE | re.DOTALL)


@cache
def statements(package: str, file: str) -> dict[str, str]:
    """The statements of a package's `.sql` file, by name."""
    text = files(package).joinpath(file).read_text(encoding="utf-8")
    return {match[1]: match[2].strip() for match in _NAMED.finditer(text)}
