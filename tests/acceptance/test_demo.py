"""The demo on a real PostgreSQL; on DuckDB the README's own block runs it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lockgate import start_postgres

ROOT = Path(__file__).parents[2]
LEFT_BEHIND = shutil.ignore_patterns(".lockgate", "warehouse", "target", "__pycache__", "exported")
COUNTS = "select count(*), count(distinct user_id), count(*) filter (where is_active) from {}"


@pytest.fixture
def port() -> int:
    """A port that nobody listens on: the README's own block has the one that the solution names."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.slow
def test_the_demo_leaves_both_implementations_equal_in_postgresql(tmp_path, port) -> None:
    project = tmp_path / "inventory"
    shutil.copytree(ROOT / "solutions/inventory", project, ignore=LEFT_BEHIND)
    declared = (project / "lockgate.yml").read_text(encoding="utf-8")
    (project / "lockgate.yml").write_text(declared.replace(":5004\n", f":{port}\n"), encoding="utf-8")
    command = [ROOT / ".venv/bin/python", "-m", "inventory.demo", "--target", "postgres", "--project", project]
    command += ["--port", str(port)]

    shown = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project)

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "publish users@dbt" in shown.stderr
    assert_moved_and_rolled_back(shown.stdout)
    assert (project / ".lockgate/report.html").read_text(encoding="utf-8").count("<svg") >= 2
    server = start_postgres(project / ".lockgate/postgres")
    try:
        with psycopg.connect(server.url) as connection:
            editions = connection.execute(
                "select implementation, stored_schema || '.' || stored_name"
                " from lockgate.edition where entity = 'users'"
            ).fetchall()
            rules, dbt = (dict(editions)[name] for name in ("rules", "dbt"))
            columns = "user_id, email, email_domain, full_name, department, status, is_active, hired_on, updated_at"
            only = f"(select {columns} from {{}} except all select {columns} from {{}}) as only_there"
            for one, other in ((rules, dbt), (dbt, rules)):
                left = connection.execute(f"select count(*) from {only.format(one, other)}").fetchone()
                assert left == (0,)
            served = connection.execute(COUNTS.format("analytics.users")).fetchone()
            assert served == connection.execute(COUNTS.format(dbt)).fetchone()
            assert served[0] == served[1] > 900
        for names in (("users@rules", "users@dbt"), ("users", "users@dbt"), ("applications@rules", "applications")):
            found = _compared(project, server.url, *names)
            assert (found["verdict"], found["method"], found["rows_moved"]) == ("PASS", "join", 0)
            assert found["rows"]["matched"] == found["rows"]["left"] == found["rows"]["right"] > 300
        assert found["editions"]["right"][0]["implementation"] == "dbt"
    finally:
        server.stop()


def assert_moved_and_rolled_back(shown: str) -> None:
    """The second half: users are promoted, a bad change is rolled back, and nobody has read a wrong row."""
    told = (
        "users is canary at 5 %",
        "users is promoted",
        "8 rows differ unexplained",
        "gate parity: no-go",
        "every row was right",
    )
    places = [shown.index(sentence) for sentence in told]
    assert places == sorted(places)


def _compared(project: Path, url: str, left: str, right: str) -> dict[str, Any]:
    """What `lockgate compare` says of two relations of the solution."""
    command = [ROOT / ".venv/bin/lockgate", "--target", "postgres", "compare", left, right, "--json"]
    environment = {**os.environ, "LOCKGATE_SECRET_WAREHOUSE_URL": url}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
