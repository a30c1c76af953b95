"""`cost` and `cost advice`: what is printed, and what the exit code says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.cli.entrypoint import run
from lockgate.core.execution import Execution
from lockgate.core.relation import Relation
from lockgate.store import open_store

PROJECT = """
project: shop
entities:
  users:
    key: [id]
    contract: {id: bigint}
    implementations: {rules: {rules: rules/users.yml}}
"""
RULES = "entity: users\nfrom: raw.users\noutput: [id]\n"
DBT = {
    "dbt_project.yml": "name: shop\nprofile: shop\nmodel-paths: [models]\nmodels: {shop: {+materialized: table}}\n",
    "models/a.sql": "select 1 as id, 'one' as name\n",
    "models/b.sql": "select 1 as id, 'one' as name\n",
}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "lockgate.yml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "rules/users.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / ".lockgate").mkdir()
    return tmp_path


def executed(project, *seconds):
    """Stores an execution a day, the last one today."""
    store = open_store(f"sqlite:///{project / '.lockgate/control.db'}", project="shop", target="main")
    for ago, taken in enumerate(reversed(seconds)):
        at = datetime.now(UTC) - timedelta(days=ago)
        cycle = store.executions.start_cycle(store.runs.start_run("run", at), (), at)
        store.executions.add_execution(cycle, Execution("users", "rules", Relation("w", "users"), 7, taken), at)
    store.close()


def called(capsys, project, *words):
    code = run(["--project", str(project), "cost", *words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize("words", [(), ("users",), ("show",), ("show", "users"), ("--days", "7")])
def test_what_is_dearer_is_told(project, capsys, words):
    executed(project, 10.0, 10.0, 10.0, 10.0, 10.0, 15.0)

    code, out, _ = called(capsys, project, *words, "--json")

    (found,) = json.loads(out)
    seconds = found["measures"][0]
    assert code == 0
    assert (found["entity"], found["implementation"], found["runs"]) == ("users", "rules", 5)
    assert seconds == {
        "unit": "seconds", "now": 15.0, "ratio": 1.5, "trend": "dearer",
        "band": {"runs": 5, "median": 10.0, "low": 9.0, "high": 11.0},
    }  # fmt: skip


def test_a_table_says_the_same(project, capsys):
    executed(project, 10.0, 10.0, 10.0, 10.0, 10.0, 15.0)

    code, out, _ = called(capsys, project)

    line = next(line for line in out.splitlines() if "seconds" in line)
    cells = [cell.strip() for cell in line.split("│")[1:-1]]
    assert code == 0
    assert [cells[0], *cells[2:]] == [
        "users@rules", "seconds", "15.00", "10.00", "9.00", "11.00", "1.50", "5", "dearer",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "words", "code"),
    [
        ((10.0,) * 6, ("--strict",), 0),
        ((10.0,) * 5 + (15.0,), ("--strict",), 1),
        ((10.0,) * 5 + (5.0,), ("--strict",), 0),
        ((10.0,) * 5, (), 3),
        ((), (), 3),
        ((), ("nobody",), 2),
        ((), ("--days", "0"), 2),
        ((), ("advice",), 3),
        ((10.0,) * 5, ("advice",), 0),
        ((), ("advice", "--dialect", "duckdb"), 2),
        ((), ("--help",), 0),
    ],
)
def test_the_exit_code_says_how_it_is(project, capsys, seconds, words, code):
    executed(project, *seconds)

    assert called(capsys, project, *words)[0] == code


def test_a_page_shows_costs_and_advice(project, capsys):
    executed(project, 10.0, 10.0, 10.0, 10.0, 10.0, 15.0)

    code, _, _ = called(capsys, project, "--report", str(project / "costs.html"))

    page = (project / "costs.html").read_text(encoding="utf-8")
    assert code == 0
    assert "users@rules" in page
    assert page.count("<circle") == 6
    assert "<script" not in page


def test_advice_about_any_dbt_project(tmp_path, capsys):
    for name, text in DBT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "target").mkdir()
    listed = [{"unique_id": f"model.shop.{one}", "status": "success", "execution_time": took}
              for one, took in (("a", 30.0), ("b", 20.5))]  # fmt: skip
    (tmp_path / "target/run_results.json").write_text(json.dumps({"results": listed}), encoding="utf-8")

    code = run(["cost", "advice", "--dbt", str(tmp_path), "--report", str(tmp_path / "advice.html")])

    out, err = capsys.readouterr()
    assert code == 0
    assert out.splitlines()[:2] == [
        "two models alike: model.shop.b",
        "  saves       20.50 s a run = 20.5 s of the smaller one (of one run); the other takes 30 s",
    ]
    assert "no exposure, metric or served view is declared: who reads what is not known" in err
    assert "model.shop.b, model.shop.a" in (tmp_path / "advice.html").read_text(encoding="utf-8")
