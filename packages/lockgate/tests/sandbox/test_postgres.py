"""The local PostgreSQL: private, kept between starts, and started again after any end."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from lockgate.errors import TargetBusy, WarehouseUnavailable
from lockgate.sandbox.postgres import start_postgres

HOLDER = """
import sys, time
from pathlib import Path
from lockgate.sandbox.postgres import start_postgres
print(start_postgres(Path(sys.argv[1])).url, flush=True)
time.sleep(60)
"""


@pytest.fixture
def server(tmp_path):
    server = start_postgres(tmp_path / "pg", settings={"fsync": "off"})
    yield server
    server.stop()


def test_keeps_its_data_and_its_password_between_starts(tmp_path):
    first = start_postgres(tmp_path / "pg")
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    first.stop()

    second = start_postgres(tmp_path / "pg")

    with psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchall() == [(42,)]
    assert urlsplit(second.url).password == urlsplit(first.url).password
    second.stop()


def test_listens_on_loopback_alone(server):
    port = urlsplit(server.url).port

    listening = [
        line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    ]
    mine = [address for address in listening if int(address.split(":")[1], 16) == port]

    assert mine == [f"0100007F:{port:04X}"]
    assert f"{port:04X}" not in Path("/proc/net/tcp6").read_text()


def test_asks_for_a_password_that_only_its_owner_can_read(server, tmp_path):
    kept = tmp_path / "pg" / "password"

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace(kept.read_text(), "guess"))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(kept.read_text()) >= 32


def test_refuses_a_second_server_over_the_same_folder(server, tmp_path):
    with pytest.raises(TargetBusy):
        start_postgres(tmp_path / "pg")

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_stopping_ends_open_sessions_and_a_second_stop_does_nothing(tmp_path):
    server = start_postgres(tmp_path / "pg")
    connection = psycopg.connect(server.url)

    server.stop()
    server.stop()

    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(server.url).port))


def test_the_server_ends_with_its_starter_and_the_next_start_finds_its_data(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "pg"], stdout=subprocess.PIPE, text=True)
    url = holder.stdout.readline().strip()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    holder.kill()
    holder.wait()
    holder.stdout.close()
    again = start_postgres(tmp_path / "pg")

    with psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchall() == [(42,)]
    again.stop()


def test_starts_after_a_crash_whose_note_names_a_process_of_somebody_else(tmp_path):
    server = start_postgres(tmp_path / "pg")
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    server.stop()
    note = tmp_path / "pg" / "data" / "postmaster.pid"
    note.write_text(note.read_text().replace(str(server.process.pid), str(os.getppid()), 1))
    time.sleep(0.5)

    again = start_postgres(tmp_path / "pg")

    with psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
    again.stop()


def test_a_setting_that_is_wrong_is_reported_in_the_servers_words(tmp_path):
    with pytest.raises(WarehouseUnavailable, match="no_such_setting"):
        start_postgres(tmp_path / "pg", settings={"no_such_setting": "1"})

    start_postgres(tmp_path / "pg").stop()
