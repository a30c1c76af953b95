"""A project whose flows use everything that a flow may say, and the files that they are compiled to."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import pytest

from lockgate.config import load_project
from lockgate.core.flow import Runtime
from lockgate.core.project import Project
from lockgate.orchestrate import compiled
from lockgate.sandbox.alerts import Receiver, webhook

SHOP = """
project: shop
sources:
  files: {kind: csv, streams: {orders: {path: orders.csv}, items: {path: items.csv}}}
entities:
  orders: {key: [id], contract: {id: text}, implementations: {rules: {rules: orders.yml}}}
pools: {warehouse: 2, unused: 7}
calendars: {business: {weekdays: [mon, tue, wed, thu, fri], skip: [2026-12-25]}}
flows:
  nightly:
    description: Loads what "changed" and shows it.
    schedule: "0 5 * * *"
    timezone: America/New_York
    calendar: business
    start: 2026-01-05
    catch_up: true
    sla: 90m
    max_active_runs: 2
    steps:
      - {name: load, load: files.orders, retries: 2, retry_delay: 1m, pool: warehouse, priority: 5}
      - {name: since, run: "load files.items --since {start} --until {end}", needs: []}
      - {name: build, execute: orders, needs: [load, since], timeout: 30m}
      - {name: publish, publish: orders}
      - {name: tell, notify: "the orders of {date} are here"}
      - name: import
        shell: "bash -c 'echo {{ as it is }}; echo a command that goes on for so long that no line has room for it all'"
        needs: []
  by_hand:
    steps:
      - {name: only, run: run --skip-load}
"""


@pytest.fixture
def shop(tmp_path) -> Path:
    """The project's folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "lockgate.yml").write_text(SHOP, encoding="utf-8")
    (folder / "orders.yml").write_text("entity: orders\nfrom: raw.orders\noutput: [id]\n", encoding="utf-8")
    return folder


@pytest.fixture
def project(shop) -> Project:
    return load_project(shop)


@pytest.fixture
def texts(project):
    """The files of a runtime, as they would lie in the project."""

    def texts(runtime: str, *names: str) -> dict[str, str]:
        return compiled(project, Runtime(runtime), project.folder / "orchestration" / runtime, names)

    return texts


@pytest.fixture
def written(shop, texts):
    """The folder of a runtime's files, written."""

    def written(runtime: str) -> Path:
        folder = shop / "orchestration" / runtime
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts(runtime).items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    return written


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """A copy of the project of people whose flow the embedded runtime has run, for one time of its schedule."""
    import sys

    sys.path.insert(0, str(Path(__file__).parent))
    from people import TICK, People

    people = People(tmp_path_factory.mktemp("embedded") / "people")
    people.lockgate("flow", "backfill", "nightly", "--from", TICK, "--to", TICK)
    return people


@pytest.fixture(scope="module")
def receiver():
    """Whom a project of people tells, once it `tells` them."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    with Receiver(webhook("/hooks", secret)) as receiver:
        receiver.secret = secret
        yield receiver
