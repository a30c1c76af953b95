"""A comparison as people read it in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lockgate.cli.comparison import print_comparison
from lockgate.cli.reading import reading
from lockgate.core.comparison import (
    Cause,
    ColumnDifference,
    Comparison,
    Group,
    Method,
    RowCounts,
    Sample,
    SchemaDifference,
    Status,
    Verdict,
)
from lockgate.core.route import Edition

EDITION = Edition("people", 4, "dbt", 9, datetime(2026, 1, 31, tzinfo=UTC))
FACTS = {
    "left": "people@rules",
    "right": "people@dbt",
    "key": ("id",),
    "verdict": Verdict.FAIL,
    "reasons": ("missing on the right: 1 row",),
    "rows": RowCounts(1200, 1199, 1190, 1, 0, 9),
    "columns": (
        ColumnDifference("id", 0, "bigint", "bigint"),
        ColumnDifference("note", 4, "text", "text"),
        ColumnDifference("amount", 8, "double", "double", 12.5, is_noisy=True),
    ),
    "schema": SchemaDifference(),
    "samples": (
        Sample(Status.MISSING, {"id": 7}),
        Sample(Status.CHANGED, {"id": 8}, "note", "a\x1b[2Jb", "[red]:smile:[/]"),
        Sample(Status.CHANGED, {"id": 9}, "note", None, "***"),
    ),
    "causes": (Cause(Status.CHANGED, "amount", None, None, 8, 8, 1.0, "100 % of the 8 changed values are so"),),
    "groups": (
        Group({"team": "漢字"}, RowCounts(10, 9, 8, 1, 0, 1)),
        Group({"team": None}, RowCounts(5, 5, 3, 0, 0, 2)),
    ),
    "explained": (),
    "unexplained": 10,
    "method": Method.STREAM,
    "why_method": "there are few rows",
    "rows_moved": 1200,
    "seconds": 1.234,
    "editions": ((), (EDITION,)),
}


@pytest.fixture
def printed(capsys):
    def printed(*, most_samples: int = 5, **changes) -> str:
        print_comparison(Comparison(**{**FACTS, **changes}), most_samples=most_samples)
        return capsys.readouterr().out

    return printed


def test_the_verdict_comes_first_and_what_was_found_after_it(printed) -> None:
    lines = printed().splitlines()

    assert lines[0] == "FAIL  people@rules ↔ people@dbt"
    assert lines[1] == "  missing on the right: 1 row"
    assert lines[-2:] == [
        "right: edition 4 by dbt",
        "method stream, because there are few rows, 1,200 rows moved · 1.23 s",
    ]
    assert "  100 % of the 8 changed values are so" in lines


def cells(text: str, first: str) -> list[str]:
    """The cells of the table row that starts so."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"│ {first}")]
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_columns_that_differ_stand_with_their_counts_and_bars(printed) -> None:
    text = printed()

    assert cells(text, "1,200") == ["1,200", "1,199", "1,190", "1", "0", "9"]
    assert cells(text, "amount") == ["amount (differs by itself)", "8", "12.5", "█" * 32]
    assert cells(text, "note") == ["note", "4", "–", "█" * 16]
    assert text.index("│ amount") < text.index("│ note")


def test_values_reach_the_terminal_as_text_alone(printed) -> None:
    text = printed()

    assert "\x1b" not in text
    assert cells(text, "changed │ id=8") == ["changed", "id=8", "note", r"'a\x1b[2Jb'", "'[red]:smile:[/]'"]
    assert cells(text, "changed │ id=9") == ["changed", "id=9", "note", "NULL", "***"]


def test_groups_with_most_differences_come_first(printed) -> None:
    text = printed()

    assert cells(text, "'漢字'") == ["'漢字'", "10", "9", "8", "1", "0", "1"]
    assert cells(text, "NULL") == ["NULL", "5", "5", "3", "0", "0", "2"]


def test_what_is_not_shown_is_counted(printed) -> None:
    columns = tuple(ColumnDifference(f"c{number}", 1, "text", "text") for number in range(33))

    text = printed(columns=columns, most_samples=1)

    assert "… and 3 more columns" in text
    assert "… and 1 more samples" in text
    assert "Samples" not in printed(most_samples=0)


def test_a_pass_says_little(printed) -> None:
    empty = dict.fromkeys(("reasons", "columns", "samples", "causes", "groups"), ())

    lines = printed(verdict=Verdict.PASS, rows=RowCounts(3, 3, 3, 0, 0, 0), editions=((), ()), rows_moved=0, **empty)

    assert lines.splitlines()[0] == "PASS  people@rules ↔ people@dbt"
    assert len(lines.splitlines()) == 8


def test_names_cannot_play_with_the_terminal(printed) -> None:
    text = printed(left="\x1b]0;title\x07x", columns=(ColumnDifference("\x1b[2J", 1, "text", "text"),))

    assert "\x1b" not in text
    assert r"FAIL  \x1b]0;title\x07x ↔ people@dbt" in text


def test_progress_is_a_line_a_step_where_nobody_watches(capsys) -> None:
    with reading() as progress:
        progress("opening \x1b[31ma", 0, None)
        for done in (1000, 2000):
            progress("reading b", done, 2000)
        progress("joining", 0, None)

    assert capsys.readouterr().err.splitlines() == [r"opening \x1b[31ma", "reading b", "joining"]
