"""A warehouse may hang; whoever asks it with a deadline does not."""

from __future__ import annotations

import os
import signal

import pytest

from lockgate.adapters.warehouses.postgres.sessions import Sessions
from lockgate.core.deadline import within
from lockgate.errors import WarehouseUnavailable


def test_a_server_that_has_stopped_is_waited_for_until_the_deadline_and_asked_again_once_it_goes_on(postgres_url):
    sessions = Sessions(postgres_url)
    with sessions.session() as connection:
        (backend,) = connection.execute("SELECT pg_backend_pid()").fetchone()

    os.kill(backend, signal.SIGSTOP)
    try:
        with pytest.raises(WarehouseUnavailable, match="there was no answer in time"), within(0.2), sessions.session():
            pass
    finally:
        os.kill(backend, signal.SIGCONT)

    with sessions.session() as connection:
        assert connection.execute("SELECT 17").fetchone() == (17,)
    sessions.close()
