"""What commands print, and the exit codes of what went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lockgate.adapters.secrets.redaction import redact_with
from lockgate.cli.exits import Exit, exit_of
from lockgate.cli.output import print_error, print_json, print_table
from lockgate.cli.pictures import bar, print_breakdown
from lockgate.cli.progress import Progress
from lockgate.core.run import Breakdown
from lockgate.errors import DbtTestFailed, OutputInvalid, SourceUnavailable
from lockgate.flow import StepResult, StepStatus


def test_a_document_is_indented_and_keeps_letters(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"names": ("ü", "漢"), "share": float("nan")})

    assert capsys.readouterr().out == '{\n  "names": [\n    "ü",\n    "漢"\n  ],\n  "share": "NaN"\n}\n'


@pytest.fixture
def secret() -> Iterator[str]:
    """A secret that the open project has handed out."""
    redact_with(lambda text: text.replace("canary-7f3a", "***"))
    yield "canary-7f3a"
    redact_with(str)


def test_an_error_for_people_has_no_secret(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_error(SourceUnavailable(f"no answer from {secret}", hint=f"ask {secret}"))

    written = capsys.readouterr().err
    assert "no answer from ***" in written
    assert "ask ***" in written


def test_an_error_in_a_document_has_no_secret(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"errors": {"load": SourceUnavailable(f"no answer from {secret}", url=secret)}})

    error = json.loads(capsys.readouterr().out)["errors"]["load"]
    assert (error["message"], error["fields"]) == ("no answer from ***", {"url": "***"})


def test_a_step_that_failed_is_told_without_secrets(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    Progress().finished(StepResult("load a.b", StepStatus.FAILED, 1.0, {}, SourceUnavailable(f"refused {secret}")))

    assert "load a.b refused *** LG601" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ((), Exit.FINE),
        ((OutputInvalid("twice"),), Exit.DATA_SAID_NO),
        ((OutputInvalid("twice"), DbtTestFailed("unique")), Exit.DATA_SAID_NO),
        ((OutputInvalid("twice"), SourceUnavailable("no answer")), Exit.FAILED),
        ((SourceUnavailable("no answer"),), Exit.FAILED),
    ],
)
def test_a_failure_outweighs_the_datas_no(errors: tuple[SourceUnavailable, ...], code: Exit) -> None:
    assert exit_of(errors) is code


def test_an_error_goes_to_standard_error_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(SourceUnavailable("[bold] is not markup here"))

    written = capsys.readouterr()

    assert written.out == ""
    assert "LG601 [bold] is not markup here" in written.err
    assert "run it again when the source is back" in written.err


def test_a_table_shows_thousands_apart_and_nothing_as_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ("name", "rows"), [("[red]users", 336776), (None, 1)])

    written = capsys.readouterr().out

    assert "336,776" in written
    assert "[red]users" in written
    assert "–" in written


def test_a_bar_is_drawn_to_an_eighth_of_a_cell() -> None:
    assert bar(100, 100) == "█" * 32
    assert bar(1, 256) == "▏"
    assert bar(0, 100) == ""
    assert bar(0, 0) == ""


def test_a_breakdown_shows_each_implementation(capsys: pytest.CaptureFixture[str]) -> None:
    print_breakdown(Breakdown("users", "status", {"rules": {"active": 1200, None: 3}, "dbt": {"active": 1200}}))

    written = capsys.readouterr().out

    assert written.count("1,200") == 2
    assert written.index("active") < written.index("–")
