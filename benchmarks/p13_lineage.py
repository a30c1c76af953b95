"""P13: the column lineage of a project of 700 models.

Ours traces every model once, in the order of its references. The naive way asks `sqlglot.lineage.lineage` for each
output column of each model, with the columns of all relations at hand; asked for all columns of a model at once, it
qualifies the model once. Both do a part of the models, and their origins must be ours. The last row is a second run of
ours over the same project, with what the first one kept.
"""

from __future__ import annotations

from importlib.metadata import version

from sqlglot import exp
from sqlglot.lineage import Node, lineage

from harness import Case, Contender, Goal, main
from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.lineage import Traced, trace

SOURCES, STAGING, JOINED, MARTS = 100, 300, 200, 200
WIDTH = 20
NAIVE_MODELS = 21
DIALECT = "duckdb"
NAMES = [f"c{at}" for at in range(WIDTH)]


def source(number: int) -> LineageNode:
    """A table with its columns."""
    columns = ("id", *NAMES)
    return LineageNode(
        f"source.s{number}", NodeKind.SOURCE, ("raw", f"s{number}"), columns, is_complete=True, dialect=DIALECT
    )


def model(name: str, sql: str, *parents: str) -> LineageNode:
    """A model in the schema `main`."""
    return LineageNode(f"model.{name}", NodeKind.MODEL, ("main", name), sql=sql, parents=parents, dialect=DIALECT)


def staging(number: int) -> LineageNode:
    """Renames and cleans the columns of a source by two common table expressions."""
    read = f"s{number % SOURCES}"
    cleaned = ", ".join(f"nullif(trim(cast({name} as varchar)), '') as {name}" for name in NAMES)
    sql = f"""
with source as (select * from raw.{read}),
cleaned as (select id, {cleaned} from source where c0 is not null)
select *, row_number() over (partition by c1 order by c2 desc) as version from cleaned
"""
    return model(f"stg_{number}", sql, f"source.{read}")


def joined(number: int) -> LineageNode:
    """Joins two staging models, decides by CASE, and keeps the newest version."""
    left, right = f"stg_{number % STAGING}", f"stg_{(number * 7 + 1) % STAGING}"
    chosen = ", ".join(
        f"case when l.c0 = 'a' then coalesce(l.{one}, r.{one}) else r.{one} end as {one}" for one in NAMES
    )
    sql = f"""
with l as (select * from main.{left} where version = 1), r as (select * from main.{right})
select l.id, {chosen} from l left join r on r.id = l.id and r.version = 1
"""
    return model(f"int_{number}", sql, f"model.{left}", f"model.{right}")


def mart(number: int) -> LineageNode:
    """Aggregates a joined model beside a union of two others."""
    read, other = f"int_{number % JOINED}", f"int_{(number * 3 + 1) % JOINED}"
    sums = ", ".join(f"max(u.{name}) as {name}" for name in NAMES[1:])
    sql = f"""
with u as (select * from main.{read} union all select * from main.{other}),
ranked as (select id, count(*) as n from main.{read} group by id having count(*) > 1)
select u.c0, max(ranked.n) as n, {sums} from u join ranked on ranked.id = u.id group by u.c0
"""
    return model(f"mart_{number}", sql, f"model.{read}", f"model.{other}")


def project() -> list[LineageNode]:
    """A hundred sources and seven hundred models in three layers."""
    layers = ((source, SOURCES), (staging, STAGING), (joined, JOINED), (mart, MARTS))
    return [make(number) for make, count in layers for number in range(count)]


Origins = dict[tuple[str, str], frozenset[str]]


Schema = dict[str, dict[str, dict[str, str]]]


def a_column(models: list[LineageNode], schema: Schema) -> Origins:
    """What each column of some models is made of, asked for one by one."""
    return {
        (node.name, name): origins(lineage(name, node.sql, schema=schema, dialect=DIALECT))
        for node in models
        for name in schema[node.relation[0]][node.relation[1]]
    }


def a_model(models: list[LineageNode], schema: Schema) -> Origins:
    """The same, asked for all columns of a model at once."""
    return {
        (node.name, name): origins(found)
        for node in models
        for name, found in lineage(None, node.sql, schema=schema, dialect=DIALECT).items()
    }


def origins(tree: Node) -> frozenset[str]:
    """The columns of tables at the ends of a tree of sqlglot's."""
    leaves = [leaf for leaf in tree.walk() if isinstance(leaf.expression, exp.Table)]
    return frozenset(f"{leaf.expression.db}.{leaf.expression.name}.{leaf.name.rsplit('.', 1)[-1]}" for leaf in leaves)


def ours(traced: Traced, keys: Origins) -> Origins:
    """The same columns as we find them."""
    relations = {node.name: ".".join(node.relation) for node in traced.nodes.values()}
    found = {
        (name, column.name): frozenset(f"{relations[ref.node]}.{ref.column}" for ref in column.direct)
        for name, lineage in traced.lineages.items()
        for column in lineage.columns
    }
    return {key: found[key] for key in keys}


def cases() -> list[Case]:
    """The whole project, once both ways were seen to agree."""
    nodes = project()
    traced = trace(nodes)
    models = [node for node in nodes if node.sql]
    schema: Schema = {"raw": {}, "main": {}}
    for node in nodes:
        columns = [one.name for one in traced.lineages[node.name].columns] if node.sql else node.columns
        schema[node.relation[0]][node.relation[1]] = dict.fromkeys(columns, "varchar")
    some = models[:: len(models) // NAIVE_MODELS][:NAIVE_MODELS]
    expected = a_column(some, schema)
    if ours(traced, expected) != expected or a_model(some, schema) != expected or traced.unresolved():
        raise SystemExit("sqlglot finds other origins")
    known = {key: traced.lineages[name] for name, key in traced.keys.items()}
    part = len(some) / len(models)
    contenders = (
        Contender("lockgate", version("lockgate"), lambda: trace(nodes)),
        Contender("sqlglot a column", version("sqlglot"), lambda: a_column(some, schema), part=part),
        Contender("sqlglot a model", version("sqlglot"), lambda: a_model(some, schema), part=part),
        Contender("lockgate, unchanged", version("lockgate"), lambda: trace(nodes, known)),
    )
    columns = sum(len(lineage.columns) for lineage in traced.lineages.values())
    goals = (Goal("sqlglot a column", at_least=10),)
    return [Case(f"{len(models)} models, {columns:,} columns", contenders, goals)]


if __name__ == "__main__":
    raise SystemExit(main("p13_lineage", cases()))
