"""Lists are asked for by their address alone, and lead on to what comes behind them."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from lockgate.server.console.listing import Asked, Name, Number, Rows, asked, choices, rows_of
from lockgate.server.problems import Refusal


class ThingsAsked(Asked):
    kind: Name | None = None
    before: Number | None = None


def request(query: str) -> Request:
    scope = {"type": "http", "method": "GET", "path": "/things", "query_string": query.encode(), "headers": []}
    return Request({**scope, "server": ("localhost", 80), "scheme": "http"})


def test_empty_fields_of_a_form_say_nothing():
    assert asked(request("kind=&before="), ThingsAsked) == ThingsAsked()
    assert asked(request("kind=a%26b&before=7&said=saved"), ThingsAsked) == ThingsAsked(
        kind="a&b", before=7, said="saved"
    )


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("before=0", "before should be greater than or equal to 1"),
        ("before=x", "before should be a valid integer, unable to parse string as an integer"),
        ("knid=a", "knid is not known; did you mean kind?"),
        ("x=a", "x is not known; there are kind, before"),
        ("kind=a&kind=b", "kind stands there twice"),
        ("kind=%00", "kind string should match pattern '^[^\\x00]*$'"),
    ],
)
def test_what_a_list_does_not_know_is_refused(query, detail):
    with pytest.raises(Refusal) as refused:
        asked(request(query), ThingsAsked)

    assert refused.value.detail == detail


def test_a_list_that_is_all_there_leads_nowhere():
    assert rows_of(request("kind=a"), [3, 2, 1], lambda row: row, most=3) == Rows((3, 2, 1), "", is_first=True)


def test_a_list_goes_on_behind_its_last_row_by_the_same_filters():
    rows = rows_of(request("kind=a%26b&before=9&said=saved"), [4, 3, 2], lambda row: f"n{row}", most=2)

    assert rows == Rows((4, 3), "/things?kind=a%26b&before=n3", is_first=False)


def test_a_live_part_leads_on_by_the_address_of_its_page():
    assert rows_of(request(""), [2, 1], lambda row: row, most=1, path="/all").older == "/all?before=2"


def test_a_filter_offers_everything_first():
    assert choices("every kind", ["a", "b"]) == (("", "every kind"), ("a", "a"), ("b", "b"))
