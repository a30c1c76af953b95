"""What a comparison means where its sides are made of loads."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from lockgate.adapters.relations.references import FileReference, opened
from lockgate.compare import compare
from lockgate.core.comparison import ComparisonRequest, Verdict
from lockgate.core.load import Pin
from lockgate.core.ports import Side
from lockgate.core.relation import Relation
from lockgate.core.route import Edition

USERS, ORDERS = Relation("raw", "users"), Relation("raw", "orders")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def edition(number: int, *pins: Pin) -> Edition:
    return Edition("people", number, "rules", 2, NOON, pins)


@pytest.fixture
def verdict(tmp_path):
    """Compares two files as if they were made of editions: the comparison."""

    def verdict(left: tuple[Edition, ...], right: tuple[Edition, ...], *, name: str = "Ada"):
        for side, text in (("a", "id,name\n1,Ada\n2,Bo\n"), ("b", f"id,name\n1,{name}\n2,Bo\n")):
            (tmp_path / f"{side}.csv").write_text(text, encoding="utf-8")
        with opened(tmp_path / "spill", memory_bytes=200_000_000) as opening:
            sides = [
                _made_of(opening.side(FileReference(side, tmp_path / f"{side}.csv")), editions)
                for side, editions in (("a", left), ("b", right))
            ]
            request = ComparisonRequest(("id",))
            return compare(*sides, opening.bench, request, today=date(2026, 1, 31), progress=lambda *_: None)

    return verdict


def _made_of(side: Side, editions: tuple[Edition, ...]) -> Side:
    return Side(side.name, side.engine, side.source, side.columns, editions=editions)


def test_sides_made_of_the_same_loads_are_judged_by_their_rows(verdict) -> None:
    pins = (Pin(USERS, 1, 3), Pin(ORDERS, 2, 2))

    equal = verdict((edition(1, *pins),), (edition(2, *reversed(pins)),))
    different = verdict((edition(1, *pins),), (edition(2, *pins),), name="Eve")

    assert (equal.verdict, equal.reasons) == (Verdict.PASS, ())
    assert different.verdict is Verdict.FAIL
    assert equal.pins == pins
    assert [[each.number for each in editions] for editions in equal.editions] == [[1], [2]]


@pytest.mark.parametrize("name", ["Ada", "Eve"])
def test_inputs_that_moved_prove_nothing_whatever_the_rows_say(verdict, name) -> None:
    left, right = edition(1, Pin(ORDERS, 2, 2), Pin(USERS, 1, 3)), edition(2, Pin(ORDERS, 2, 2), Pin(USERS, 1, 4))

    found = verdict((left,), (right,), name=name)

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reasons[0] == "the inputs moved: raw.users was read from load 1 to 3 and from load 1 to 4"
    assert found.pins == (Pin(ORDERS, 2, 2), Pin(USERS, 1, 3), Pin(USERS, 1, 4))


def test_a_view_of_two_editions_made_of_other_loads_proves_nothing(verdict) -> None:
    old, new = edition(1, Pin(USERS, 1, 3)), edition(2, Pin(USERS, 1, 4))

    found = verdict((old, new), (new,))

    assert found.verdict is Verdict.INCONCLUSIVE


def test_a_stream_that_one_side_does_not_read_cannot_have_moved_for_it(verdict) -> None:
    users, both = edition(1, Pin(USERS, 1, 3)), edition(2, Pin(USERS, 1, 3), Pin(ORDERS, 2, 5))

    assert verdict((users,), (both,)).verdict is Verdict.PASS
    assert verdict((users,), (both,), name="Eve").verdict is Verdict.FAIL


def test_an_edition_that_was_made_before_anything_was_there_proves_nothing(verdict) -> None:
    found = verdict((edition(1, Pin(USERS, 1, 3)),), (edition(2),))

    assert found.reasons == ("the inputs moved: raw.users was read from load 1 to 3 and not at all",)


def test_a_side_whose_loads_are_not_known_is_judged_by_its_rows(verdict) -> None:
    assert verdict((edition(1, Pin(USERS, 1, 3)),), ()).verdict is Verdict.PASS
