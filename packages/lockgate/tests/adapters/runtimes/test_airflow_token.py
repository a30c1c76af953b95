"""Tokens: one for all threads, renewed before they end and when they are refused, never told."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from threading import Thread

import pytest

from lockgate.adapters.runtimes.airflow.token import TokenKeeper, life_seconds
from lockgate.errors import RuntimeRefused
from lockgate.sandbox.airflow_api import Fault


def jwt(**claims: object) -> str:
    return f"e30.{urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


def taken(api) -> int:
    return sum(1 for each in api.requests if each.path == "/auth/token")


def test_one_token_serves_every_request(api, airflow):
    threads = [Thread(target=airflow.runs, args=("greet",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert taken(api) == 1
    assert len(api.requests) == 9


def test_another_token_is_taken_before_the_old_one_ends():
    now = [1000.0]
    given = iter([jwt(iat=50, exp=150), jwt(iat=51, exp=151)])
    keeper = TokenKeeper(lambda: next(given), lambda: now[0])
    first = keeper.current()

    now[0] = 1089.9
    assert keeper.current() == first
    now[0] = 1090.0
    assert keeper.current() == jwt(iat=51, exp=151)


def test_a_token_of_another_making_is_used_until_it_is_refused():
    given = iter(["opaque", "another"])
    keeper = TokenKeeper(lambda: next(given), lambda: 0.0)

    assert [keeper.current(), keeper.current()] == ["opaque", "opaque"]
    keeper.refused("an older one")
    assert keeper.current() == "opaque"
    keeper.refused("opaque")
    assert keeper.current() == "another"


@pytest.mark.parametrize(
    ("token", "life"),
    [
        (jwt(iat=100, exp=400), 300.0),
        (jwt(exp=400), None),
        (jwt(iat=400, exp=400), None),
        (jwt(iat="x", exp=4), None),
        ("no.jwt", None),
        ("", None),
        ("a.b.c", None),
        (f"e30.{urlsafe_b64encode(b'[1]').decode()}.c2ln", None),
    ],
)
def test_a_jwt_tells_how_long_it_is_good_for(token, life):
    assert life_seconds(token) == life


def test_a_server_that_has_forgotten_its_tokens_is_asked_for_another(api, airflow):
    airflow.runs("greet")
    api.forget_tokens()

    assert airflow.runs("greet") == ()

    assert [each.status for each in api.requests] == [201, 200, 403, 201, 200]


def test_who_may_not_is_refused_after_one_new_token(api, airflow):
    airflow.runs("greet")
    api.faults.extend([Fault(403, {"detail": "Forbidden"}), None, Fault(403, {"detail": "Forbidden"})])

    with pytest.raises(RuntimeRefused, match="403"):
        airflow.runs("greet")

    assert taken(api) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(404),
        Fault(201, {"access_token": 7}),
        Fault(201, {}),
        Fault(201, {"access_token": "a\r\nb: c"}),
        Fault(415),
    ],
    ids=repr,
)
def test_who_gives_no_tokens_is_no_airflow_for_us(api, airflow, fault):
    api.faults.append(fault)

    with pytest.raises(RuntimeRefused, match="gives no token"):
        airflow.runs("greet")


def test_a_token_is_hidden_from_what_is_written(api, airflow):
    airflow.runs("greet")

    (login,) = (each.answer for each in api.requests if each.path == "/auth/token")
    assert airflow._exchange._secrets.hidden == [login["access_token"]]
