"""The page of targets, from the capabilities that their adapters declare."""

from __future__ import annotations

from lockgate.adapters.warehouses.duckdb import warehouse as duckdb
from lockgate.adapters.warehouses.postgres import warehouse as postgres
from lockgate.adapters.warehouses.spark import warehouse as spark

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

NEEDS_OF_SPARK = """## What Spark needs

Java 17 or newer, found by `JAVA_HOME` or `PATH`, and the extra `spark`. The target is a folder:

```yaml
targets:
  spark: {kind: spark, path: warehouse-spark/, master: "local[*]", conf: {spark.driver.memory: 4g}}
```

| In the folder | what |
| --- | --- |
| `state.json` | routes, editions and pins: replaced whole under a lock, so that readers see one state or the next |
| `raw__log/` | the landed loads, as Parquet |
| `editions/` | one folder of Parquet for each edition |
| `workshops/` | what was built, with links to the files of the pinned loads |

A Spark is started by the first statement that needs one, in a Java process that ends with Lockgate's; landing, pins,
routes and comparisons need none. It listens on this machine alone. All targets of kind `spark` in one process share
it, so they need the same `master` and `conf`. Settings that results depend on, such as ANSI mode and UTC, cannot be
set otherwise.

dbt runs in a process with a Spark of its own, which has the workshop's tables and `raw` as it was pinned. Its
statements run in ANSI mode too, where dbt-spark by itself turns it off: a cast that fails is an error there, not NULL.
What SQL can reach through paths is not confined, since Spark confines nobody: run only projects that you trust.

With `method: thrift` and `host`, `port`, `user` and `password`, dbt reaches a Thrift server instead; its tables are
that server's, and Lockgate does not read them.

| Kind | In Spark |
| --- | --- |
| `timestamp`, `timestamptz` | `timestamp_ntz`, `timestamp` |
| `uuid`, `json` | `string`, checked when it is published: a UUID in lower case, JSON as it was written |
| `time` | `time(6)` |
| `numeric` | `decimal`, up to 38 digits |
"""


def targets_page() -> str:
    """What each kind of target can do, and what the role that Lockgate uses there needs."""
    kinds = {"duckdb": duckdb.CAPABILITIES, "postgres": postgres.CAPABILITIES, "spark": spark.CAPABILITIES}
    rows = [
        f"| {meaning} | {' | '.join(shown(getattr(capabilities, name)) for capabilities in kinds.values())} |"
        for name, meaning in CAPABILITIES.items()
    ]
    head = [
        "# Targets",
        "",
        "What a target can do decides what a project may ask of it. This page is generated from the adapters.",
    ]
    table = ["", f"| | {' | '.join(kinds)} |", f"| --- |{' --- |' * len(kinds)}", *rows]
    return "\n".join([*head, *table, "", ROLE_OF_POSTGRES, NEEDS_OF_SPARK])


def shown(value: object) -> str:
    """A capability as a reader sees it."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"`{value}`"
