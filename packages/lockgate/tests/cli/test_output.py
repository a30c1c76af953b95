"""What commands print, and the exit codes of what went wrong."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from lockgate.cli.exits import Exit, exit_of
from lockgate.cli.output import print_error, print_json, print_table, to_plain
from lockgate.cli.pictures import bar, print_breakdown
from lockgate.core.execution import WorkshopAccess
from lockgate.core.relation import Column
from lockgate.core.run import Breakdown
from lockgate.core.types import ColumnType
from lockgate.errors import DbtTestFailed, OutputInvalid, Problem, ProjectInvalid, SourceUnavailable


def test_results_become_plain_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(
        {
            "column": Column("cost", ColumnType.parse("numeric(12,2)")),
            "at": datetime(2026, 1, 31, 5, tzinfo=UTC),
            "day": date(2026, 1, 31),
            "took": timedelta(seconds=1.5),
            "cost": Decimal("10.00"),
            "path": Path("a/b"),
            "names": ("ü", "漢"),
        }
    )

    assert json.loads(capsys.readouterr().out) == {
        "column": {"name": "cost", "type": "numeric(12,2)", "description": ""},
        "at": "2026-01-31T05:00:00+00:00",
        "day": "2026-01-31",
        "took": 1.5,
        "cost": "10.00",
        "path": "a/b",
        "names": ["ü", "漢"],
    }


def test_secrets_never_become_json() -> None:
    access = WorkshopAccess("postgres", "w", {"host": "h"}, secrets={"password": "canary-7f3a"})

    assert "canary-7f3a" not in json.dumps(to_plain(access))
    assert "canary-7f3a" not in repr(access)


def test_an_error_becomes_its_code_message_hint_and_fields() -> None:
    error = ProjectInvalid((Problem("unknown key 'sorces'", "lockgate.yml", 3, "did you mean 'sources'?"),))

    plain = to_plain(error)

    assert isinstance(plain, dict)
    assert plain["code"] == "LG101"
    assert plain["fields"]["problems"][0]["line"] == 3
    assert "lockgate.yml:3: unknown key 'sorces' (did you mean 'sources'?)" in plain["message"]


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
