"""The page of targets, from the capabilities that their adapters declare."""

from __future__ import annotations

from lockgate.adapters.warehouses.bigquery import warehouse as bigquery
from lockgate.adapters.warehouses.duckdb import warehouse as duckdb
from lockgate.adapters.warehouses.postgres import warehouse as postgres
from lockgate.adapters.warehouses.spark import warehouse as spark

CAPABILITIES = {
    "dialect": "SQL dialect",
    "transactional_ddl": "views change inside a transaction; elsewhere one opens and closes what they read",
    "row_policies": "row policies sit on the served view",
    "roles": "consumers are granted the view and nothing behind it",
    "concurrent_writers": "several processes write at once; elsewhere one does and the others wait",
    "isolates_workshops": "what builds in a workshop can write nowhere else",
    "estimates_distinct": "above a million rows distinct values are estimated; elsewhere they are left out",
    "stored_bytes": "the bytes of an output, as `lockgate cost` tells them",
    "read_bytes": "the bytes read to make it",
}


NEEDS_OF_BIGQUERY = """## What BigQuery needs

The extra `bigquery`, a project with billing, and a service account with the roles *BigQuery Data Editor* and *BigQuery
Job User* there; it creates the datasets it needs. Its key is a secret, a JSON document:

```yaml
targets:
  google:
    kind: bigquery
    project: my-project
    location: EU
    credentials: secret://bigquery-key  # without: the machine's own, as Google's tools find them
    maximum_bytes_billed: 50000000000
```

**This adapter has not been run against Google's service.** Its tests run the whole suite of warehouses with Google's
own client against a stand-in on this machine, `lockgate.sandbox.bigquery_api`, which speaks the REST interface and
executes the statements in DuckDB. What they cannot show is what only the service does: prices, quotas,
permissions, delays.

| In the project | what |
| --- | --- |
| `lockgate` | the state in one row, the buckets that each edition answers for, pins, loads, rejected records, locks |
| `<schema>__log` | the landed loads, one table a stream, clustered by load |
| `<schema>` | views: streams up to their pins, and what consumers are served |
| `<schema>__editions` | one table for each edition |
| `<entity's schema>__<implementation>` | workshops |

Consumers need to read the views *and* what stands behind them, unless the datasets of views are authorized at
`lockgate`, `<schema>__log` and `<schema>__editions`.

What a statement may cost is bounded by `maximum_bytes_billed`. A view of a stream reads its whole log, since pins are
rows: let `lockgate prune` take away the loads that nobody needs. A served view reads the editions that answer, and no
other one; while it is being moved it reads those of before, too. A new edition scans the built output three times: for
values that do not fit, to be written, and to be held against the one before.

Locks are rows that end by themselves: a process that dies keeps the others waiting for `lease`. Publishing and moving
a route take about ten calls each, so expect seconds.

dbt does not build there yet: implementations on such a target are rules. To be compared, a relation is
fetched whole, once.

| Kind | In BigQuery |
| --- | --- |
| `smallint`, `integer`, `bigint` | `INT64`; values that do not fit a contract's narrower type are refused |
| `real`, `double` | `FLOAT64`, also where a `real` would be rounded to 32 bits |
| `numeric(p,s)` | `NUMERIC(p, s)`, or `BIGNUMERIC(p, s)` beyond 29 digits before the point or 9 behind it |
| `numeric` that becomes `text` | without zeros at the end: BigQuery does not keep how many there were |
| `timestamp`, `timestamptz` | `DATETIME`, `TIMESTAMP` |
| `uuid`, `json` | `STRING`, checked when it is published: a UUID in lower case, JSON as it was written |

Names that BigQuery refuses are spelled out: what it does not take becomes `_x`, its code point in hexadecimal and `_`.
Datasets take letters of English, digits and `_`, so that the schema `Größe` is the dataset `Gr_xf6__xdf_e`; tables and
columns take letters of every language. Columns whose names differ by case alone are one column there, and are refused.
"""

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
    warehouses = {"bigquery": bigquery, "duckdb": duckdb, "postgres": postgres, "spark": spark}
    kinds = {kind: warehouse.CAPABILITIES for kind, warehouse in warehouses.items()}
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
    return "\n".join([*head, *table, "", NEEDS_OF_BIGQUERY, ROLE_OF_POSTGRES, NEEDS_OF_SPARK])


def shown(value: object) -> str:
    """A capability as a reader sees it."""
    if isinstance(value, bool):
        return {True: "yes", False: "no"}[value]
    text = str(value)
    return text if " " in text else f"`{text}`" if text else "not known"
