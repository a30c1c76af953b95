"""What the unexplained differences of a comparison touch, in a project written out by hand with four exposures."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta

import pytest

from lockgate.app import App
from lockgate.app.run_report import comparisons_of
from lockgate.app.touching import with_touches
from lockgate.app.wiring import open_wiring
from lockgate.core.comparison import ComparisonRequest, ExpectedDifference
from lockgate.core.comparison_document import comparison_document
from lockgate.core.plain import to_plain
from lockgate.core.run import RunRequest, RunResult
from lockgate.errors import DbtFailed
from lockgate.flow import Unwatched

DBT = "name: {0}\nversion: '1.0'\nprofile: none\nmodel-paths: [models]\ntest-paths: [tests]\n"
EXPOSURE = "{{name: {0}, type: dashboard, owner: {{name: Ann}}, depends_on: [ref('{1}')]}}"
FILES = {
    "lockgate.yml": """
project: shop
sources:
  files: {kind: csv, streams: {orders: {path: orders.csv, columns: {id: bigint, amount: bigint}}}}
entities:
  orders:
    key: [id]
    contract: {id: bigint, amount: bigint, state: text, note: text}
    implementations:
      old: {rules: orders.yml}
      new: {dbt: dbt, model: orders}
      few: {dbt: dbt, model: few_orders}
    route: {incumbent: old, candidate: new, stage: shadow}
  open_orders:
    key: [id]
    contract: {id: bigint, amount: bigint}
    implementations: {new: {dbt: dbt, model: open_orders}}
    route: {incumbent: new}
  daily:
    key: [id]
    contract: {id: bigint, state: text}
    implementations: {only: {dbt: reports, model: daily}}
    route: {incumbent: only}
""",
    "orders.yml": "entity: orders\nfrom: raw.orders\nrules: [{rename: {id: id}}]\noutput: [id, amount, state, note]\n",
    "orders.csv": "id,amount,state,note\n1,10,open,a\n2,20,open,b\n3,30,shut,c\n",
    "renamed.csv": "id,amount,state,remark\n1,10,open,a\n2,20,open,b\n3,30,shut,d\n",
    "dbt/dbt_project.yml": DBT.format("shop"),
    "dbt/models/all.yml": "sources: [{name: raw, schema: raw, tables: [{name: orders}]}]\nexposures:\n"
    f"  - {EXPOSURE.format('board', 'totals')}\n  - {EXPOSURE.format('notes', 'noted')}\n",
    "dbt/models/orders.sql": "select id, amount, if(id = 2, upper(state), state) as state, note"
    " from {{ source('raw', 'orders') }}\n",
    "dbt/models/few_orders.sql": "select * from {{ source('raw', 'orders') }} where id <> 3\n",
    "dbt/models/open_orders.sql": "select id, amount from {{ ref('orders') }} where state = 'open'\n",
    "dbt/models/totals.sql": "select sum(amount) as total from {{ ref('open_orders') }}\n",
    "dbt/models/noted.sql": "select note from {{ ref('orders') }}\n",
    "dbt/tests/positive.sql": "select * from {{ ref('totals') }} where total < 0\n",
    "reports/dbt_project.yml": DBT.format("reports"),
    "reports/models/all.yml": "sources: [{name: mart, schema: analytics, tables: [{name: orders}]}]\nexposures:\n"
    f"  - {EXPOSURE.format('daily_board', 'daily')}\n",
    "reports/models/daily.sql": "select id, state from {{ source('mart', 'orders') }}\n",
}
OF_STATE = {
    "exposure.reports.daily_board": ("state", ""),
    "exposure.shop.board": ("", "state"),
    "served.shop.daily": ("state", ""),
    "served.shop.open_orders": ("", "state"),
    "served.shop.orders": ("state", ""),
    "test.shop.positive": ("", "state"),
    "model.reports.daily": ("state", ""),
    "model.shop.open_orders": ("", "state"),
}
UPPER = ExpectedDifference("upper", "ann", "agreed", date(2999, 1, 1), 1, ("state",), "id = 2", "upper(state)")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The project, of which the orders were made by all three, and the run's report."""
    folder = tmp_path_factory.mktemp("touching") / "shop"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with App.open(folder) as app:
        result = app.run(RunRequest(select=("orders",)), Unwatched())
        assert result.success, result.errors
        app.write_report(result, folder / "run.html")
        assert app.run(RunRequest(select=("orders",), engines=("few",)), Unwatched()).success
    return folder


@pytest.fixture
def folder(ran, tmp_path):
    """A copy of one's own."""
    return shutil.copytree(ran, tmp_path / "shop")


def compared(folder, left, right, **asked):
    sides = [str(folder / one) if one.endswith(".csv") else one for one in (left, right)]
    return App.compare(*sides, ComparisonRequest(**{"key": ("id",), **asked}), lambda *_: None, folder=folder)


def reached(found):
    return {one.node: (", ".join(one.direct), ", ".join(one.indirect)) for one in found.touches.reached}


def test_a_difference_touches_whoever_stands_on_its_column_and_nobody_else(ran):
    found = compared(ran, "orders@old", "orders@new")

    assert (found.touches.columns, found.touches.missing_or_extra) == (("state",), False)
    assert reached(found) == OF_STATE
    assert (found.touches.unresolved, found.touches.unknown) == ((), "")
    assert {one.node: one.entity for one in found.touches.reached if one.entity} == {
        "served.shop.daily": "daily",
        "served.shop.open_orders": "open_orders",
        "served.shop.orders": "orders",
        "model.reports.daily": "daily",
        "model.shop.open_orders": "open_orders",
    }


def test_the_document_has_it_and_what_is_kept_has_not(ran):
    document = json.loads(json.dumps(to_plain(comparison_document(compared(ran, "orders@old", "orders@new")))))
    with App.open(ran) as app:
        kept = app._wiring.store.comparisons.comparisons("orders")[0].found

    assert document["touches"]["reached"][1] == {
        "node": "exposure.shop.board", "kind": "exposure", "direct": [], "indirect": ["state"], "by_rows": False,
        "entity": "",
    }  # fmt: skip
    assert document["unexplained_in"] == kept["unexplained_in"] == {"columns": {"state": 1}, "missing": 0, "extra": 0}
    assert "touches" not in kept


def test_missing_rows_touch_what_stands_on_what_misses_them(ran):
    found = compared(ran, "orders@old", "orders@few")

    assert (found.rows.missing, found.touches.columns, found.touches.missing_or_extra) == (1, (), True)
    assert [(one.node, one.by_rows) for one in found.touches.reached] == [
        ("exposure.reports.daily_board", True),
        ("served.shop.daily", True),
        ("served.shop.orders", True),
        ("model.reports.daily", True),
    ]


def test_a_column_goes_by_its_name_on_its_own_side(ran):
    right = compared(ran, "renamed.csv", "orders@new", renamed={"remark": "note"}, excluded=frozenset({"state"}))
    left = compared(ran, "orders@old", "renamed.csv", renamed={"note": "remark"})

    assert right.touches.columns == ("remark",)
    assert reached(right) == {"exposure.shop.notes": ("remark", ""), "served.shop.orders": ("remark", "")}
    assert reached(left) == {"served.shop.orders": ("note", "")}


def test_what_was_agreed_on_or_left_out_touches_nothing(ran):
    explained = compared(ran, "orders@old", "orders@new", expected=(UPPER,))
    left_out = compared(ran, "orders@old", "orders@new", excluded=frozenset({"state"}))
    unasked = compared(ran, "orders@old", "orders@new", touches=False)

    assert (explained.rows.changed, explained.unexplained, explained.touches) == (1, 0, None)
    assert (left_out.rows.changed, left_out.touches) == (0, None)
    assert (unasked.unexplained, unasked.touches) == (1, None)


def test_files_touch_nothing(ran):
    found = compared(ran, "orders.csv", "renamed.csv", renamed={"note": "remark"})

    assert (found.rows.changed, found.touches) == (1, None)


def test_a_comparison_stands_where_lineage_cannot_be_worked_out(ran):
    found = compared(ran, "orders@old", "orders@new", touches=False)

    def lineage():
        raise DbtFailed("dbt broke", hint="Mend it.")

    told = with_touches(found, {}, lineage)
    surprised = with_touches(found, {}, lambda: 1 / 0)

    assert (told.verdict, told.touches.unknown, told.touches.columns) == (
        found.verdict,
        "dbt broke. Mend it.",
        ("state",),
    )
    assert surprised.touches.unknown == "working out the lineage failed (ZeroDivisionError)"


def test_a_project_of_dbt_that_cannot_be_parsed_is_told_beside_what_is_known(folder):
    (folder / "dbt/dbt_project.yml").write_text("name: [", encoding="utf-8")

    found = compared(folder, "orders@old", "orders@new")

    assert {"exposure.reports.daily_board", "served.shop.daily", "served.shop.orders"} <= set(reached(found))
    assert "dbt.shop.orders.new" in {one.node for one in found.touches.unresolved}


def test_the_reports_of_a_run_and_of_a_comparison_tell_it(ran, tmp_path):
    App.write_comparison(compared(ran, "orders@old", "orders@new"), tmp_path / "report.html")
    App.write_comparison(compared(ran, "orders.csv", "orders.csv"), tmp_path / "files.html")

    for page in (ran / "run.html", tmp_path / "report.html"):
        text = page.read_text(encoding="utf-8")
        assert "What the differences touch" in text
        assert "<td>dashboard</td><td><bdi>exposure.shop.board</bdi></td>" in text
        assert "<bdi>state (by a filter, join or group)</bdi>" in text
        assert "exposure.shop.notes" not in text
    assert "What the differences touch" not in (tmp_path / "files.html").read_text(encoding="utf-8")


def test_the_report_of_a_run_tells_of_its_own_comparisons_alone(folder):
    mine = compared(folder, "orders@old", "orders@few")
    wiring = open_wiring(folder, None)
    try:
        hour = timedelta(hours=1)
        meanwhile = RunResult(2, "shop", "default", wiring.clock() - hour, wiring.clock() + hour)
        later = RunResult(3, "shop", "default", wiring.clock() + hour, wiring.clock() + 2 * hour)
        found = comparisons_of(wiring, meanwhile)
        (newest,) = wiring.store.comparisons.comparisons(limit=1)
        none = comparisons_of(wiring, later)
    finally:
        wiring.close()

    assert newest.comparison_id == mine.evidence  # it is kept, and its instant lies in the run's
    assert [(one.left, one.right) for one in found] == [("orders@old", "orders@new")]
    assert none == ()
