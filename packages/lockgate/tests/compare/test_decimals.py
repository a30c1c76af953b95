"""Numbers of any size, near and whole, held against Python's decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.compare.decimals import near, whole
from lockgate.compare.encoding import digits
from lockgate.core.comparison import Tolerance

EXACT = Context(prec=1000, rounding=ROUND_HALF_UP)
NUMBERS = st.builds(
    lambda digits, power: Decimal(digits).scaleb(power), st.integers(-(10**45), 10**45), st.integers(-60, 40)
)
TOLERANCES = ("0", "0.5", "1e308", "0.001", "0%", "25%", "0.000000000000000001%", "300%", "12.34%")


@pytest.fixture(scope="module")
def answer():
    """What the bench's engine says of SQL over texts a, b and so on."""
    with duckdb.connect() as connection:
        yield lambda sql, *texts: connection.execute(
            f"select {sql} from (select cast(? as varchar) as a, cast(? as varchar) as b)", [texts[0], texts[-1]]
        ).fetchone()[0]


@settings(max_examples=150, deadline=None)
@given(NUMBERS, NUMBERS, st.sampled_from(TOLERANCES), st.sampled_from([-1, 0, 1]), st.booleans())
def test_two_numbers_are_near_up_to_the_bound_and_not_a_digit_further(answer, one, far, written, sign, is_far):
    tolerance = Tolerance.parse(written)
    with localcontext(EXACT):
        bound = abs(one) * tolerance.relative if tolerance.relative is not None else tolerance.absolute
        other = far if is_far else one + bound + sign * Decimal(1).scaleb(-80)
        expected = abs(one - other) <= bound

        assert answer(near(digits("a"), digits("b"), tolerance), str(one), str(other)) is expected


@settings(max_examples=100, deadline=None)
@given(NUMBERS)
def test_a_number_becomes_whole_half_away_from_zero(answer, number):
    with localcontext(EXACT):
        assert Decimal(answer(whole(digits("a")), str(number))) == number.to_integral_value()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2.5", "03"),
        ("-0.4", "-0"),
        ("99999999999999999999999999999999999999999.5", "1" + "0" * 41),
        ("NaN", "nan"),
        ("1e3", "1e3"),
    ],
)
def test_whole_numbers_keep_every_digit(answer, written, expected):
    assert answer(whole(digits("a")), written).lstrip("0") == expected.lstrip("0")


@pytest.mark.parametrize("texts", [("nan", "1"), ("inf", "1"), ("inf", "-inf"), ("x", "x")])
def test_what_is_no_number_is_near_nothing(answer, texts):
    assert answer(near(digits("a"), digits("b"), Tolerance.parse("1e308")), *texts) is False
