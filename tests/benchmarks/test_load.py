"""The load on a real `lockgate serve`: every question is counted once, and a wrong answer is found."""

from __future__ import annotations

import re
from collections import Counter
from itertools import count

import httpx
import pytest

from load.clients import Load
from load.prepared import prepared, questions
from load.questions import Shares
from load.running import load_on, run
from load.seen import Ending
from load.served import HOST, loaded, serving

CLIENTS, SECONDS = 5, 2.0
ANSWERED = r'lockgate_http_requests_total\{method="POST",route="/api/transform",status="200"\} ([0-9.]+)'


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with loaded(tmp_path_factory.mktemp("load"), stage="off") as project:
        yield project


@pytest.fixture(scope="module")
def right(project, tmp_path_factory):
    return prepared(project, tmp_path_factory.mktemp("right"))


def answered(server) -> int:
    """How many transformations the server says that it answered."""
    text = httpx.get(f"{server.address}/metrics", headers={"Authorization": f"Bearer {server.token}"}, timeout=60).text
    found = re.search(ANSWERED, text)
    return int(float(found.group(1))) if found else 0


@pytest.mark.slow
def test_counts_each_answer_of_the_server_once_and_finds_all_right(project, right, tmp_path):
    shares = Shares(batch=0.05)
    with serving(project, tmp_path / "serve.log") as server:
        load = load_on(server, questions(right, server.token), shares, clients=CLIENTS, seconds=SECONDS)

        outcome = run("five clients", server, load, shares)

        told = answered(server)
    seen = outcome.seen
    assert seen.asked == seen.count(Ending.RIGHT) == told > 0
    assert seen.statuses == Counter({200: told})
    assert sum(seen.engines.values()) == sum(len(one.at) for one in seen.timed.values()) == told
    assert (seen.faults, seen.tried_again, seen.success) == ([], 0, 1.0)
    assert outcome.samples[-1].resident > 50 << 20
    assert outcome.samples[-1].descriptors > 3


@pytest.mark.slow
def test_counts_every_answer_of_a_changed_rule_as_wrong(project, right, tmp_path):
    changed = sum(one["output"] is not None and one["output"]["department"] == "Finance" for _, one in singles(right))
    rules = project.folder / "rules/users.yml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("fin: Finance", "fin: Money"), encoding="utf-8")

    with serving(project, tmp_path / "serve.log") as server:
        asked, turn = questions(right, server.token).one["users"], count()
        load = Load(HOST, server.port, server.token, lambda _: asked[next(turn)], 1, questions=len(asked))
        seen = run("one client", server, load, Shares()).seen

    assert seen.asked == len(asked) == 100
    assert seen.count(Ending.WRONG) == changed > 0
    assert seen.count(Ending.RIGHT) == 100 - changed
    assert [fault for fault in seen.faults if "Money" not in fault] == []


def singles(right):
    return right["users"]["apart"][:100]
