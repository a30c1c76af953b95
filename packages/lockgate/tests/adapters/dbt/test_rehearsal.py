"""What any parse of a whole project takes is done once, before the first, and a process that parses later finds it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate.testing.executors import MODEL, PROJECT, SOURCES

PROFILE = "none: {target: main, outputs: {main: {type: duckdb, path: ':memory:', schema: main}}}\n"
MACRO = "{% macro ours() %}{{ return(1) }}{% endmacro %}\n"


@pytest.mark.slow
def test_a_rehearsed_parse_reads_the_projects_own_texts_alone(tmp_path) -> None:
    texts = {
        "dbt_project.yml": PROJECT,
        "profiles.yml": PROFILE,
        "models/sources.yml": SOURCES,
        "models/fct_users.sql": MODEL,
        "macros/ours.sql": MACRO,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    script = Path(__file__).with_name("parse_rehearsed.py")

    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=True)

    told = json.loads(done.stdout.splitlines()[-1])
    assert told["parsed"]
    assert told["macros"] > 400
    assert told["made"] == []
    assert told["texts"] < 60
