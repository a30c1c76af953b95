"""Users and applications are the same rows by rules and by dbt, on each of three engines; and the page says so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from inventory.expected import expected
from inventory.generate import generate
from lockgate.sandbox.postgres import free_port
from lockgate.testing.waiting import awaited

SOLUTION = Path(__file__).parent.parent
PAGE = SOLUTION.parents[1] / "docs/reference/agreement.md"
BIN = Path(sys.executable).parent
TARGETS = ("main", "postgres", "spark")
# Who answers records: all of a table's at once give the table.
ONLINE = (("main", "rules"), ("main", "dbt"), ("postgres", "rules"), ("postgres", "dbt"), ("spark", "rules"))


@pytest.fixture
def solution(tmp_path, postgres_url):
    """A copy of the solution over a running discovery service, with empty targets."""
    folder = tmp_path / "inventory"
    shutil.copytree(SOLUTION, folder, ignore=shutil.ignore_patterns(".lockgate", "warehouse*", "target", "__pycache__"))
    port = free_port()
    declared = (folder / "lockgate.yml").read_text(encoding="utf-8").replace(":5004", f":{port}")
    (folder / "lockgate.yml").write_text(declared, encoding="utf-8")
    service = subprocess.Popen([sys.executable, "-m", "inventory.discovery", "--port", str(port)])
    awaited(lambda: urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close() or True)
    yield folder
    service.terminate()
    service.wait()


@pytest.mark.slow
def test_every_implementation_gives_the_same_rows_on_every_target(solution, postgres_url):
    on = [word for target in TARGETS for word in ("--on", target)]
    done = subprocess.run(
        [BIN / "lockgate", "transform", "verify", *on, "--load", "--json"],
        cwd=solution,
        env={**os.environ, "LOCKGATE_SECRET_WAREHOUSE_URL": postgres_url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    told_of = json.loads(done.stdout)["found"]
    found, asked = ([one for one in told_of if bool(one["maker"]["way"]) is is_asked] for is_asked in (False, True))
    told = [(one["maker"]["entity"], one["maker"]["target"], one["maker"]["implementation"]) for one in found]
    assert told == [
        (entity, target, implementation)
        for entity in ("users", "applications")
        for target in TARGETS
        for implementation in ("rules", "dbt")
    ]
    assert [(one["maker"]["entity"], one["maker"]["target"], one["maker"]["implementation"]) for one in asked] == [
        (entity, target, implementation) for entity in ("users", "applications") for target, implementation in ONLINE
    ]
    assert {one["verdict"] for one in told_of if one["against"]} == {"PASS"}
    data = generate()
    right = expected(data.users.rows, data.applications.rows)
    assert {(one["maker"]["entity"], one["rows"]) for one in told_of} == {
        ("users", right.users.num_rows),
        ("applications", right.applications.num_rows),
    }
    assert published() == {(*maker, one["rows"]) for maker, one in zip(told, found, strict=True)}


def published() -> set[tuple[str, str, str, int]]:
    """What the page says: entity, target, implementation, rows."""
    text = PAGE.read_text(encoding="utf-8")
    lines = re.findall(r"^\| (\w+) \| `(\w+)` \(\w+\) \| (\w+) \| ([\d,]+) \| .*$", text, re.MULTILINE)
    return {(entity, target, made_by, int(rows.replace(",", ""))) for entity, target, made_by, rows in lines}
