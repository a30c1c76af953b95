"""Long passwords are taken as they are; what is guessed first is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.errors import PasswordRefused
from lockgate.govern.passwords import checked_password, normalised


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "Zażółć gęślą jaźń",
        "k3#vQ!x9Lp2&",
        "我的密码很长没有人会猜到的",
        "twelve chars",
        "adalovelace-wrote-programs",
        "837465019283",
        "x" * 128 + "y" * 128,
    ],
)
def test_long_ones_are_taken(password):
    assert checked_password(password, "ada") == normalised(password)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least 12"),
        ("eleven char", "at least 12"),
        ("ab" + "\u0300" * 9, "at least 12"),
        ("x" * 128 + "y" * 129, "at most 256"),
        ("x" * 10_000_000, "at most 256"),
        ("ﷺ" * 20, "at most 256"),
        ("correct\nhorse\nbattery", "controls"),
        ("correct horse\x00battery", "controls"),
        ("aaaaaaaaaaaa", "again and again"),
        ("abababababab", "again and again"),
        ("abcdabcdabcd", "again and again"),
        ("123456789012", "sequence"),
        ("098765432109", "sequence"),
        ("abcdefghijkl", "sequence"),
        ("ZYXWVUTSRQPO", "sequence"),
        ("qwertyuiopas", "sequence"),
        ("1q2w3e4r5t6y", "sequence"),
        ("password2026!", "very many"),
        ("Passwordpassword", "very many"),
        ("Welcome!2026!", "very many"),
        ("lockgate-admin-1", "very many"),
    ],
)
def test_what_is_guessed_first_is_not_and_is_not_repeated(password, why):
    with pytest.raises(PasswordRefused, match=why) as caught:
        checked_password(password, "ada")

    assert password == "" or password not in f"{caught.value}{caught.value.remedy}{caught.value.fields}"


@pytest.mark.parametrize("password", ["ada.lovelace", "Ada.Lovelace1", "ADA.LOVELACE!2026", "ecalevol.ada123"])
def test_the_name_is_none(password):
    with pytest.raises(PasswordRefused, match="the name"):
        checked_password(password, "ada.lovelace")


def test_the_password_of_before_is_none():
    with pytest.raises(PasswordRefused, match="of before"):
        checked_password("correct horse battery", "ada", instead_of="correct horse\u00a0battery")


def test_it_is_the_same_however_the_keyboard_composed_it():
    assert checked_password("Zaz\u0307ółc\u0301 gęślą", "ada") == checked_password("Zażółć gęślą", "ada")


@given(st.text(max_size=300), st.text(max_size=20))
def test_whatever_is_given_is_taken_whole_or_refused(password, name):
    try:
        taken = checked_password(password, name)
    except PasswordRefused:
        return

    assert taken == normalised(password)
    assert 12 <= len(taken) <= 256
    assert normalised(taken) == taken
