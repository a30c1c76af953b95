"""The rule sets give, row for row, the result that was worked out independently; on both engines and over records."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp

from inventory import schema
from inventory.expected import expected
from inventory.generate import generate
from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.adapters.warehouses.duckdb.layout import DuckDBLayout
from lockgate.adapters.warehouses.duckdb.warehouse import DuckDBWarehouse
from lockgate.adapters.warehouses.postgres.sessions import Sessions
from lockgate.adapters.warehouses.postgres.warehouse import PostgresWarehouse
from lockgate.config.rules import load_rule_set
from lockgate.core.arrow import column_type
from lockgate.core.load import Landing, LoadMode, pin_of
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.sql import table
from lockgate.transform.rules import Catalog, RuleEngine, check_rule_set, test_cases, transform_records

RULES = Path(__file__).parent.parent / "rules"
ENTITIES = ("users", "applications")
KEYS = {"users": "user_id", "applications": "application_id"}
RULE_SETS = tuple(load_rule_set(RULES / f"{name}.yml", file=f"rules/{name}.yml") for name in ENTITIES)
RAW = {name: Relation("raw", name) for name in ENTITIES}
DATA = generate(1_500, 800, seed=11)
ROWS = {"users": DATA.users.rows, "applications": DATA.applications.rows}
EXPECTED = expected(DATA.users.rows, DATA.applications.rows)
RESULTS = {"users": EXPECTED.users, "applications": EXPECTED.applications}
REJECTED = {"users": EXPECTED.rejected_users, "applications": EXPECTED.rejected_applications}


def columns(fields: pa.Schema) -> tuple[Column, ...]:
    return tuple(Column(field.name, column_type(field.type)) for field in fields)


CATALOG = Catalog(
    ((RAW["users"], columns(schema.USERS)), (RAW["applications"], columns(schema.APPLICATIONS))), RULE_SETS
)


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request, tmp_path):
    clock = lambda: datetime.now(UTC)  # noqa: E731
    if request.param == "duckdb":
        found = DuckDBWarehouse("main", DuckDBLayout(tmp_path / "warehouse"), clock)
    else:
        found = PostgresWarehouse("main", Sessions(request.getfixturevalue("postgres_url")), clock)
    found.prepare()
    for load_id, (name, relation) in enumerate(RAW.items(), 1):
        found.land(landing(tmp_path, load_id, relation, ROWS[name]))
        found.move_pins([pin_of(relation, found.landed(relation))])
    yield found
    found.close()


def landing(folder: Path, load_id: int, relation: Relation, rows: pa.Table) -> Landing:
    numbered = rows.append_column("_load_id", pa.array([load_id] * len(rows), pa.int64()))
    numbered = numbered.append_column("_row", pa.array(range(1, len(rows) + 1), pa.int64()))
    path = folder / f"{relation.name}.parquet"
    pq.write_table(numbered, path)
    return Landing(load_id, relation, LoadMode.APPEND, columns(rows.schema), (path,), (), len(rows), 0, None)


def in_key_order(rows: pa.Table, name: str) -> pa.Table:
    return rows.select(RESULTS[name].column_names).cast(RESULTS[name].schema).sort_by(KEYS[name]).combine_chunks()


@pytest.mark.slow
def test_builds_exactly_the_expected_rows(warehouse):
    with warehouse.workshop("analytics__rules") as workshop:
        for rule_set in RULE_SETS:
            execution = RuleEngine(RULE_SETS).execute(rule_set, workshop)

            found = workshop.query(exp.select(exp.Star()).from_(table(execution.built)))
            assert in_key_order(found, rule_set.entity).equals(RESULTS[rule_set.entity].combine_chunks())
            assert execution.rows == RESULTS[rule_set.entity].num_rows


@pytest.mark.slow
def test_rejects_exactly_the_expected_rows_for_the_expected_reasons(warehouse):
    with warehouse.workshop("analytics__rules") as workshop:
        for rule_set in RULE_SETS:
            counts = Counter()
            for count in RuleEngine(RULE_SETS).execute(rule_set, workshop).rules:
                if count.outcome == "rejected":
                    counts[count.reason] += count.rows

            assert counts == REJECTED[rule_set.entity]


def test_gives_the_same_over_records():
    context = {RAW["users"]: ROWS["users"]}
    for rule_set in RULE_SETS:
        outcomes = transform_records(rule_set, ROWS[rule_set.entity], DuckDBMemory(), catalog=CATALOG, context=context)

        kept = outcomes.filter(pa.array([outcome == "ok" for outcome in outcomes["_outcome"].to_pylist()]))
        assert in_key_order(kept, rule_set.entity).equals(RESULTS[rule_set.entity].combine_chunks())


@pytest.mark.parametrize("rule_set", RULE_SETS, ids=ENTITIES)
def test_fits_its_contract(rule_set):
    contract = Contract(columns(RESULTS[rule_set.entity].schema), (KEYS[rule_set.entity],))

    assert check_rule_set(rule_set, CATALOG, contract) == ()


@pytest.mark.parametrize("rule_set", RULE_SETS, ids=ENTITIES)
def test_passes_its_own_cases(rule_set):
    results = test_cases(rule_set, CATALOG, DuckDBMemory())

    assert [result for result in results if not result.passed] == []
    assert len(results) >= 3
