"""The demo on a real PostgreSQL; on DuckDB the README's own block runs it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from lockgate import start_postgres

ROOT = Path(__file__).parents[2]
LEFT_BEHIND = shutil.ignore_patterns(".lockgate", "warehouse", "target", "__pycache__", "exported")
COUNTS = "select count(*), count(distinct user_id), count(*) filter (where is_active) from {}"


@pytest.mark.slow
@pytest.mark.usefixtures("demo_port")
def test_the_demo_leaves_both_implementations_equal_in_postgresql(tmp_path) -> None:
    project = tmp_path / "inventory"
    shutil.copytree(ROOT / "solutions/inventory", project, ignore=LEFT_BEHIND)
    command = [ROOT / ".venv/bin/python", "-m", "inventory.demo", "--target", "postgres", "--project", project]

    shown = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project)

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "publish users@dbt" in shown.stderr
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
    finally:
        server.stop()
