"""The control plane's database may hang; whoever asks it does not."""

from __future__ import annotations

import os
import signal
import socket

import pytest
from sqlalchemy import text

from lockgate.core.deadline import within
from lockgate.errors import ControlPlaneUnavailable, StatementFailed
from lockgate.store.database import open_database


def test_a_server_that_has_stopped_is_waited_for_until_the_deadline_and_asked_again_once_it_goes_on(postgres_url):
    database = open_database(postgres_url)
    with database.reading() as connection:
        backend = connection.scalar(text("SELECT pg_backend_pid()"))

    os.kill(backend, signal.SIGSTOP)
    try:
        with pytest.raises(ControlPlaneUnavailable, match="there was no answer in time"), within(0.2):
            database.reading().__enter__()
    finally:
        os.kill(backend, signal.SIGCONT)

    with database.writing() as connection:
        assert connection.scalar(text("SELECT 17")) == 17
    database.close()


def test_a_statement_that_is_not_answered_ends_its_transaction(postgres_url):
    database = open_database(postgres_url)

    def write() -> None:
        with database.writing() as connection:
            connection.execute(text("CREATE TABLE kept (number int)"))
            connection.execute(text("SELECT pg_sleep(60)"))

    with pytest.raises(ControlPlaneUnavailable, match="there was no answer in time"), within(0.2):
        write()

    with database.reading() as connection:
        assert connection.scalar(text("SELECT to_regclass('kept')")) is None
    database.close()


def test_a_server_that_takes_connections_and_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        database = open_database(f"postgresql://me@127.0.0.1:{listener.getsockname()[1]}/control")

        with pytest.raises(ControlPlaneUnavailable, match="does not answer"), within(0.1), database.reading():
            pass


def test_a_value_that_is_not_taken_is_no_outage(postgres_url):
    database = open_database(postgres_url)

    with pytest.raises(StatementFailed, match="cannot contain NUL"), database.reading() as connection:
        connection.scalar(text("SELECT :said"), {"said": "a\0b"})
    database.close()
