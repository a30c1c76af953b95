"""A fork server answers each request from a child, ends it when it is asked to, and leaves none behind."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from lockgate.adapters.dbt.forking import ForkServer
from lockgate.adapters.dbt.wire import ConnectionEnded, Message, pair, receive, send

GRACE_SECONDS = 0.3


def work(request: Message, connection: socket.socket) -> None:
    """Does what the request says."""
    send(connection, {"kind": "pid", "pid": os.getpid(), "session": os.getsid(0)})
    if request["do"] == "raise":
        raise LookupError("no such thing")
    if request["do"] == "exit":
        os._exit(7)
    if request["do"] == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if request["do"] == "spawn" and os.fork() == 0:
        time.sleep(60)
    if request["do"] in {"sleep", "ignore"}:
        send(connection, {"kind": "asleep"})
        time.sleep(60)


def serving(control: socket.socket, *, not_for_it: socket.socket) -> int:
    """A process that serves `control`; its exit code is 0 where it ended as it should."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            not_for_it.close()
            ForkServer(control, work, grace_seconds=GRACE_SECONDS).serve()
            code = 0
        finally:
            os._exit(code)
    control.close()
    return process


@pytest.fixture
def control() -> Iterator[socket.socket]:
    """The connection of a fork server in a process of its own."""
    ours, theirs = pair()
    server = serving(theirs, not_for_it=ours)
    yield ours
    ours.close()
    assert os.waitpid(server, 0) == (server, 0)


def ask(control: socket.socket, what: str) -> socket.socket:
    ours, theirs = pair()
    with theirs:
        send(control, {"do": what}, theirs.fileno())
    return ours


def answers(connection: socket.socket) -> list[Message]:
    """Everything up to the end, which comes within ten seconds."""
    told, deadline = [], time.monotonic() + 10
    with connection, suppress(ConnectionEnded):
        while True:
            told.append(receive(connection, deadline))
    return told


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_works_in_a_session_of_its_own_and_its_end_is_told(control):
    begun, ended = answers(ask(control, "nothing"))

    assert begun["session"] == begun["pid"]
    assert ended == {"kind": "ended", "code": 0}
    assert not is_alive(begun["pid"])


def test_an_exit_code_is_told(control):
    assert answers(ask(control, "exit"))[-1] == {"kind": "ended", "code": 7}


def test_what_is_raised_is_told(control):
    _, broken, ended = answers(ask(control, "raise"))

    assert broken["kind"] == "broken"
    assert "LookupError: no such thing" in broken["message"]
    assert ended == {"kind": "ended", "code": 1}


@pytest.mark.parametrize(("what", "number"), [("sleep", signal.SIGTERM), ("ignore", signal.SIGKILL)])
def test_closing_our_side_ends_a_child_one_way_or_the_other(control, what, number):
    connection = ask(control, what)
    process = receive(connection)["pid"]
    assert receive(connection) == {"kind": "asleep"}

    connection.shutdown(socket.SHUT_WR)

    assert answers(connection) == [{"kind": "ended", "code": -number}]
    assert not is_alive(process)


def test_a_child_does_not_wait_for_another(control):
    slow = ask(control, "sleep")
    receive(slow)

    assert answers(ask(control, "nothing"))[-1] == {"kind": "ended", "code": 0}

    slow.close()


def test_what_a_child_leaves_in_its_group_is_ended_too(control):
    connection = ask(control, "spawn")
    group = receive(connection)["pid"]

    assert answers(connection)[-1] == {"kind": "ended", "code": 0}
    with pytest.raises(ProcessLookupError):
        wait_for_end_of_group(group)


def wait_for_end_of_group(group: int) -> None:
    for _ in range(100):
        os.killpg(group, 0)
        time.sleep(0.05)


def test_closing_the_server_ends_every_child(control):
    connections = [ask(control, what) for what in ("sleep", "ignore")]
    processes = [receive(connection)["pid"] for connection in connections]
    for connection in connections:
        receive(connection)

    control.close()

    assert [answers(connection)[-1]["code"] for connection in connections] == [-signal.SIGTERM, -signal.SIGKILL]
    assert not any(is_alive(process) for process in processes)


def test_a_killed_server_takes_its_children_with_it():
    ours, theirs = pair()
    server = serving(theirs, not_for_it=ours)
    connection = ask(ours, "sleep")
    receive(connection)

    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)

    assert {"kind": "ended"} not in [{"kind": told["kind"]} for told in answers(connection)]
    ours.close()
