"""Paths as callers may see them: from the project's folder, whatever the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.app.places import Places
from lockgate.core.execution import Execution, FailedExecution, NodeResult, NodeStatus
from lockgate.core.relation import Relation
from lockgate.errors import DbtFailed

PROJECT = Path("/srv/shop")


def node(file: str, message: str) -> NodeResult:
    return NodeResult(
        node="model.shop.users", status=NodeStatus.ERROR, seconds=1.0, rows=None, failures=None, message=message,
        file=file, compiled="", depends_on=(), attached_to=None, materialized="table", relation=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "text", "told"),
    [
        (PROJECT / ".lockgate", "in /srv/shop/dbt/models/users.sql:3", "in dbt/models/users.sql:3"),
        (PROJECT / ".lockgate", "see /srv/shop/.lockgate/dbt/dbt.log", "see .lockgate/dbt/dbt.log"),
        (Path("/var/lib/state"), "see /var/lib/state/dbt/dbt.log", "see state/dbt/dbt.log"),
        (PROJECT / ".lockgate", "in /srv/shopping/users.sql", "in /srv/shopping/users.sql"),
        (PROJECT / ".lockgate", "nothing", "nothing"),
    ],
)
def test_paths_are_told_from_the_projects_folder(state, text, told):
    assert Places(PROJECT, state).relative(text) == told


def test_a_folder_behind_a_link_is_known_by_both_names(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    places = Places(tmp_path / "link", tmp_path / "link" / ".lockgate")

    assert places.relative(f"{tmp_path}/real/a {tmp_path}/link/b {tmp_path}/real/.lockgate/c") == "a b .lockgate/c"


def test_nodes_files_and_messages_are_told_so():
    bad = node("/srv/shop/dbt/models/users.sql", "compiled code at /srv/shop/.lockgate/dbt/users.sql")
    outcome = Execution("users", "dbt", Relation("w", "users"), 1, 1.0, nodes=(bad,))

    [told] = Places(PROJECT, PROJECT / ".lockgate").outcome(outcome).nodes

    assert (told.file, told.message) == ("dbt/models/users.sql", "compiled code at .lockgate/dbt/users.sql")


def test_errors_are_told_so_with_their_fields():
    error = DbtFailed(
        "users failed (/srv/shop/dbt/a.sql)",
        hint="See /srv/shop/dbt/a.sql.",
        file="/srv/shop/dbt/a.sql",
        nodes=[{"node": "a", "file": "/srv/shop/dbt/a.sql"}],
        tries=3,
    )

    told = Places(PROJECT, PROJECT / ".lockgate").outcome(FailedExecution("users", "dbt", error))

    assert told.error is error
    assert (error.message, error.remedy) == ("users failed (dbt/a.sql)", "See dbt/a.sql.")
    assert error.fields == {"file": "dbt/a.sql", "nodes": [{"node": "a", "file": "dbt/a.sql"}], "tries": 3}
