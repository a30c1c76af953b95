"""The socket: any address family, and a queue that loses nobody."""

from __future__ import annotations

import socket
import sys

import pytest

from lockgate.server.listening import give_up, listen, queued, turn_away


@pytest.mark.parametrize(("host", "expected"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("localhost", None)])
def test_a_socket_listens_on_a_free_port(host, expected):
    with listen(host, 0) as listener:
        name, port = listener.getsockname()[:2]

        assert expected in {None, name}
        socket.create_connection((name, port)).close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a filter of Linux")
def test_who_waits_in_the_queue_is_served_and_who_comes_later_is_not():
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()) as early:
        turn_away(listener)
        early.sendall(b"hello")

        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname(), timeout=0.2)
        assert queued(listener) == 1
        accepted, _ = listener.accept()
        with accepted:
            assert (accepted.recv(5), queued(listener)) == (b"hello", 0)


def test_who_comes_once_every_process_has_given_up_is_refused():
    with listen("127.0.0.1", 0) as listener, socket.fromfd(listener.fileno(), listener.family, listener.type) as other:
        address = listener.getsockname()
        give_up(listener)
        socket.create_connection(address).close()
        give_up(other)

        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=20)
