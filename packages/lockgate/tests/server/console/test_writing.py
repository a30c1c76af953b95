"""Instants, durations, sizes and names as the console writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lockgate.server.console.writing import lasting, revision_told, segment, short, sized, thousands, when


def test_an_instant_is_written_in_utc_to_the_second_for_people_and_machines():
    at = datetime(2026, 1, 31, 7, 5, 9, 999, tzinfo=timezone(timedelta(hours=2)))

    assert when(at) == '<time datetime="2026-01-31T05:05:09+00:00">2026-01-31 05:05:09</time>'
    assert when(at.astimezone(UTC)) == when(at)
    assert when(None) == "–"


@pytest.mark.parametrize(
    ("length", "told"),
    [
        (None, "–"), (0, "0.0 s"), (0.004, "0.00 s"), (0.25, "0.25 s"), (3.25, "3.2 s"), (12.5, "12 s"), (60, "1 min"),
        (90, "1.5 min"), (3600, "1 h"), (timedelta(hours=36), "1.5 d"), (timedelta(days=40), "40 d"),
    ],
)  # fmt: skip
def test_a_duration_is_written_in_its_largest_unit(length, told):
    assert lasting(length) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (None, "–"),
        (0, "–"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (33_151, "32 KiB"),
        (5 * 2**40, "5.0 TiB"),
    ],
)
def test_bytes_are_written_in_the_unit_that_fits(count, told):
    assert sized(count) == told


def test_thousands_are_parted():
    assert [thousands(number) for number in (None, 0, 1234567)] == ["–", "0", "1,234,567"]


def test_a_name_is_one_segment_of_a_path_whatever_it_is_made_of():
    assert [segment(name) for name in ("users", "a/b?c#d", "łódź", "..")] == [
        "users",
        "a%2Fb%3Fc%23d",
        "%C5%82%C3%B3d%C5%BA",
        "..",
    ]


def test_long_text_is_cut_and_what_cannot_be_seen_is_spelled():
    assert short("x" * 61) == "x" * 59 + "…"
    assert short("a\u202eb", 20) == "a\\u202eb"


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        ("", "unknown"),
        ("8344725ac91fa6462549", "8344725ac91f"),
        ("0123456789abcdef:dbt", "0123456789ab"),
        ("sha256:51ab", "51ab"),
    ],
)
def test_a_revision_is_told_apart_by_twelve_characters(revision, told):
    assert revision_told(revision) == told
