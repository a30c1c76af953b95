"""Text that leaves the process goes through what the open project hides."""

from __future__ import annotations

import pytest

from lockgate.adapters.secrets.chain import open_secrets
from lockgate.adapters.secrets.redaction import redact_with, redacted, without_addresses


def test_what_an_open_project_has_handed_out_is_hidden(tmp_path):
    secrets = open_secrets({"LOCKGATE_SECRET_TOKEN": "canary-51c0"}, tmp_path)
    redact_with(secrets.redact)
    secrets.resolve("secret://token")

    assert redacted("the source refused canary-51c0") == "the source refused ***"


def test_the_project_opened_last_decides(tmp_path):
    earlier = open_secrets({"LOCKGATE_SECRET_TOKEN": "canary-51c0"}, tmp_path)
    earlier.resolve("secret://token")
    redact_with(earlier.redact)

    redact_with(open_secrets({}, tmp_path).redact)

    assert redacted("canary-51c0") == "canary-51c0"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'connection failed: connection to server at "10.0.0.5", port 5432 failed: Connection refused',
            "Connection refused",
        ),
        ('connection to server at "db.example" (10.0.0.5), port 5432 failed: timeout expired', "timeout expired"),
        ('connection is bad: connection to server on socket "/run/.s.PGSQL.5432" failed: No such file', "No such file"),
        ("the control plane does not answer: there was no answer in time",) * 2,
    ],
)
def test_where_a_database_is_is_not_told(said, told):
    assert without_addresses(said) == told
