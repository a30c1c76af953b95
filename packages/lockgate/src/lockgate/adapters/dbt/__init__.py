"""dbt in processes of this machine, kept warm: imported and parsed once, forked for each invocation."""

from __future__ import annotations

from lockgate.adapters.dbt.config import DbtConfig
from lockgate.adapters.dbt.local import LocalDbtExecutor, open_local

__all__ = ["DbtConfig", "LocalDbtExecutor", "open_local"]
