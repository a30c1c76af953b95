"""The socket: any address family, and a queue that loses nobody."""

from __future__ import annotations

import socket
import sys

import pytest

from lockgate.server.listening import listen, turn_away


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

        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname(), timeout=0.2)
        accepted, _ = listener.accept()
        with accepted:
            early.sendall(b"hello")
            assert accepted.recv(5) == b"hello"
