"""What nobody foresaw never ends with the exit code that says the data said no, and tells no values."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lockgate.adapters.secrets.redaction import redact_with
from lockgate.cli import entrypoint


@pytest.fixture
def failing(monkeypatch) -> Callable[[Exception], None]:
    """Makes `check --schema` meet an exception."""

    def failing(error: Exception) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr("lockgate.config.project_schema", fail)

    return failing


def test_an_exception_is_told_as_a_defect_in_one_line_without_its_words(failing, capsys) -> None:
    failing(ValueError("could not convert 'bob@secret.example1'"))

    code = entrypoint.run(["check", "--schema"])

    written = capsys.readouterr()
    assert (code, written.out) == (2, "")
    first, _ = written.err.splitlines()
    assert first.startswith("error: this is a defect in Lockgate: ValueError in lockgate.cli.commands_project:")
    assert "bob@" not in written.err


def test_a_defect_is_an_error_in_a_document(failing, capsys) -> None:
    failing(ValueError("bob@secret.example1"))

    code = entrypoint.run(["check", "--schema", "--json"])

    written = capsys.readouterr()
    assert code == 2
    assert json.loads(written.out)["error"]["error"] == "ValueError"
    assert "bob@" not in written.out


def test_the_trace_is_shown_to_whoever_debugs_and_without_secrets(failing, capsys, monkeypatch) -> None:
    failing(ValueError("canary-51c0"))
    monkeypatch.setenv("LOCKGATE_LOG_LEVEL", "debug")
    redact_with(lambda text: text.replace("canary-51c0", "***"))

    entrypoint.run(["check", "--schema"])

    redact_with(str)
    assert "ValueError: ***\n" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_no_defect(failing, capsys, number) -> None:
    failing(OSError(number, "full", "/data/x"))

    code = entrypoint.run(["check", "--schema", "--json"])

    written = capsys.readouterr()
    assert code == 2
    assert json.loads(written.out)["error"]["code"] == "LG405"
    assert "/data/x cannot be written: the disk is full" in written.err


def test_an_output_that_cannot_be_written_is_no_success() -> None:
    command = [Path(sys.executable).with_name("lockgate"), "check", "--schema"]

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("error LG405 the output cannot be written: the disk is full")


def test_a_reader_that_goes_away_is_no_defect() -> None:
    lockgate = Path(sys.executable).with_name("lockgate")

    with subprocess.Popen([lockgate, "check", "--schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (2, b"")


def test_a_command_called_wrongly_is_a_document_too(capsys):
    code = entrypoint.run(["loads", "list", "--limit", "0", "--json"])

    written = capsys.readouterr()
    assert code == 2
    assert json.loads(written.out)["error"]["error"] == "UsageError"
    assert "--limit" in written.err


def test_ctrl_c_ends_as_shells_expect_and_says_what_is_kept(capsys, monkeypatch):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("lockgate.app.App.open", interrupted)

    code = entrypoint.run(["loads", "list", "--json"])

    written = capsys.readouterr()
    assert code == 130
    assert written.err == "interrupted; whatever was finished is kept\n"
    assert json.loads(written.out)["error"]["error"] == "KeyboardInterrupt"
