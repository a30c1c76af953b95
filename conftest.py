"""What tests of every package stand on: a real PostgreSQL, a fresh database of it for each test, and a local Spark."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("lockgate.testing")

# A fault at its full count takes longer than any other test may.
SOAK_SECONDS = 4 * 3600
# So many tests of a run may pass only when they are tried again; more are no accident.
MOST_RERUN = 5
# What a crash of the machine would lose is of no interest to a test.
FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_wal_size": "4GB"}


def pytest_configure() -> None:
    """Lets Ctrl-C end what tests start, also where this is a shell's job in the background, which ignores it.

    No example of a property has to be quick: how busy the machine is decides nothing.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("untimed", settings(), deadline=None)
    settings.load_profile("untimed")


def pytest_collection_modifyitems(items) -> None:
    """Gives full counts the time that they take, and counts no coverage in slow tests unless they are marked so."""
    for item in items:
        if item.get_closest_marker("soak") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SOAK_SECONDS))
        if item.get_closest_marker("slow") and not item.get_closest_marker("measured"):
            item.add_marker(pytest.mark.no_cover)


def _rerun(terminal) -> list[pytest.TestReport]:
    return terminal.stats.get("rerun", []) if terminal else []


def pytest_sessionfinish(session) -> None:
    """Fails a run in which too many tests had to be tried again."""
    if len(_rerun(session.config.pluginmanager.get_plugin("terminalreporter"))) > MOST_RERUN:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter) -> None:
    """Tells of each test that was tried again why it failed at first."""
    reports = _rerun(terminalreporter)
    if reports:
        terminalreporter.section(f"tried again: {len(reports)}, of which a run may have {MOST_RERUN}")
    for report in reports:
        terminalreporter.write_line(f"RERUN {report.nodeid}", yellow=True)
        terminalreporter.write_line(report.longreprtext)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory) -> Iterator[str]:
    """The URL of a superuser on a server that lives as long as the test session (each xdist worker has its own)."""
    from lockgate.sandbox.postgres import start_postgres

    server = start_postgres(tmp_path_factory.mktemp("postgres"), settings=FAST)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def spark_session() -> Iterator[object]:
    """A session on this process's one Spark; the tables that tests make are gone after them."""
    from lockgate.adapters.warehouses.spark.engine import Engine
    from lockgate.testing.spark import MASTER, SMALL, TABLES

    yield Engine(MASTER, tuple(sorted(SMALL.items()))).session().newSession()
    shutil.rmtree(TABLES, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server) -> Iterator[str]:
    """The URL of an empty database; it and every role made meanwhile are gone after the test."""
    import psycopg
    from psycopg import sql

    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        roles = _roles(connection)
        yield urlsplit(postgres_server)._replace(path=f"/{name}").geturl()
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for role in _roles(connection) - roles:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def _roles(connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
