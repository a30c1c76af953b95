"""Costs and advice of a project from what its control plane keeps, and of any dbt project from what dbt left."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from lockgate.app import App
from lockgate.app.costs import advice_of_folder
from lockgate.app.wiring import open_wiring
from lockgate.core.cost import AdviceKind, Trend, Unit
from lockgate.core.execution import Execution, NodeResult, NodeStatus
from lockgate.core.load import Load, LoadMode, LoadStatus
from lockgate.core.measurement import Measurement, SeriesName
from lockgate.core.relation import Relation
from lockgate.core.run import RunRequest
from lockgate.errors import DbtProjectInvalid, UnknownName
from lockgate.flow import Unwatched

MODEL, TEST = "model.people.people", "test.people.not_null_people_name.0a1b2c3d4e"
PEOPLE = Execution("people", "dbt", Relation("analytics__dbt", "people"), 100, 12.0, revision="a")


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def wiring(project):
    text = (project / "lockgate.yml").read_text(encoding="utf-8")
    text = text.replace("people: {path: people.csv,", "people: {path: people.csv, key: [id], cursor: id,")
    (project / "lockgate.yml").write_text(text + "costs: {currency: EUR, second: 0.05}\n", encoding="utf-8")
    found = open_wiring(project, None)
    found.clock = Clock(datetime(2026, 3, 20, tzinfo=UTC))
    yield found
    found.close()


def executed(wiring, day, *, seconds=12.0, **changed):
    """Stores that dbt built people on a day of March."""
    at = datetime(2026, 3, day, 6, tzinfo=UTC)
    nodes = (
        NodeResult(MODEL, NodeStatus.SUCCESS, seconds - 2.0, materialized="table"),
        NodeResult(TEST, NodeStatus.PASS, 2.0, attached_to=MODEL),
    )
    run = wiring.store.runs.start_run("run", at)
    cycle = wiring.store.executions.start_cycle(run, (), at)
    done = replace(PEOPLE, seconds=seconds, nodes=nodes, **changed)
    number = wiring.store.executions.add_execution(cycle, done, at)
    name = SeriesName("people", "dbt", "bytes")
    wiring.store.measurements.add((Measurement(name, 4096.0, at, run, number),))
    return cycle


def loaded(wiring, rows):
    at = wiring.clock() - timedelta(days=1)
    load = Load(0, "files", "people", Relation("raw", "people"), LoadMode.APPEND, LoadStatus.EXTRACTING, at)
    opened = wiring.store.loads.open_load(load)
    wiring.store.loads.finish(replace(opened, status=LoadStatus.LANDED, rows=rows, finished_at=at))


def test_an_entity_is_held_against_the_days_before(wiring):
    for day in range(10, 15):
        executed(wiring, day)
    executed(wiring, 15, seconds=18.0, rows=150, revision="b")

    (found,) = App(wiring).costs.of_entities("people")

    measured = {one.unit: (one.now, one.band.median if one.band else None, one.trend) for one in found.measures}
    assert measured == {
        Unit.SECONDS: (18.0, 12.0, Trend.DEARER),
        Unit.ROWS: (150.0, 100.0, Trend.MORE),
        Unit.BYTES: (4096.0, 4096.0, Trend.USUAL),
        Unit.READ_BYTES: (None, None, Trend.UNKNOWN),
    }
    assert found.changed_at == datetime(2026, 3, 15, 6, tzinfo=UTC)


def test_nothing_counts_of_a_time_to_come_or_of_what_is_declared_no_more(wiring):
    for day in range(10, 16):
        executed(wiring, day)
        executed(wiring, day, seconds=900.0, entity="folk")
        executed(wiring, day, seconds=900.0, implementation="older")
    executed(wiring, 30, seconds=900.0)

    (found,) = App(wiring).costs.of_entities()

    assert (found.entity, found.implementation, found.runs) == ("people", "dbt", 5)  # and the newest
    assert found.measure(Unit.SECONDS).now == 12.0


def test_an_entity_that_is_not_there_is_refused(wiring):
    with pytest.raises(UnknownName, match="there is no entity 'peeple'"):
        App(wiring).costs.of_entities("peeple")


def test_advice_is_by_the_lineage_of_the_project_and_its_prices(wiring):
    for day in range(10, 15):
        executed(wiring, day)
    for rows in (960, 10, 10, 10, 10):
        loaded(wiring, rows)

    advised = App(wiring).costs.advice()

    (advice,) = advised.advice
    assert (advice.kind, advice.nodes) == (AdviceKind.INCREMENTAL, (MODEL,))
    assert advice.saving.how == "10 s (the median of 5 runs) × (1 - 10 new rows a load / 1,000 rows)"
    assert (advice.saving.seconds, advice.saving.money, advice.saving.currency) == (9.9, Decimal("0.4950"), "EUR")
    assert (advised.measured, advised.warnings) == (1, ("not in the project any more, though measured: 1",))


def test_nobody_is_said_to_read_nothing_while_an_implementation_cannot_be_read(wiring, project):
    (project / "dbt/models/leftover.sql").write_text(
        "select name from {{ source('raw', 'people') }}\n", encoding="utf-8"
    )
    for day in range(10, 15):
        cycle = executed(wiring, day)
        again = replace(PEOPLE, nodes=(NodeResult("model.people.leftover", NodeStatus.SUCCESS, 30.0),))
        wiring.store.executions.add_execution(cycle, again, datetime(2026, 3, day, 7, tzinfo=UTC))
    before = App(wiring).costs.advice()
    (project / "rules/people.yml").write_text("entity: people\nfrom: raw.nobody\nrules: []\n", encoding="utf-8")
    broken = App(wiring).costs.advice()

    assert [one.nodes for one in before.advice if one.kind is AdviceKind.UNREAD] == [("model.people.leftover",)]
    assert [one for one in broken.advice if one.kind is AdviceKind.UNREAD] == []
    assert broken.warnings[-1] == (
        "nothing is said of models that nobody reads: what these read is not known: rules.people.people.rules"
    )


def test_a_run_that_two_entities_share_is_counted_once(wiring):
    for day in range(10, 14):
        cycle = executed(wiring, day)
        again = replace(PEOPLE, nodes=(NodeResult(MODEL, NodeStatus.SUCCESS, 10.0),))
        wiring.store.executions.add_execution(cycle, again, datetime(2026, 3, day, 7, tzinfo=UTC))
    for rows in (960, 10, 10, 10, 10):
        loaded(wiring, rows)

    advised = App(wiring).costs.advice()

    assert (advised.advice, advised.left_out, advised.seconds) == ((), 1, 10.0)


def test_a_run_measures_bytes_and_revision_also_where_nothing_changed(project):
    with App.open(project) as app:
        for _ in range(2):
            assert app.run(RunRequest(engines=("rules",)), Unwatched()).success
        spent = app._wiring.store.costs.spent(datetime(2020, 1, 1, tzinfo=UTC))

    (edition,) = (project / "warehouse/editions").rglob("*.parquet")
    assert [(one.rows, one.bytes, one.read_bytes) for one in spent] == [(2, edition.stat().st_size, None)] * 2
    assert len({one.revision for one in spent}) == 1
    assert len(spent[0].revision) == 64


# --- any dbt project -------------------------------------------------------------------------------------------------

FILES = {
    "dbt_project.yml": "name: shop\nprofile: shop\nmodel-paths: [models]\nmodels: {shop: {+materialized: table}}\n",
    "profiles.yml": "shop: {target: dev, outputs: {dev: {type: postgres}}}\n",
    "models/shop.yml": "sources: [{name: raw, schema: raw, tables: [{name: orders, columns: [{name: id}]}]}]\n"
    "models: [{name: orders, columns: [{name: id, data_tests: [unique]}]}]\n"
    "exposures: [{name: board, type: dashboard, owner: {email: a@example.com},\n"
    "  depends_on: [ref('paid'), ref('bill')]}]\n",
    "models/orders.sql": "select id, amount, status from {{ source('raw', 'orders') }}\n",
    "models/paid.sql": "select id, amount from {{ ref('orders') }} where status = 'paid' and amount > 0\n",
    "models/bill.sql": "with o as (select * from {{ ref('orders') }})\n"
    "select o.amount, o.id from o where o.amount > 0 and 'paid' = o.status\n",
    "models/left.sql": "select id from {{ ref('orders') }}\n",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "target").mkdir()
    return folder


def results(folder, seconds, **more):
    listed = [
        {"unique_id": name, "status": "success", "execution_time": took, **more} for name, took in seconds.items()
    ]
    (folder / "target/run_results.json").write_text(json.dumps({"results": listed}), encoding="utf-8")


def test_a_dbt_folder_is_advised_by_its_last_run(shop):
    (test,) = [name for name in advice_nodes(shop) if name.startswith("test.")]
    results(shop, {"model.shop.orders": 4.0, "model.shop.paid": 9.0, "model.shop.bill": 7.5, "model.shop.left": 3.0,
                   test: 10.25, "model.shop.gone": 99.0})  # fmt: skip

    advised = advice_of_folder(shop)

    assert [(one.kind, one.nodes, one.saving.seconds) for one in advised.advice] == [
        (AdviceKind.ALIKE, ("model.shop.bill", "model.shop.paid"), 7.5),
        (AdviceKind.DEAR_TEST, (test, "model.shop.orders"), 6.25),
        (AdviceKind.UNREAD, ("model.shop.left",), 3.0),
    ]
    assert advised.warnings == (
        "not in the project any more, though measured: 1",
        "no loads are known: nothing is said of tables that could be incremental",
    )
    assert advised.refused == ()


def advice_nodes(shop):
    return App.lineage_of(shop).graph.nodes


def test_a_folder_without_results_is_refused(shop, tmp_path):
    (tmp_path / "dbt_project.yml").write_text(FILES["dbt_project.yml"], encoding="utf-8")

    with pytest.raises(UnknownName, match=r"has no target/run_results\.json"):
        advice_of_folder(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"results": 7}', "[" * 100_000, '{"results": [' + "[" * 100_000, '"\\ud800"', "\0"],
    ids=["empty", "a list", "no results", "a number", "deep", "deep inside", "text", "binary"],
)
def test_results_that_mean_nothing_are_refused(shop, content):
    (shop / "target/run_results.json").write_text(content, encoding="utf-8")

    with pytest.raises(DbtProjectInvalid):
        advice_of_folder(shop)


@pytest.mark.parametrize("seconds", ["-1", "1e400", "NaN", "true", '"9"', "null", "[]", "1" + "0" * 400])
def test_seconds_that_cannot_be_are_passed_over(shop, seconds):
    text = '{"unique_id": "model.shop.left", "status": "success", "execution_time": %s}'
    results = f'{{"results": [{text % seconds}, 7, {{}}, {{"status": [1]}}]}}'
    (shop / "target/run_results.json").write_text(results, encoding="utf-8")

    assert advice_of_folder(shop).measured == 0
