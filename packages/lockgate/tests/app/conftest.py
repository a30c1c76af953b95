"""A small project that is made by rules and by dbt, promoted to dbt."""

from __future__ import annotations

from pathlib import Path

import pytest

FILES = {
    "lockgate.yml": """
project: people
sources:
  files:
    kind: csv
    streams:
      people: {path: people.csv, columns: {id: bigint}}
entities:
  people:
    key: [person_id]
    contract: {person_id: bigint, name: text}
    implementations:
      rules: {rules: rules/people.yml}
      dbt: {dbt: dbt, model: people}
    route: {incumbent: rules, candidate: dbt, stage: promoted}
""",
    "rules/people.yml": """
entity: people
from: raw.people
rules:
  - rename: {id: person_id}
output: [person_id, name]
""",
    "dbt/dbt_project.yml": "name: people\nversion: '1.0'\nprofile: none\nmodel-paths: [models]\n",
    "dbt/models/sources.yml": "sources: [{name: raw, schema: raw, tables: [{name: people}]}]\n",
    "dbt/models/people.sql": "{{ config(materialized='table') }}\n"
    "select id as person_id, name from {{ source('raw', 'people') }}\n",
    "people.csv": "id,name\n1,Ada\n2,Łukasz\n",
}


@pytest.fixture
def project(tmp_path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


SHOP = """
project: shop
sources:
  files:
    kind: csv
    streams:
      orders: {path: orders.csv}
      items: {path: items.csv}
entities:
  orders:
    key: [id]
    contract: {id: text, title: text}
    implementations: {rules: {rules: orders.yml}}
"""


@pytest.fixture
def shop(tmp_path) -> Path:
    """A project of orders, whose rules and items are for the test to write."""
    (tmp_path / "lockgate.yml").write_text(SHOP, encoding="utf-8")
    (tmp_path / "orders.csv").write_text("id,item\nx,y\n", encoding="utf-8")
    return tmp_path
