"""A project that uses every key there is, written into a folder with the files it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.errors import Problem, ProjectInvalid

FULL = """\
project: inventory
targets:
  main: {kind: duckdb, path: warehouse/}
  postgres:
    kind: postgres
    url: secret://warehouse-url
sources:
  discovery:
    kind: http
    url: http://127.0.0.1:5004
    streams:
      users: {key: [id], cursor: updated_at, lookback: 10m}
      applications:
        key: [id]
        cursor: updated_at
        columns:
          id: bigint
          cost: {type: "numeric(12,2)", description: A month.}
        on_new_column: discard_value
  files:
    kind: csv
    schema: raw_files
    path: data
    streams:
      people: {path: people/*.csv, delimiter: ";"}
entities:
  users:
    key: [user_id]
    contract: {user_id: bigint, email: text, department: text}
    serve: {target: main, schema: analytics}
    implementations:
      rules: {rules: rules/users.yml}
      dbt:
        dbt: dbt
        model: fct_users
        executor: local
        timeout: 1h30m
        vars: {day: 2024-01-31}
    route:
      incumbent: rules
      candidate: dbt
      gates: [parity]
    group: people
    bucket_by: user_id
gates:
  parity: {unexplained_differences: 0, runs: 3}
flows:
  nightly:
    schedule: "0 5 * * *"
    timezone: America/New_York
    steps:
      - {name: load, run: load discovery}
      - {name: build, run: run --skip-load, retries: 2}
      - name: check
        run: compare users@rules users@dbt --key user_id
        needs: [load, build]
notifications:
  team: {kind: email, server: secret://smtp-url, from: lockgate@example.com, to: [data@example.com]}
  chat: {kind: slack, url: secret://slack-webhook, severity: warning}
  pager:
    kind: pagerduty
    key: secret://pagerduty-key
    entities: [users]
  hook: {kind: webhook, url: https://example.com/hooks, secret: secret://hook-secret}
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with the files that the full project names; the project file itself is for the test to write."""
    for name in ("rules/users.yml", "dbt/dbt_project.yml"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("", encoding="utf-8")
    return tmp_path


@pytest.fixture
def write(folder):
    """Writes the project file, and says the folder."""

    def write(text: str = FULL) -> Path:
        (folder / "lockgate.yml").write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def problems(write):
    """The problems that loading a text as the project file gives."""
    from lockgate.config import load_project

    def problems(text: str) -> list[Problem]:
        with pytest.raises(ProjectInvalid) as caught:
            load_project(write(text))
        return list(caught.value.problems)

    return problems


@pytest.fixture
def full() -> str:
    return FULL
