"""Lines of a file are whole whoever writes them; a service is asked once, with its key, and never over the open."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys

import pytest

from lockgate.adapters.alerts.posting import Patience
from lockgate.adapters.openlineage.sending import open_sender
from lockgate.core.deadline import within
from lockgate.core.lineage_event import EventDocument, EventsDeclaration
from lockgate.errors import NoticeRefused, NoticeUnavailable
from lockgate.sandbox.alerts import Answer, Misbehaviour, Receiver

EVENT = EventDocument("018df4f0-7c00-7aaa-8bbb-0123456789ac/START", {"eventType": "START", "of": "Łukasz"})
WRITES = """
import sys
from lockgate.adapters.openlineage.sending import open_sender
from lockgate.core.lineage_event import EventDocument, EventsDeclaration

send = open_sender(EventsDeclaration(file=sys.argv[1]), None)
for number in range(200):
    send(EventDocument("", {"by": sys.argv[2], "number": number, "long": "x" * 20_000}))
"""


class Known:
    """Secrets that are what they are called."""

    def resolve(self, reference: str) -> str:
        return reference.removeprefix("secret://")


# --- a file ---------------------------------------------------------------------------------------------------------


def lines_of(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_file_gets_a_line_for_each_event(tmp_path):
    path = tmp_path / "new" / "events.ndjson"
    send = open_sender(EventsDeclaration(file=str(path)), Known())

    said = [send(EVENT), send(EVENT)]

    assert path.read_bytes() == b'{"eventType":"START","of":"\xc5\x81ukasz"}\n' * 2
    assert said == ["events.ndjson has 37 bytes more"] * 2


def test_what_two_processes_write_at_once_is_whole_and_in_each_ones_order(tmp_path):
    path = tmp_path / "events.ndjson"

    writers = [subprocess.Popen([sys.executable, "-c", WRITES, str(path), name]) for name in ("a", "b")]
    assert [writer.wait() for writer in writers] == [0, 0]

    found = lines_of(path)
    assert [one["number"] for one in found if one["by"] == "a"] == list(range(200))
    assert [one["number"] for one in found if one["by"] == "b"] == list(range(200))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"eventTime":1}\n{"eventTime":"half', b'{"eventTime":1}\n'),
        (b'{"eve', b""),
        (b'{"eventTime":1}\n' + b'{"eventTime":"' + b"y" * 200_000, b'{"eventTime":1}\n'),
        (b'{"eventTime":1}\n{"whole":2}', b'{"eventTime":1}\n{"whole":2}\n'),
        (b'{"eventTime":1}\n{"other":"half', b'{"eventTime":1}\n{"other":"half\n'),
    ],
)
def test_half_an_event_that_a_dead_process_left_is_taken_away_and_nothing_else(tmp_path, before, after):
    path = tmp_path / "events.ndjson"
    path.write_bytes(before)

    open_sender(EventsDeclaration(file=str(path)), Known())(EventDocument("", {"eventTime": "now"}))

    assert path.read_bytes() == after + b'{"eventTime":"now"}\n'


@pytest.mark.parametrize(
    "before",
    [
        b"notes of somebody's\nand their end",
        b"project: shop\n",
        b"id,name\n1,Ada\n2,Grace",
        b"SQLite format 3\x00",
        b'{"other":"half',
        b"\n",
    ],
)
def test_a_file_of_something_else_is_refused_and_stays_as_it_is(tmp_path, before):
    path = tmp_path / "mine.csv"
    path.write_bytes(before)

    with pytest.raises(NoticeRefused) as refused:
        open_sender(EventsDeclaration(file=str(path)), Known())(EventDocument("", {"eventTime": "now"}))

    assert path.read_bytes() == before
    assert refused.value.message == (
        "mine.csv holds something other than events, so nothing is written into it: "
        "declare another file under `lineage.events`"
    )
    assert refused.value.remedy == "Name another file under `lineage.events`, then `lockgate lineage retry NUMBER`."


def test_who_locks_a_file_is_waited_for_within_the_deadline(tmp_path):
    path = tmp_path / "events.ndjson"
    send = open_sender(EventsDeclaration(file=str(path)), Known())

    with path.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with within(0.1), pytest.raises(NoticeUnavailable) as locked:
            send(EVENT)

    assert locked.value.message == "events.ndjson is locked by another process"
    assert path.read_bytes() == b""
    send(EVENT)
    assert lines_of(path) == [EVENT.document]


def test_a_file_that_cannot_be_written_may_be_later(tmp_path):
    with pytest.raises(NoticeUnavailable) as refused:
        open_sender(EventsDeclaration(file=str(tmp_path)), Known())(EVENT)

    assert refused.value.message == f"{tmp_path.name} cannot be written: Is a directory"


# --- a service ------------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver():
    with Receiver(lambda _: Answer(201)) as receiver:
        yield receiver


def service(url, **more):
    declared = EventsDeclaration(url=url, endpoint="api/v1/lineage", **more)
    return open_sender(declared, Known(), patience=Patience(timeout_seconds=0.5, deadline_seconds=1.0))


def test_a_service_gets_the_event_at_its_endpoint_with_the_key(receiver):
    said = service(f"{receiver.url}/", api_key="secret://hunter2")(EVENT)

    (taken,) = receiver.taken
    assert said == "127.0.0.1 answered 201 Created"
    assert (taken.method, taken.path, taken.document()) == ("POST", "/api/v1/lineage", EVENT.document)
    assert taken.headers["authorization"] == "Bearer hunter2"
    assert taken.headers["content-type"] == "application/json"


def test_without_a_key_nothing_is_claimed(receiver):
    service(receiver.url)(EVENT)

    assert "authorization" not in receiver.taken[0].headers


def test_a_key_does_not_go_over_plain_http_to_another_machine():
    with pytest.raises(NoticeRefused) as refused:
        service("secret://http://example.com", api_key="secret://hunter2")(EVENT)

    assert refused.value.message == "the key of lineage events goes over https, or to this machine"


def test_a_refusal_is_final_and_repeats_no_key(receiver):
    receiver.meanwhile = Answer(400, "no hunter2 here")

    with pytest.raises(NoticeRefused) as refused:
        service(receiver.url, api_key="secret://hunter2")(EVENT)

    assert refused.value.message == "127.0.0.1 answered 400 Bad Request: no *** here"


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_says_when_it_may_be_asked_again(receiver, status):
    receiver.meanwhile = Answer(status, "", {"retry-after": "7"})

    with pytest.raises(NoticeUnavailable) as busy:
        service(receiver.url)(EVENT)

    assert busy.value.fields["retry_after"] == 7.0


def test_a_service_that_hangs_is_left(receiver):
    receiver.meanwhile = Misbehaviour.HANG

    with pytest.raises(NoticeUnavailable):
        service(receiver.url)(EVENT)
