"""The page of targets, from the capabilities that their adapters declare."""

from __future__ import annotations

from lockgate.adapters.warehouses.duckdb import warehouse as duckdb
from lockgate.adapters.warehouses.postgres import warehouse as postgres

CAPABILITIES = {
    "dialect": "SQL dialect",
    "transactional_ddl": "publishing is one transaction: readers see all of it or nothing",
    "row_policies": "row policies sit on the served view",
    "roles": "consumers are granted the view and nothing behind it",
    "concurrent_writers": "several processes write at once; elsewhere one does and the others wait",
    "isolates_workshops": "what builds in a workshop can write nowhere else",
}


ROLE_OF_POSTGRES = """## What PostgreSQL's role needs

PostgreSQL 15 or newer, and a role of its own that may create schemas and roles, since every workshop gets both:

```sql
CREATE ROLE lockgate LOGIN CREATEROLE PASSWORD '…';
GRANT CREATE ON DATABASE warehouse TO lockgate;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;  -- only where an older version left it open
```

A source in PostgreSQL needs `USAGE` on its schemas and `SELECT` on its tables, and nothing else.
"""


def targets_page() -> str:
    """What each kind of target can do, and what the role that Lockgate uses there needs."""
    kinds = {"duckdb": duckdb.CAPABILITIES, "postgres": postgres.CAPABILITIES}
    rows = [
        f"| {meaning} | {' | '.join(shown(getattr(capabilities, name)) for capabilities in kinds.values())} |"
        for name, meaning in CAPABILITIES.items()
    ]
    head = [
        "# Targets",
        "",
        "What a target can do decides what a project may ask of it. This page is generated from the adapters.",
    ]
    table = ["", f"| | {' | '.join(kinds)} |", "| --- | --- | --- |", *rows]
    return "\n".join([*head, *table, "", ROLE_OF_POSTGRES])


def shown(value: object) -> str:
    """A capability as a reader sees it."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"`{value}`"
