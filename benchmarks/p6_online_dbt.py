"""P6: 100 records a request through an entity's dbt graph, online, in process.

Ours are users by the inventory solution's `fct_users` and the models it stands on: records as dictionaries, as a server
has them, become outcomes, each told to be a record's. The peer is DuckDB alone, as many threads, running the same
models' SQL as one query on the same records, which lie there as an Arrow table; once more its query is planned
before. A round is so many requests, each of other records, one after the other; what comes out is compared beforehand.
"""

from __future__ import annotations

import json
import os
import subprocess
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa

from harness import Case, Contender, Goal, main
from inventory.schema import USERS
from load.prepared import by_themselves, delivered
from load.served import PROGRAMS, SOLUTION
from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.config import load_project
from lockgate.core.compiled import CompiledGraph, CompiledKind, CompiledNode
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.types import ColumnType
from lockgate.transform.online import OnlineModel, OnlineProgram

RECORDS, REQUESTS = 100, 100
ENTITY, MODEL = "users", "fct_users"
SOURCE = Relation("raw", "users")
TYPES = {pa.int64(): "bigint", pa.string(): "text"}

Record = Mapping[str, Any]


def compiled(scratch: Path) -> dict[str, dict[str, Any]]:
    """The models that the entity's stands on, and itself, as dbt compiles them, by their ids, in an order to build."""
    dbt = str(SOLUTION / "dbt")
    command = [str(PROGRAMS / "dbt"), "compile", "--profiles-dir", dbt, "--project-dir", dbt, "--full-refresh"]
    command += ["--select", f"+{MODEL}", "--target-path", str(scratch / "target"), "--log-path", str(scratch / "logs")]
    environment = {**os.environ, "DO_NOT_TRACK": "1", "INVENTORY_DUCKDB": str(scratch / "inventory.duckdb")}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    found = json.loads((scratch / "target/manifest.json").read_text(encoding="utf-8"))["nodes"]
    models = {name: node for name, node in found.items() if node.get("compiled_code") and _is_model(node)}
    parents = {name: [one for one in node["depends_on"]["nodes"] if one in models] for name, node in models.items()}
    return {name: models[name] for name in TopologicalSorter(parents).static_order()}


def _is_model(node: Mapping[str, Any]) -> bool:
    return bool(node["resource_type"] == "model")


def contract() -> Contract:
    """The entity's, as the solution declares it."""
    return load_project(SOLUTION).entities[ENTITY].contract


def graph(models: Mapping[str, Mapping[str, Any]]) -> CompiledGraph:
    """The models as Lockgate knows them."""
    nodes = {
        name: CompiledNode(
            name,
            CompiledKind.MODEL,
            Relation(node["schema"], node["alias"]),
            node["compiled_code"],
            parents=tuple(node["depends_on"]["nodes"]),
            materialized=node["config"]["materialized"],
        )
        for name, node in models.items()
    }
    source = "source.inventory_transforms.raw.users"
    nodes[source] = CompiledNode(source, CompiledKind.SOURCE, SOURCE)
    return CompiledGraph(next(name for name in models if name.endswith(f".{MODEL}")), nodes, "duckdb")


def raw_query(models: Mapping[str, Mapping[str, Any]]) -> str:
    """The same SQL as one query over a table `records`."""
    parts = [f'"{node["alias"]}" AS ({node["compiled_code"]})' for node in models.values()]
    query = f"WITH {', '.join(parts)} SELECT * FROM {MODEL}"
    for node in models.values():
        query = query.replace(node["relation_name"], f'"{node["alias"]}"')
    return query.replace('"inventory"."raw"."users"', "records")


def ours(models: Mapping[str, Mapping[str, Any]], requests: Sequence[Sequence[Record]]) -> Contender:
    """The program that answers online."""
    columns = tuple(Column(one.name, ColumnType.parse(TYPES[one.type])) for one in USERS)
    promised = contract()
    model = OnlineModel(graph(models), SOURCE, {SOURCE: columns}, promised)
    program = OnlineProgram(model, DuckDBMemory(threads=1), context={})

    def run() -> list[pa.Table]:
        return [program.outcomes([records])[0] for records in requests]

    def answer(tables: object) -> object:
        return [_rows(row for row in table.to_pylist() if row["_outcome"] == "ok") for table in _tables(tables)]

    def _rows(rows: Iterable[Record]) -> object:
        return sorted(tuple(row[name] for name in promised.names) for row in rows)

    return Contender("lockgate", version("lockgate"), run, answer)


def _tables(found: object) -> list[pa.Table]:
    assert isinstance(found, list)  # noqa: S101
    return found


def opened() -> duckdb.DuckDBPyConnection:
    """A DuckDB with as many threads as ours."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def raw(query: str, requests: Sequence[pa.Table]) -> Contender:
    """DuckDB alone, which reads the Arrow table where it is."""
    connection = opened()

    def asked(records: pa.Table) -> pa.Table:
        connection.register("records", records)
        return connection.execute(query).to_arrow_table()

    return _alone("raw DuckDB", requests, asked)


class Held:
    """What a prepared query reads: the rows of whichever request it is run for."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def __arrow_c_stream__(self, requested: object = None) -> object:
        return self.rows.__arrow_c_stream__(requested)

    def __arrow_c_schema__(self) -> object:
        return self.rows.schema.__arrow_c_schema__()


def prepared(query: str, requests: Sequence[pa.Table]) -> Contender:
    """DuckDB alone, which has planned the query beforehand."""
    connection = opened()
    held = Held(requests[0])
    connection.register("records", held)
    connection.execute(f"PREPARE asked AS {query}")

    def asked(records: pa.Table) -> pa.Table:
        held.rows = records
        return connection.execute("EXECUTE asked").to_arrow_table()

    return _alone("raw DuckDB, prepared", requests, asked)


def _alone(name: str, requests: Sequence[pa.Table], asked: Callable[[pa.Table], pa.Table]) -> Contender:
    def run() -> list[pa.Table]:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of a copy: it costs less than `sql` does
            return [asked(records) for records in requests]

    def answer(tables: object) -> object:
        return [sorted(tuple(row.values()) for row in table.to_pylist()) for table in _tables(tables)]

    return Contender(name, duckdb.__version__, run, answer)


def case(scratch: Path) -> Case:
    """All contenders."""
    models = compiled(scratch)
    users = by_themselves(delivered()["users"], 10 * RECORDS)
    step = (len(users) - RECORDS) // REQUESTS
    requests = [users[step * number : step * number + RECORDS] for number in range(REQUESTS)]
    given = [pa.Table.from_pylist(list(records), USERS) for records in requests]
    query = raw_query(models)
    contenders = (ours(models, requests), raw(query, given), prepared(query, given))
    return Case(f"{REQUESTS} requests of {RECORDS} users", contenders, (Goal("raw DuckDB", at_least=0.6),))


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        raise SystemExit(main("p6_online_dbt", [case(Path(folder))]))
