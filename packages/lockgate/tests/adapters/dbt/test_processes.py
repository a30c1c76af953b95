"""The processes of `LocalDbtExecutor`: what they may use, how they end, and that nothing of them is left."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from lockgate.adapters.dbt import DbtConfig, LocalDbtExecutor
from lockgate.adapters.dbt.config import Limits
from lockgate.core.execution import DbtInvocation
from lockgate.errors import DbtCancelled, DbtProcessLost, DbtProjectInvalid
from lockgate.testing.executors import MODEL, PROJECT, SLOW, SOURCES, ignore

ENDLESS = "(select count(*) from range(1000000) a(x), range(1000000) b(y) where x * y % 7 = 3)"

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(PROJECT, encoding="utf-8")
    (folder / "models/sources.yml").write_text(SOURCES, encoding="utf-8")
    (folder / "models/quick.sql").write_text(MODEL, encoding="utf-8")
    (folder / "models/endless.sql").write_text("-- {{ ref('quick') }}\n" + SLOW.format(ENDLESS), encoding="utf-8")
    return folder


@pytest.fixture
def ask(project, duckdb_access):
    return lambda *select: DbtInvocation(project, select, duckdb_access.schema, duckdb_access)


def descendants(process: int) -> set[int]:
    """The processes below one, as /proc tells."""
    found: set[int] = set()
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == process:
                found |= {int(place.name)} | descendants(int(place.name))
    return found


def server_of(executor: LocalDbtExecutor) -> int:
    return executor._process._process.pid


def gone(processes: set[int]) -> bool:
    """Whether they are all gone within ten seconds; one that nobody has buried yet is as good as gone."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any(is_running(process) for process in processes):
            return True
        time.sleep(0.05)
    return False


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_server_is_told_and_the_next_call_works(executor, ask) -> None:
    executor.execute(ask("quick"), ignore)
    below: set[int] = set()

    def kill(_: object) -> None:
        below.update(descendants(server_of(executor)))
        os.kill(server_of(executor), signal.SIGKILL)

    with pytest.raises(DbtProcessLost):
        executor.execute(ask("+endless"), kill)

    assert len(below) == 2
    assert gone(below)
    assert executor.execute(ask("quick"), ignore).success


def test_a_server_that_died_between_calls_is_started_again(executor, ask) -> None:
    executor.execute(ask("quick"), ignore)
    os.kill(server_of(executor), signal.SIGKILL)

    assert executor.execute(ask("quick"), ignore).success


def test_a_killed_invocation_is_told_by_its_signal(executor, ask) -> None:
    executor.execute(ask("quick"), ignore)
    project_process = descendants(server_of(executor))

    def kill(_: object) -> None:
        (invocation,) = descendants(server_of(executor)) - project_process
        os.kill(invocation, signal.SIGKILL)

    with pytest.raises(DbtProcessLost, match="SIGKILL"):
        executor.execute(ask("+endless"), kill)

    assert executor.execute(ask("quick"), ignore).success


def test_no_process_outlives_its_invocation(executor, ask) -> None:
    executor.execute(ask("quick"), ignore)
    before = descendants(os.getpid())

    executor.execute(ask("quick"), ignore)

    assert descendants(os.getpid()) == before


def test_closing_leaves_no_process_and_no_file(tmp_path, ask) -> None:
    before = descendants(os.getpid())
    executor = LocalDbtExecutor(DbtConfig(tmp_path / "cache", grace_seconds=1.0))
    executor.execute(ask("quick"), ignore)
    closing = threading.Timer(0.2, executor.close)

    with pytest.raises(DbtCancelled):
        executor.execute(ask("+endless"), lambda node: closing.start() if "quick" in node.node else None)

    closing.join()
    assert gone(descendants(os.getpid()) - before)
    assert list((tmp_path / "cache/running").iterdir()) == []


def test_what_a_killed_executor_left_is_swept_by_the_next(tmp_path) -> None:
    left = tmp_path / "cache/running/left"
    left.mkdir(parents=True)
    (left / "profiles.yml").write_text("secret", encoding="utf-8")
    living = LocalDbtExecutor(DbtConfig(tmp_path / "cache"))

    LocalDbtExecutor(DbtConfig(tmp_path / "cache")).close()

    assert not left.exists()
    assert list((tmp_path / "cache/running").iterdir()) == [living._scratch.folder]
    living.close()


def test_dbt_is_told_only_what_is_configured(tmp_path, ask, monkeypatch) -> None:
    monkeypatch.setenv("LOCKGATE_SECRET_CANARY", "canary-51c0")
    executor = LocalDbtExecutor(DbtConfig(tmp_path / "cache", environment={"REGION": "eu"}))
    executor.execute(ask("quick"), ignore)

    told = [
        Path(f"/proc/{process}/environ").read_text()
        for process in (server_of(executor), *descendants(server_of(executor)))
    ]

    executor.close()
    assert all("REGION=eu" in text and "canary" not in text and "PATH=" not in text for text in told)
    names = {line.partition("=")[0] for line in told[0].rstrip("\0").split("\0")}
    assert names == {"REGION", "TZ", "DBT_SEND_ANONYMOUS_USAGE_STATS", "DO_NOT_TRACK", "HOME"}


@pytest.mark.parametrize(
    ("limits", "model"),
    [
        (Limits(cpu_seconds=12), SLOW.format(ENDLESS)),
        (Limits(file_bytes=8 << 20), SLOW.format("1") + ", random() as x, uuid()::text as y from range(2000000)"),
        (Limits(memory_bytes=2 << 30), "{% if execute %}{% set x = ['x' * (10 ** 10)] %}{% endif %}" + MODEL),
    ],
    ids=["processor", "file", "memory"],
)
def test_an_invocation_is_bound_by_its_limits(tmp_path, project, ask, limits, model) -> None:
    (project / "models/greedy.sql").write_text(model, encoding="utf-8")
    executor = LocalDbtExecutor(DbtConfig(tmp_path / "cache", limits=limits))

    try:
        succeeded = executor.execute(ask("greedy"), ignore).success
    except DbtProcessLost:
        succeeded = False

    again = executor.execute(ask("quick"), ignore).success
    executor.close()
    assert (succeeded, again) == (False, True)


def test_content_that_changes_back_is_parsed_as_what_it_is(executor, project, ask) -> None:
    invocation = ask("quick")
    parses = []
    for text in (MODEL, MODEL.replace("user_id", "other"), MODEL):
        (project / "models/quick.sql").write_text(text, encoding="utf-8")
        result = executor.execute(invocation, ignore)
        parses.append(executor.parses)
        assert ("other" in Path(result.nodes[0].compiled).read_text(encoding="utf-8")) == ("other" in text)

    (project / "models/quick.sql").touch()
    executor.execute(invocation, ignore)

    assert executor.parses == parses[-1]
    assert parses[0] < parses[1] < parses[2]


def test_models_outside_the_project_are_refused(executor, project, ask) -> None:
    (project / "dbt_project.yml").write_text(PROJECT.replace("[models]", "[models, ../elsewhere]"), encoding="utf-8")
    (project.parent / "elsewhere").mkdir()
    (project.parent / "elsewhere/far.sql").write_text("select 1 as id", encoding="utf-8")

    with pytest.raises(DbtProjectInvalid, match="elsewhere"):
        executor.execute(ask("quick"), ignore)
