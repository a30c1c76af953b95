"""P4: which of 20 and of 200 rules fires for each of a million rows, recorded in a table.

Ours is the whole outcomes query of a rule set: every row with its outcome, rule, reason and changes. The hand-written
CASE records the rule's name alone. zen-engine evaluates a decision table (first hit) in batches from its static loader;
the generated Python is one function of `if`s over rows that are in memory already. Those two do a part of the rows.
"""

from __future__ import annotations

import json
import platform
import random
from collections import Counter
from importlib.metadata import version

import duckdb
import pyarrow as pa

from harness import Case, Contender, Goal, main
from lockgate.core.arrow import column_type
from lockgate.core.relation import Column, Relation
from lockgate.transform.rules.program import Catalog
from lockgate.transform.rules.query import outcomes_query
from lockgate.transform.rules.rule_set import Expression, Place, Rule, RuleSet, Validate

ROWS = 1_000_000
ZEN_PART, PYTHON_PART = 0.01, 0.05
BATCH = 1_000
RAW = Relation("raw", "orders")
PLACE = Place("p4", 1)


def orders() -> pa.Table:
    """A million orders: regions and amounts spread so that each rule fires for about as many rows."""
    dice = random.Random(4)
    return pa.table(
        {
            "id": pa.array(range(ROWS), pa.int64()),
            "region": [f"region {dice.randrange(10)}" for _ in range(ROWS)],
            "amount": pa.array([dice.randrange(1000) for _ in range(ROWS)], pa.int32()),
            "age": pa.array([dice.randrange(18, 90) for _ in range(ROWS)], pa.int32()),
        }
    )


def bounds(number: int, rules: int) -> tuple[str, int, int]:
    """The region and the amounts for which a rule fires."""
    step = 10_000 // rules
    return f"region {number % 10}", number // 10 * step, (number // 10 + 1) * step


def sql(number: int, rules: int) -> str:
    """A rule's condition in SQL."""
    region, low, high = bounds(number, rules)
    return f"region = '{region}' and amount >= {low} and amount < {high} and age < 81"


def rule_set(rules: int) -> RuleSet:
    """Rules that reject what their condition finds."""
    found = tuple(
        Rule(f"rule_{n}", Validate(Expression(f"not ({sql(n, rules)})", PLACE), f"reason {n}"), PLACE)
        for n in range(rules)
    )
    return RuleSet("orders", RAW, found, ("id", "region", "amount", "age"), PLACE, PLACE)


def ours(connection: duckdb.DuckDBPyConnection, table: pa.Table, rules: int) -> Contender:
    """Our query; compiled in every run, as the first execution of a rule set would."""
    columns = tuple(Column(field.name, column_type(field.type)) for field in table.schema)
    catalog, found = Catalog(((RAW, columns),)), rule_set(rules)

    def run() -> None:
        query = outcomes_query(found, catalog, "duckdb").sql("duckdb", comments=False)
        connection.execute(f"CREATE OR REPLACE TABLE ours AS {query}")

    return Contender("lockgate", version("lockgate"), run, lambda _: counted(connection, "ours", "_rule"))


def hand(connection: duckdb.DuckDBPyConnection, rules: int) -> Contender:
    """What a person writes: one CASE."""
    case = " ".join(f"WHEN {sql(n, rules)} THEN 'rule_{n}'" for n in range(rules))

    def run() -> None:
        connection.execute(f"CREATE OR REPLACE TABLE hand AS SELECT *, CASE {case} END AS fired FROM raw.orders")

    return Contender("hand CASE", duckdb.__version__, run, lambda _: counted(connection, "hand", "fired"))


def counted(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> Counter[str | None]:
    """Rows by the rule that fired."""
    return Counter(dict(connection.execute(f"SELECT {column}, count(*) FROM {table} GROUP BY 1").fetchall()))


def zen_engine(records: list[dict[str, object]], rules: int, expected: list[str | None]) -> Contender:
    """A decision table in zen-engine, in batches."""
    import zen

    engine = zen.ZenEngine({"loader": {"type": "static", "content": {"rules": decision(rules)}}})
    requests = [{"key": "rules", "context": record} for record in records]
    batches = [requests[start : start + BATCH] for start in range(0, len(requests), BATCH)]

    def run() -> list[str | None]:
        found = [answer for batch in batches for answer in engine.evaluate_batch(batch)]
        return [(answer["data"]["result"] or {}).get("rule") for answer in found]

    check("zen-engine", run(), expected)
    return Contender("zen-engine", version("zen-engine"), run, part=len(records) / ROWS)


def decision(rules: int) -> dict[str, object]:
    """The rules as a decision graph: input, a table in which the first hit counts, output."""
    inputs = [{"id": name, "name": name, "field": name} for name in ("region", "amount", "age")]
    rows = []
    for number in range(rules):
        region, low, high = bounds(number, rules)
        row = {"_id": str(number), "region": json.dumps(region), "amount": f"[{low}..{high})", "age": "< 81"}
        rows.append(row | {"rule": json.dumps(f"rule_{number}")})
    outputs = [{"id": "rule", "name": "rule", "field": "rule"}]
    content = {"hitPolicy": "first", "inputs": inputs, "outputs": outputs, "rules": rows}
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode", "content": {"schema": ""}},
        {"id": "table", "name": "table", "type": "decisionTableNode", "content": content},
        {"id": "out", "name": "out", "type": "outputNode", "content": {"schema": ""}},
    ]
    pairs = (("in", "table"), ("table", "out"))
    edges = [{"id": f"{a}{b}", "sourceId": a, "targetId": b, "type": "edge"} for a, b in pairs]
    return {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}


def generated_python(records: list[dict[str, object]], rules: int, expected: list[str | None]) -> Contender:
    """A function of `if`s, written by a program."""
    lines = ["def fired(region, amount, age):"]
    for number in range(rules):
        region, low, high = bounds(number, rules)
        test = f"region == {region!r} and {low} <= amount < {high} and age < 81"
        lines += [f"    if {test}:", f"        return 'rule_{number}'"]
    space: dict[str, object] = {}
    exec("\n".join([*lines, "    return None"]), space)  # noqa: S102  # the text is made three lines above
    fired = space["fired"]
    rows = [(record["region"], record["amount"], record["age"]) for record in records]

    def run() -> list[str | None]:
        return [fired(*row) for row in rows]

    check("generated Python", run(), expected)
    return Contender("generated Python", platform.python_version(), run, part=len(records) / ROWS)


def check(name: str, found: list[str | None], expected: list[str | None]) -> None:
    """Refuse to time a contender that gives other answers.

    Raises:
        SystemExit: it does.
    """
    if found != expected:
        raise SystemExit(f"{name} does not give the hand-written CASE's answers")


def case(connection: duckdb.DuckDBPyConnection, table: pa.Table, rules: int) -> Case:
    """All contenders for so many rules."""
    by_hand = hand(connection, rules)
    by_hand.run()
    expected = [name for (name,) in connection.execute("SELECT fired FROM hand ORDER BY id").fetchall()]
    some = {part: table.slice(0, int(ROWS * part)).to_pylist() for part in (ZEN_PART, PYTHON_PART)}
    contenders = (
        ours(connection, table, rules),
        by_hand,
        zen_engine(some[ZEN_PART], rules, expected[: len(some[ZEN_PART])]),
        generated_python(some[PYTHON_PART], rules, expected[: len(some[PYTHON_PART])]),
    )
    goals = (Goal("hand CASE", at_most=1.5), Goal("zen-engine", at_least=25), Goal("generated Python", at_least=4))
    return Case(f"{rules} rules, {ROWS:,} rows", contenders, goals)


def cases() -> list[Case]:
    """20 and 200 rules over the same rows."""
    connection, table = duckdb.connect(), orders()
    connection.execute("CREATE SCHEMA raw")
    connection.register("orders", table)
    connection.execute("CREATE TABLE raw.orders AS SELECT * FROM orders")
    return [case(connection, table, rules) for rules in (20, 200)]


if __name__ == "__main__":
    raise SystemExit(main("p4_rules", cases()))
