"""The page of the environment's variables."""

from __future__ import annotations

from lockgate.core.secret import VARIABLE_PREFIX
from lockgate.settings import PREFIX, Settings


def configuration_page() -> str:
    """One row an environment variable, and where secrets are looked up."""
    rows = [f"| `{PREFIX}{name.upper()}` | {field.description} |" for name, field in Settings.model_fields.items()]
    lines = [
        "# Configuration",
        "",
        "What a project is stands in [lockgate.yml](project.md). What a machine or a person decides stands in the",
        "environment: these variables, and no others. Another one that starts with `LOCKGATE_` is warned about.",
        "This page is generated from `lockgate/settings.py`.",
        "",
        "| variable | meaning |",
        "| --- | --- |",
        *rows,
        "",
        "## Secrets",
        "",
        "`secret://warehouse-url` in a project stands for a value that is looked up when it is used, in this order:",
        "",
        f"1. the variable `{VARIABLE_PREFIX}WAREHOUSE_URL`: the name in capitals, `-` written as `_`;",
        "2. the file `warehouse-url` in the secrets folder, which only its owner may read.",
        "",
        "Values that were looked up are left out of logs.",
    ]
    return "\n".join(lines) + "\n"
