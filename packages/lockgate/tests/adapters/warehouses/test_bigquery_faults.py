"""BigQuery's adapter while answers are lost, the service is out of order, and somebody else is faster."""

from __future__ import annotations

import json
from collections import deque
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlglot import exp

from lockgate.adapters.relations.references import in_target, opened
from lockgate.adapters.warehouses.bigquery import open_bigquery
from lockgate.core.bucket import bucket_of
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.route import Arm
from lockgate.core.sql import table
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import AccessRefused, StatementFailed, TargetBusy, UnknownName
from lockgate.sandbox.bigquery_api import BigQueryApi
from lockgate.sandbox.bigquery_api.jobs import JobFault
from lockgate.sandbox.bigquery_api.refusals import Refusal
from lockgate.sandbox.local_api import ApiAnswer, Hangs
from lockgate.testing.warehouses.given import (
    CONTRACT,
    ENTITY,
    ID,
    NAME,
    RAW_USERS,
    SERVED,
    labels,
    land,
    publish,
    route,
    rows_of,
    select,
    staged,
    users,
)

ADA = {"id": 1, "name": "Ada"}
LIMIT = 10_000_000_000
OUT_OF_ORDER = ApiAnswer(503, {"error": {"code": 503, "message": "later", "errors": [{"reason": "backendError"}]}})
# Every so-many-th request of a change is met by a fault; with the sorts of fault in turn, each sort meets each request.
STRIDE = 5


def _options(api: BigQueryApi) -> dict[str, object]:
    return {
        "project": api.project,
        "location": api.location,
        "credentials": json.dumps(api.service_account()),
        "datasets_prefix": "test_",
        "maximum_bytes_billed": LIMIT,
        "lease": timedelta(seconds=30),
        "api_endpoint": api.url,
    }


@pytest.fixture
def api():
    with BigQueryApi(location="EU") as api:
        yield api


@pytest.fixture
def warehouse(api):
    warehouse = open_bigquery("main", clock=partial(datetime.now, UTC), **_options(api))
    warehouse.prepare()
    yield warehouse
    warehouse.close()


def _requests_of(api, work) -> int:
    before = len(api.requests)
    work()
    return len(api.requests) - before


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Hangs(after=True), Hangs(), OUT_OF_ORDER], ids=["lost", "cut", "503"])
def test_a_load_lands_once_whichever_request_meets_a_fault(api, warehouse, tmp_path: Path, fault) -> None:
    land(warehouse, staged(tmp_path, 1, [ADA]))
    reject = {"column": "id", "reason": "no number", "record": "{}"}
    asked = _requests_of(api, lambda: land(warehouse, staged(tmp_path, 2, [ADA], rejects=[reject])))

    for number, place in enumerate(range(0, asked, STRIDE), start=3):
        api.faults = deque([None] * place + [fault])
        land(warehouse, staged(tmp_path, number, [ADA], rejects=[reject]))

    last = 2 + len(range(0, asked, STRIDE))
    assert len(rows_of(warehouse, RAW_USERS)) == last
    assert [load.load_id for load in warehouse.landed(RAW_USERS)] == list(range(1, last + 1))
    assert len(warehouse.quarantined(RAW_USERS)) == last - 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Hangs(after=True), Hangs(), OUT_OF_ORDER], ids=["lost", "cut", "503"])
def test_an_edition_is_published_once_whichever_request_meets_a_fault(api, warehouse, fault) -> None:
    publish(warehouse, "rules", users(3, "edition 0"))
    asked = _requests_of(api, lambda: publish(warehouse, "rules", users(3, "edition 1")))

    for place in range(0, asked, STRIDE):
        api.faults = deque([None] * place + [fault])
        edition = publish(warehouse, "rules", users(3, f"edition at {place}"))
        assert labels(warehouse) == {f"edition at {place}": 3}
        assert warehouse.shown(ENTITY) == {edition.number: Arm.INCUMBENT}

    assert [one.rows for one in warehouse.editions(ENTITY)] == [3, 3, 3]


def test_a_load_that_was_sent_and_not_recorded_is_not_there_and_lands_when_it_is_asked_again(
    api, warehouse, tmp_path: Path
) -> None:
    land(warehouse, staged(tmp_path, 1, [ADA]))
    landing = staged(tmp_path, 2, [ADA, ADA])

    api.jobs.faults = deque([None, None, None, JobFault(Refusal("invalidQuery", "the record was refused"))])
    with pytest.raises(StatementFailed, match="the record was refused"):
        warehouse.land(landing)
    between = [load.load_id for load in warehouse.landed(RAW_USERS)], warehouse.raw_state()
    land(warehouse, landing)

    assert between[0] == [1]
    assert [(load.load_id, load.rows) for load in warehouse.landed(RAW_USERS)] == [(1, 1), (2, 2)]
    assert len(rows_of(warehouse, RAW_USERS)) == 3
    staging = [one.table_id for one in warehouse._jobs.session.client.list_tables("test_lockgate")]
    assert sorted(staging) == ["lease", "load", "pin", "quarantine", "route", "state"]


def test_a_rate_limit_is_waited_for_and_a_quota_that_is_used_up_is_refused(api, warehouse, tmp_path: Path) -> None:
    land(warehouse, staged(tmp_path, 1, [ADA]))
    limited = JobFault(Refusal("jobRateLimitExceeded", "Exceeded rate limits: too many jobs"))
    used_up = JobFault(Refusal("quotaExceeded", "Quota exceeded: free query bytes scanned"))

    api.jobs.faults = deque([None, None, limited, None, limited])
    land(warehouse, staged(tmp_path, 2, [ADA]))
    api.jobs.faults = deque([used_up])
    with pytest.raises(AccessRefused, match="Quota exceeded") as refused:
        warehouse.landed(RAW_USERS)

    assert "quota is used up" in refused.value.remedy
    assert [load.load_id for load in warehouse.landed(RAW_USERS)] == [1, 2]
    assert len(rows_of(warehouse, RAW_USERS)) == 2


def test_a_transaction_that_came_second_is_tried_again(api, warehouse, tmp_path: Path) -> None:
    land(warehouse, staged(tmp_path, 1, [ADA]))
    second = Refusal("invalidQuery", "Transaction is aborted due to concurrent update against table p:lockgate.state")
    stored = route(warehouse)

    api.jobs.faults = deque([None] * 2 + [JobFault(second)])
    moved = route(warehouse, share=500)

    assert moved.token == stored.token + 1
    assert warehouse.route(ENTITY) == moved


def test_a_token_that_is_not_taken_any_more_is_renewed(api, warehouse) -> None:
    stored = route(warehouse)

    api.faults = deque([ApiAnswer(401, Refusal("authError", "Invalid Credentials").envelope())])

    assert warehouse.route(ENTITY) == stored


def test_a_key_that_google_does_not_know_is_refused_without_being_told(api) -> None:
    with BigQueryApi(location="EU") as other:
        options = _options(other) | {"api_endpoint": api.url}
        key = json.loads(str(options["credentials"])) | {"token_uri": api.service_account()["token_uri"]}
        warehouse = open_bigquery(
            "main", clock=partial(datetime.now, UTC), **options | {"credentials": json.dumps(key)}
        )

        with pytest.raises(AccessRefused, match="credentials were refused") as refused:
            warehouse.prepare()

    assert key["private_key"].splitlines()[1] not in f"{refused.value!r} {refused.value.__cause__!r}"


def test_who_lost_the_lease_changes_nothing(warehouse) -> None:
    publish(warehouse, "rules", users(3, "rules"))
    publish(warehouse, "dbt", users(3, "dbt"))
    stored = warehouse.route(ENTITY)
    lease = warehouse._jobs.names.quoted(Relation("lockgate", "lease"))

    def overtaken(state):
        warehouse._jobs.change(f"UPDATE {lease} SET owner = 'another' WHERE name = 'view users'")
        state.views[ENTITY].share = 10_000

    with pytest.raises(TargetBusy, match="another process took over the lock"):
        warehouse._moved((ENTITY,), overtaken)

    assert warehouse.route(ENTITY) == stored
    assert labels(warehouse) == {"rules": 3}


def test_a_text_that_was_not_written_any_more_shows_what_was_and_the_next_publisher_writes_it(warehouse) -> None:
    wider = Contract((*CONTRACT.columns, Column("age", ColumnType(Kind.SMALLINT))), key=("user_id",))
    newer = "SELECT CAST(1 AS bigint) AS user_id, 'new' AS label, CAST(36 AS smallint) AS age"
    publish(warehouse, "rules", users(3, "old"))
    before = warehouse._jobs.table(SERVED).view_query
    publish(warehouse, "rules", newer, contract=wider)
    warehouse._views.replaced(warehouse._jobs.table(SERVED), before)  # as if he died after the transaction
    shown = rows_of(warehouse, SERVED, order_by="user_id")

    again = publish(warehouse, "rules", newer, contract=wider)

    assert shown == [{"user_id": number, "label": "old"} for number in (1, 2, 3)]
    assert again.number == 2
    assert rows_of(warehouse, SERVED) == [{"user_id": 1, "label": "new", "age": 36}]


def test_a_view_is_only_replaced_as_it_was_read(warehouse) -> None:
    publish(warehouse, "rules", users(3, "old"))
    late = warehouse._jobs.table(SERVED)
    publish(warehouse, "rules", users(4, "new"))

    written = warehouse._views.replaced(late, late.view_query)

    assert written is None
    assert labels(warehouse) == {"new": 4}


def test_steady_views_read_the_editions_that_answer_alone(warehouse) -> None:
    first, second = (publish(warehouse, name, users(3, name)) for name in ("rules", "dbt"))
    places = [warehouse._jobs.names.quoted(warehouse.edition_relation(SERVED, one)) for one in (first, second)]

    read = {}
    for share in (0, 500, 10_000):
        route(warehouse, share=share)
        query = warehouse._jobs.table(SERVED).view_query
        read[share] = [place in query for place in places]

    assert read == {0: [True, False], 500: [True, True], 10_000: [False, True]}


def test_what_is_no_view_is_not_replaced(warehouse) -> None:
    with warehouse.workshop(SERVED.schema) as workshop:
        workshop.build(SERVED.name, select(users(2, "mine"), "bigquery"))

    with pytest.raises(StatementFailed, match="is there already and is not a view"):
        publish(warehouse, "rules", users(3, "rules"))

    assert warehouse.editions(ENTITY) == ()
    assert rows_of(warehouse, SERVED, order_by="user_id") == [
        {"user_id": 1, "label": "mine"}, {"user_id": 2, "label": "mine"}
    ]  # fmt: skip


def test_every_job_has_an_id_of_ours_and_is_bounded(api, warehouse, tmp_path: Path, bigquery_flaws) -> None:
    land(warehouse, staged(tmp_path, 1, [ADA]))
    publish(warehouse, "rules", users(3, "rules"))

    inserted = [one.document() for one in api.requests if one.method == "POST" and one.path.endswith("/jobs")]
    queries = [one["configuration"] for one in inserted if "query" in one["configuration"]]
    ids = [one["jobReference"]["jobId"] for one in inserted]

    assert all(one.startswith("lockgate-") for one in ids)
    assert len(set(ids)) == len(ids) > 10
    assert {one["query"]["maximumBytesBilled"] for one in queries} == {str(LIMIT)}
    assert {one["jobTimeoutMs"] for one in queries} == {"1800000"}
    assert {one["labels"]["application"] for one in queries} == {"lockgate"}
    assert bigquery_flaws(api) == []


def test_a_locks_holder_keeps_others_waiting(api, warehouse) -> None:
    other = open_bigquery("main", clock=partial(datetime.now, UTC), **_options(api))

    with (
        warehouse.lock("größe 'x'", wait_seconds=0),
        pytest.raises(TargetBusy, match="another process holds"),
        other.lock("größe 'x'", wait_seconds=0),
    ):
        pytest.fail("two held one lock")

    with other.lock("größe 'x'", wait_seconds=0):
        other.close()


def test_relations_are_compared_by_their_rows(api, warehouse, tmp_path: Path) -> None:
    price = Column("price", ColumnType(Kind.NUMERIC, 38, 0))
    land(warehouse, staged(tmp_path, 1, [{**ADA, "price": 10**20 - 1}], columns=(ID, NAME, price)))
    publish(warehouse, "rules", users(2, "ß"))
    options = _options(api)

    with opened(tmp_path, memory_bytes=100_000_000) as opening:
        side = opening.side(in_target("a", "bigquery", options, RAW_USERS))
        served = opening.side(in_target("b", "bigquery", options, SERVED))
        rows = side.engine.query(f"SELECT id, name, price FROM {side.source}").to_pylist()
        labelled = served.engine.query(f"SELECT * FROM {served.source} ORDER BY user_id").to_pylist()
        with pytest.raises(UnknownName, match=r"no relation raw\.unknown"):
            opening.side(in_target("c", "bigquery", options, Relation("raw", "unknown")))

    assert rows == [{"id": 1, "name": "Ada", "price": 10**20 - 1}]
    assert [str(one.type) for one in side.columns] == ["bigint", "bigint", "bigint", "text", "numeric(38,0)"]
    assert labelled == [{"user_id": 1, "label": "ß"}, {"user_id": 2, "label": "ß"}]


def test_datasets_have_the_prefix_and_buckets_are_those_of_the_key(api, warehouse) -> None:
    edition = publish(warehouse, "rules", users(2, "x"))

    found = warehouse.query(exp.select("*").from_(table(warehouse.edition_relation(SERVED, edition)))).to_pylist()

    assert {row["user_id"]: row["_bucket"] for row in found} == {1: bucket_of((1,)), 2: bucket_of((2,))}
    datasets = {one.dataset_id for one in warehouse._jobs.session.client.list_datasets()}
    assert datasets == {"test_lockgate", "test_analytics", "test_analytics__editions", "test_analytics__rules"}
