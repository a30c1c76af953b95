"""How one client's question ends, over real connections to a server that answers by heart."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from load import clients
from load.clients import Load, drive
from load.exchange import Answer, Reading
from load.questions import BatchQuestion, RecordsQuestion
from load.seen import Ending

RECORD = {"id": 1, "name": "Ann"}
OUTPUT = {"user_id": 1, "name": "ann"}
RIGHT = {"index": 0, "engine": "rules", "status": "ok", "reason": None, "output": OUTPUT}
HANG, CLOSE = object(), object()


def answer(status=200, document=None, **headers) -> bytes:
    body = json.dumps(document).encode()
    head = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
    head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*head, "", ""]).encode() + body


def records(*outcomes, engine="rules", scope="row", fallback=None) -> dict[str, object]:
    return {"engine": engine, "scope": scope, "fallback": fallback, "outcomes": list(outcomes)}


class ByHeart:
    """Answers requests with what it was given, one after the other, and keeps what came."""

    def __init__(self, *said) -> None:
        self._said = list(said)
        self.came: list[tuple[str, str]] = []

    async def serve(self, reader, writer) -> None:
        while self._said:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except asyncio.IncompleteReadError:
                break
            told = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await reader.readexactly(int(told.get("content-length", 0)))
            self.came.append((head.split(" HTTP")[0], body.decode()))
            said = self._said.pop(0)
            if said is HANG:
                await reader.read()
            if said in {HANG, CLOSE}:
                break
            writer.write(said)
        writer.close()


async def asked(question, *said, questions=1, patience=30.0):
    """What one client saw who asked so often, and what the server got."""
    by_heart = ByHeart(*said)
    server = await asyncio.start_server(by_heart.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        seen = await drive(
            Load("127.0.0.1", port, "t0ken", lambda _: question, 1, questions=questions, patience_seconds=patience)
        )
    return seen, by_heart.came


def ask(question, *said, **how):
    return asyncio.run(asked(question, *said, **how))


@pytest.fixture
def question():
    return RecordsQuestion("users", [RECORD], [RIGHT], "t0ken")


def test_counts_what_is_right_by_engine_and_scope(question):
    said = answer(document=records(RIGHT)), answer(document=records(RIGHT, engine="dbt", scope="request"))

    seen, came = ask(question, *said, questions=2)

    assert seen.asked == 2
    assert seen.endings == Counter({("users, 1 record", Ending.RIGHT): 2})
    assert seen.engines == Counter({("rules", "row"): 1, ("dbt", "request"): 1})
    assert came == [("POST /api/transform", json.dumps({"entityType": "users", "records": [RECORD]}))] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        records({**RIGHT, "output": {**OUTPUT, "name": "Ann"}}),
        records({**RIGHT, "status": "rejected", "output": None}),
        records({**RIGHT, "index": 1}),
        records(),
        records(RIGHT, RIGHT),
        {"outcomes": [RIGHT]},
        [],
    ],
)
def test_counts_another_outcome_as_wrong_however_often_it_comes(question, wrong):
    seen, _ = ask(question, answer(document=wrong), answer(document=wrong), questions=2)

    assert seen.endings == Counter({("users, 1 record", Ending.WRONG): 2})
    assert seen.success == 0
    assert len(seen.faults) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_asks_again_when_the_server_says_when(question, status):
    later = answer(status, {}, Retry_After=0)

    seen, came = ask(question, later, later, answer(document=records(RIGHT)))

    assert seen.endings == Counter({("users, 1 record", Ending.RIGHT): 1})
    assert seen.statuses == Counter({status: 2, 200: 1})
    assert (seen.asked, seen.tried_again, len(came)) == (1, 2, 3)


@pytest.mark.parametrize("status", [429, 503, 401, 422, 500])
def test_a_refusal_that_does_not_say_when_is_the_last_word(question, status):
    seen, _ = ask(question, answer(status, {}))

    assert seen.endings == Counter({("users, 1 record", Ending.REFUSED): 1})
    assert seen.tried_again == 0


def test_runs_out_of_patience(question):
    seen, _ = ask(question, answer(429, {}, Retry_After=60), HANG, questions=2, patience=0.3)

    assert seen.endings == Counter({("users, 1 record", Ending.IMPATIENT): 2})


def test_a_connection_that_ends_before_the_answer_is_lost(question):
    half = answer(document=records(RIGHT))[:-3]

    seen, _ = ask(question, CLOSE)
    cut, _ = ask(question, half)

    assert seen.endings == cut.endings == Counter({("users, 1 record", Ending.LOST): 1})


def test_a_connection_that_the_server_closes_after_its_answer_is_opened_anew(question):
    last = answer(document=records(RIGHT), Connection="close")

    seen, came = ask(question, last, answer(document=records(RIGHT)), questions=2)

    assert seen.endings == Counter({("users, 1 record", Ending.RIGHT): 2})
    assert len(came) == 2


def test_follows_a_job_to_its_end(monkeypatch):
    monkeypatch.setattr(clients, "POLL_SECONDS", 0.0)
    accepted = answer(202, {"status": "queued"}, Retry_After=0, Location="/api/jobs/Ab1")
    result = {"engine": "dbt", "rows": 960, "fallback": None}
    ended = answer(document={"status": "success", "result": result})

    seen, came = ask(BatchQuestion("users", 960, "t"), accepted, answer(document={"status": "running"}), ended)

    assert seen.endings == Counter({("users, batch", Ending.RIGHT): 1})
    assert [line for line, _ in came] == ["POST /api/transform", "GET /api/jobs/Ab1", "GET /api/jobs/Ab1"]


@pytest.mark.parametrize(
    "document",
    [
        {"status": "success", "engine": "dbt", "rows": 959, "fallback": None},
        {"status": "failed", "engine": "dbt", "rows": 960, "fallback": None},
    ],
)
def test_a_batch_of_other_rows_or_another_end_is_wrong(document):
    seen, _ = ask(BatchQuestion("users", 960, "t"), answer(document=document))

    assert seen.endings == Counter({("users, batch", Ending.WRONG): 1})


def test_puts_an_answer_together_however_it_comes():
    reading, whole = Reading(), answer(429, {"a": "ä"}, Retry_After=2, Location="/Ab")

    parts = [reading.take(whole[place : place + 1]) for place in range(len(whole))]

    assert parts[:-1] == [None] * (len(whole) - 1)
    assert isinstance(parts[-1], Answer)
    found = parts[-1].header("retry-after"), parts[-1].header("location"), parts[-1].header("allow")
    assert found == ("2", "/Ab", None)
    assert (parts[-1].status, json.loads(parts[-1].body)) == (429, {"a": "ä"})
