"""A load that fails holds up what reads its stream, and nothing else."""

from __future__ import annotations

import json

import pytest

from lockgate.cli.entrypoint import run

PROJECT = """
project: shop
sources:
  files:
    kind: csv
    streams: {people: {path: people.csv}, orders: {path: orders.csv}, teams: {path: teams.csv}}
entities:
  people:
    key: [id]
    contract: {id: bigint, name: text}
    implementations: {rules: {rules: rules/people.yml}, dbt: {dbt: dbt, model: people}}
    route: {incumbent: rules, candidate: dbt, stage: shadow}
  orders:
    key: [id]
    contract: {id: bigint, buyer: text}
    implementations: {rules: {rules: rules/orders.yml}, dbt: {dbt: dbt, model: orders}}
    route: {incumbent: rules, candidate: dbt, stage: shadow}
"""
FILES = {
    "lockgate.yml": PROJECT,
    "rules/people.yml": "entity: people\nfrom: raw.people\nrules: [{filter: {where: id > 0}}]\noutput: [id, name]\n",
    "rules/orders.yml": "entity: orders\nfrom: raw.orders\nrules:\n"
    "  - lookup: {in: 'entity:people', on: {buyer_id: id}, take: {buyer: name}}\noutput: [id, buyer]\n",
    "dbt/dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: none\nmodel-paths: [models]\n",
    "dbt/models/sources.yml": "sources: [{name: raw, schema: raw, tables: [{name: people}, {name: orders}]}]\n",
    "dbt/models/people.sql": "{{ config(materialized='table') }} select id, name from {{ source('raw', 'people') }}\n",
    "dbt/models/orders.sql": "{{ config(materialized='table') }} select o.id, p.name as buyer "
    "from {{ source('raw', 'orders') }} as o join {{ ref('people') }} as p on p.id = o.buyer_id\n",
    "people.csv": "id,name\n1,Ada\n",
    "orders.csv": "id,buyer_id\n7,1\n",
    "teams.csv": "id\n1\n",
}
ORDERS, PEOPLE = ["orders@dbt", "orders@rules"], ["people@dbt", "people@rules"]


@pytest.fixture
def lockgate(tmp_path, capsys):
    """Runs the project: exit code, result, standard error."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def lockgate():
        code = run(["--project", str(tmp_path), "run", "--json"])
        written = capsys.readouterr()
        return code, json.loads(written.out), written.err

    return lockgate


@pytest.mark.parametrize(("missing", "published"), [("teams", [*ORDERS, *PEOPLE]), ("orders", PEOPLE), ("people", [])])
def test_what_does_not_read_a_failed_stream_is_published(lockgate, tmp_path, missing, published) -> None:
    (tmp_path / f"{missing}.csv").unlink()

    code, result, err = lockgate()

    held = sorted({*ORDERS, *PEOPLE} - set(published))
    assert code == 2
    assert list(result["errors"]) == [f"load files.{missing}"]
    assert sorted(f"{each['entity']}@{each['implementation']}" for each in result["editions"]) == published
    assert sorted(step.removeprefix("publish ") for step in result["skipped"] if step.startswith("publish")) == held
    for piece in held:
        assert f"publish {piece} skipped, because of" in err
