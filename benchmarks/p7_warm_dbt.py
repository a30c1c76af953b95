"""P7: one dbt model, run warm on PostgreSQL, in a project of 10 models and in one of 300.

Ours is an execution of the entity: the workshop opened, an isolated invocation forked, its nodes told, rows counted.
The peers build the same model in the same schema: `dbtRunner` in a process of its own that keeps the parsed manifest
(dbt's documented programmatic mode), the command line, and the model's SQL alone. What all of them compile is compared
byte for byte before anything is timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from harness import Case, Contender, Goal, main
from lockgate.adapters.dbt import DbtConfig, LocalDbtExecutor
from lockgate.adapters.warehouses.postgres import open_postgres
from lockgate.core.entity import Engine, Entity, Implementation, RouteDeclaration
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column, Contract
from lockgate.core.types import ColumnType
from lockgate.sandbox.postgres import start_postgres
from lockgate.transform.dbt import DbtExecutionService

WORKSHOP = "analytics__dbt"
MODEL = "fct_orders"
SQL = (
    "{{ config(materialized='table') }}\n"
    "select i as order_id, md5(i::text) as label from generate_series(1, {{ var('rows', 1000) }}) as numbers(i)\n"
)
OTHER = "{{{{ config(materialized='view') }}}}\nselect * from {{{{ ref('{before}') }}}} where order_id > {n}\n"
PROJECT = (
    "name: bench\nversion: '1.0'\nprofile: bench\nmodel-paths: [models]\nflags: {send_anonymous_usage_stats: false}\n"
)

# A process of dbt's own, warm: it answers each line of its input with the compiled SQL of a run.
RUNNER = """
import json, sys
from dbt.cli.main import dbtRunner
arguments = sys.argv[1:]
parsed = dbtRunner().invoke(["parse", *arguments])
assert parsed.success, parsed.exception
runner = dbtRunner(manifest=parsed.result)
out = sys.__stdout__
for line in sys.stdin:
    done = runner.invoke(["run", *arguments, "--select", line.strip()])
    assert done.success, done.exception
    out.write(json.dumps(done.result.results[0].node.compiled_code) + "\\n")
    out.flush()
"""


def write_project(folder: Path, models: int, address: str) -> Path:
    """A project of so many models, the one that is timed and views in a chain over it."""
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(PROJECT, encoding="utf-8")
    (folder / "models" / f"{MODEL}.sql").write_text(SQL, encoding="utf-8")
    for n in range(1, models):
        before = MODEL if n % 10 == 1 else f"over_{n - 1}"
        (folder / "models" / f"over_{n}.sql").write_text(OTHER.format(before=before, n=n), encoding="utf-8")
    with psycopg.connect(address) as connection:
        info = connection.info
        place = {
            "host": info.host,
            "port": info.port,
            "user": info.user,
            "password": info.password or "none",
            "dbname": info.dbname,
        }
    output = {"type": "postgres", **place, "schema": WORKSHOP, "threads": 4}
    profile = {"bench": {"target": "bench", "outputs": {"bench": output}}}
    (folder / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")
    return folder


def entity(folder: Path) -> Entity:
    """The entity whose one implementation is the model."""
    contract = Contract((Column("order_id", ColumnType.parse("bigint")),), ("order_id",))
    dbt = Implementation("dbt", Engine.DBT, folder, model=MODEL)
    return Entity("orders", contract, "main", "analytics", {"dbt": dbt}, RouteDeclaration("dbt"))


def ours(folder: Path, warehouse: Warehouse, executor: LocalDbtExecutor) -> Contender:
    """An execution by the warm executor."""
    service = DbtExecutionService(executor, warehouse)
    orders = entity(folder)

    def run() -> str:
        result = service.execute(orders, select=(MODEL,))
        (node,) = result.nodes
        return Path(node.compiled).read_text(encoding="utf-8")

    return Contender("lockgate", version("lockgate"), run, str)


def arguments(folder: Path) -> list[str]:
    """What dbt's own front doors are called with."""
    state = folder / "state"
    return [
        *("--project-dir", str(folder), "--profiles-dir", str(folder)),
        *("--target-path", str(state), "--log-path", str(state), "--quiet"),
    ]


@contextmanager
def runner(folder: Path) -> Iterator[Contender]:
    """`dbtRunner` with its manifest kept."""
    environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    command = [sys.executable, "-c", RUNNER, *arguments(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        asked, answered = process.stdin, process.stdout
        if asked is None or answered is None:
            raise SystemExit("dbt's own process could not be started")

        def run() -> str:
            asked.write(f"{MODEL}\n")
            asked.flush()
            text: str = json.loads(answered.readline())
            return text

        yield Contender("dbtRunner, manifest kept", version("dbt-core"), run, str)
        asked.close()


def command_line(folder: Path) -> Contender:
    """The command line, as people call it."""
    dbt = str(Path(sys.executable).with_name("dbt"))

    def run() -> str:
        subprocess.run([dbt, "run", *arguments(folder), "--select", MODEL], check=True, capture_output=True)
        return (folder / "state/compiled/bench/models" / f"{MODEL}.sql").read_text(encoding="utf-8")

    return Contender("dbt CLI", version("dbt-core"), run, str)


def raw_sql(folder: Path, address: str) -> Contender:
    """The statements that the model comes to, in one transaction."""
    del folder

    def run() -> None:
        query = "select i as order_id, md5(i::text) as label from generate_series(1, 1000) as numbers(i)"
        with psycopg.connect(address) as connection:
            connection.execute(f"CREATE TABLE {WORKSHOP}.raw_aside AS {query}")
            connection.execute(f"DROP TABLE IF EXISTS {WORKSHOP}.raw_orders")
            connection.execute(f"ALTER TABLE {WORKSHOP}.raw_aside RENAME TO raw_orders")

    return Contender("raw SQL", "18", run)


@contextmanager
def cases(address: str, scratch: Path) -> Iterator[list[Case]]:
    """Both projects, each with its peers running."""
    warehouse = open_postgres("main", url=address, clock=lambda: datetime.now(UTC))
    warehouse.prepare()
    executor = LocalDbtExecutor(DbtConfig(scratch / "dbt"))
    small = write_project(scratch / "small", 10, address)
    large = write_project(scratch / "large", 300, address)
    goals = (Goal("dbt CLI", at_least=15), Goal("dbtRunner, manifest kept", at_most=1.3))
    try:
        with runner(small) as small_runner, runner(large) as large_runner:
            in_small = ours(small, warehouse, executor)
            in_large = ours(large, warehouse, executor)
            beside = Contender("lockgate, 10 models", version("lockgate"), in_small.run)
            yield [
                Case(
                    "one model of 10, warm",
                    (in_small, small_runner, command_line(small), raw_sql(small, address)),
                    goals,
                ),
                Case(
                    "one model of 300, warm",
                    (in_large, large_runner, command_line(large), raw_sql(large, address), beside),
                    (*goals, Goal("lockgate, 10 models", at_most=1.2)),
                ),
            ]
    finally:
        executor.close()
        warehouse.close()


if __name__ == "__main__":
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    with TemporaryDirectory() as folder:
        server = start_postgres(Path(folder) / "postgres")
        try:
            with cases(server.url, Path(folder)) as found:
                code = main("p7_warm_dbt", found)
        finally:
            server.stop()
        raise SystemExit(code)
