"""A cutover from one rule set to another, as callers of the API see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from lockgate.app.application import App
from lockgate.app.service import Service
from lockgate.app.wiring import open_wiring
from lockgate.core.bucket import bucket_of
from lockgate.core.route import Route, Stage
from lockgate.core.run import Bounds
from lockgate.flow import Unwatched
from lockgate.server import Options
from lockgate.testing.waiting import awaited
from lockgate.transform.cycle import ensure_route, move_pins

pytestmark = pytest.mark.slow

SECONDS = 60
REQUESTS = 2_000
PROJECT = """
project: shop
sources:
  files:
    kind: csv
    streams:
      orders: {path: orders.csv, columns: {id: bigint, item: text}}
policies:
  patient: {guard: {latency: 50x}}
entities:
  orders:
    key: [id]
    contract: {id: bigint, item: text}
    implementations: {old: {rules: old.yml}, new: {rules: new.yml}}
    route: {incumbent: old, candidate: new, policy: patient}
"""
RULES = """
entity: orders
from: raw.orders
rules:
  - validate: {that: id is not null, reason: no id}
output: [id, item]
"""
# One row of a hundred is wrong, and nothing says so.
WRONG = RULES.replace("output:", "  - derive: {item: case when id % 100 = 7 then 'x' else item end}\noutput:")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"lockgate.yml": PROJECT, "old.yml": RULES, "new.yml": RULES, "orders.csv": "id,item\n1,y\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    wiring = open_wiring(tmp_path, None)
    App(wiring).load((), Bounds(), Unwatched())
    move_pins(wiring.warehouse, wiring.project.relations())
    wiring.close()
    return tmp_path


@pytest.fixture
def service(folder, monkeypatch) -> Service:
    monkeypatch.setenv("LOCKGATE_LOG_LEVEL", "error")
    return Service.open(folder)


@pytest.fixture
def client(running) -> httpx.Client:
    return running()[1]


@pytest.fixture
def move(folder) -> Iterator[Callable[..., Route]]:
    """Moves the route, as another process."""
    wiring = open_wiring(folder, None)

    def move(stage: Stage, share: int = 0) -> Route:
        route = ensure_route(wiring.project.entities["orders"], wiring.warehouse)
        return wiring.warehouse.set_route(replace(route, candidate="new", stage=stage, share=share))

    yield move
    wiring.close()


def sent(client: httpx.Client, *ids: int) -> dict:
    body = {"entityType": "orders", "records": [{"id": number, "item": f"item {number}"} for number in ids]}
    answer = client.post("/api/transform", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def engines(answer: dict) -> list[str]:
    return [outcome["engine"] for outcome in answer["outcomes"]]


def test_half_of_the_keys_go_to_the_candidate_again_and_again_and_after_a_restart(running, folder, move):
    server, client = running()
    move(Stage.CANARY, 5_000)
    expected = ["new" if bucket_of([number]) < 5_000 else "old" for number in range(100)]

    answers = [sent(client, *range(100)) for _ in range(20)]
    server.end()
    again = type(server)(Service.open(folder), Options())
    with httpx.Client(base_url=again.url, timeout=20) as other:
        answers.append(sent(other, *range(100)))
    again.end()

    assert [engines(answer) for answer in answers] == [expected] * 21
    assert {(answer["engine"], answer["scope"], answer["fallback"]) for answer in answers} == {("mixed", "row", None)}
    assert answers[0]["engines"] == {"old": expected.count("old"), "new": expected.count("new")}


def test_the_shadow_of_a_wrong_candidate_changes_no_answer(client, folder, move):
    (folder / "new.yml").write_text(WRONG, encoding="utf-8")
    off = [sent(client, number, number + 1) for number in range(0, 120, 2)]
    token = move(Stage.SHADOW).token

    assert [sent(client, number, number + 1) for number in range(0, 120, 2)] == off

    awaited(lambda: figure(client, "lockgate_shadow_records_total", entity="orders", result="equal") == 118)
    assert figure(client, "lockgate_shadow_records_total", entity="orders", result="wrong") == 2
    assert figure(client, "lockgate_shadow_errors_total", entity="orders") == 0
    assert figure(client, "lockgate_shadow_dropped_total", entity="orders") == 0
    assert client.get("/api/entities/orders/cutover").json()["route"] == {
        "incumbent": "old", "candidate": "new", "stage": "shadow", "share": 0, "token": token,
    }  # fmt: skip


def test_a_silently_wrong_candidate_is_rolled_back_by_itself_and_the_answers_say_so(client, folder, move):
    (folder / "new.yml").write_text(WRONG, encoding="utf-8")
    token = move(Stage.CANARY, 5_000).token

    def is_over(first: int) -> bool:
        with ThreadPoolExecutor(8) as many:
            list(many.map(lambda number: sent(client, number), range(first, first + 100)))
        return client.get("/api/entities/orders").json()["stage"] == "shadow"

    asked = next(first + 100 for first in range(0, REQUESTS, 100) if is_over(first))

    print(f"rolled back after {asked} requests at most")
    entity = client.get("/api/entities").json()["entities"][0]
    assert (entity["stage"], entity["share"], entity["answers"]) == ("shadow", 0, "old")
    decision = awaited(lambda: client.get("/api/entities/orders/cutover").json()["decision"])
    assert (decision["action"], decision["answer"], decision["by"]) == ("roll back", "no-go", "controller")
    assert decision["reason"].endswith("were answered differently")
    assert (decision["before"]["token"], decision["after"]["token"]) == (token, token + 1)
    answer = sent(client, 7, 107, 207)
    assert (answer["engine"], answer["engines"]) == ("old", {"old": 3})
    assert [each["output"]["item"] for each in answer["outcomes"]] == ["item 7", "item 107", "item 207"]
    assert figure(client, "lockgate_rollbacks_total", entity="orders") == 1
    assert figure(client, "lockgate_route_share", entity="orders") == 0
    assert figure(client, "lockgate_route_stage", entity="orders", stage="shadow") == 1


def test_a_person_rolls_back_at_once_and_only_once(client, move):
    move(Stage.PROMOTED, 10_000)
    assert sent(client, 1)["engine"] == "new"

    done = client.post("/api/entities/orders/cutover/rollback", json={"reason": "looks odd"})

    assert done.status_code == 200
    (one,) = done.json()["rolledBack"]
    assert (one["entityType"], one["by"], one["reason"], one["ageSeconds"]) == ("orders", "loopback", "looks odd", None)
    assert sent(client, 1)["engine"] == "old"
    again = client.post("/api/entities/orders/cutover/rollback", json={"reason": "again"})
    assert (again.status_code, again.json()["code"]) == (409, "LG951")


def figure(client: httpx.Client, name: str, **labels: str) -> float | None:
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return next((one.value for one in samples if labels.items() <= one.labels.items()), None)
