"""How old what a process knows may be, and how seldom it asks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.access import Caller, CallerKind, Person, Role, Session, TokenFacts
from lockgate.errors import ControlPlaneUnavailable, TokenRefused
from lockgate.govern.known import Known
from lockgate.govern.sessions import digest_of
from lockgate.server import known_callers
from lockgate.server.known_callers import FRESH_SECONDS, STALE_SECONDS, TOUCH_SECONDS, KnownCallers

NOW = datetime(2026, 1, 31, 5, 0, tzinfo=UTC)
ADA = Person("ada", frozenset({Role.VIEWER}), True, NOW, NOW)


class Book:
    """Who may, kept in memory; what is asked of it is counted."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.grown = 0
        self.asked: list[str] = []
        self.touched: list[tuple[str, ...]] = []
        self.is_away = False

    def begin(self, secret: str) -> None:
        self.sessions[secret] = Session(f"id-{secret}", "ada", "", NOW, NOW, NOW + timedelta(hours=1))

    def end(self, secret: str) -> None:
        del self.sessions[secret]
        self.grown += 1

    def epoch(self) -> int:
        self._told("epoch")
        return self.grown

    def known(self) -> Known:
        self._told("known")
        sessions = {each.session_id: each for each in self.sessions.values()}
        digests = {digest_of(secret): each.session_id for secret, each in self.sessions.items()}
        return Known(self.grown, {"ada": ADA}, sessions, digests, {}, lambda: NOW)

    def read_token(self, text: str) -> TokenFacts:
        self._told("read_token")
        if text == "forged":
            raise TokenRefused
        return TokenFacts(text, "ada", NOW + timedelta(hours=1))

    def touch(self, session_ids: tuple[str, ...]) -> None:
        self.touched.append(tuple(sorted(session_ids)))

    def _told(self, what: str) -> None:
        self.asked.append(what)
        if self.is_away:
            raise ControlPlaneUnavailable


class Desk:
    """Asks a book, with a clock that stands still until it is set."""

    def __init__(self) -> None:
        self.book = Book()
        self.now = 100.0
        self.callers = KnownCallers(self.book, self._ask, self._ask, clock=lambda: self.now, sleep=self._sleep)

    async def _ask(self, function, *given):
        await asyncio.sleep(0)
        return function(*given)

    async def _sleep(self, seconds):
        self.now += seconds

    def of(self, *secrets, **named):
        """Who has these, asked for at the same moment."""

        async def all_of_them():
            found = await asyncio.gather(*(self.callers.of_session(secret, **named) for secret in secrets))
            await asyncio.sleep(0.01)
            return found

        return [found and found.name for found in asyncio.run(all_of_them())]

    def token(self, text):
        return asyncio.run(self.callers.of_token(text))


@pytest.fixture
def desk():
    desk = Desk()
    desk.book.begin("s-1")
    return desk


def test_it_is_read_once_for_all_who_ask_within_half_a_second(desk):
    assert desk.of("s-1", "s-1", "s-1") == ["ada", "ada", "ada"]
    desk.now += FRESH_SECONDS
    assert desk.of("s-1") == ["ada"]

    assert desk.book.asked == ["epoch", "known"]


def test_after_that_one_number_tells_that_nothing_has_changed(desk):
    desk.of("s-1")
    desk.now += FRESH_SECONDS + 0.01
    desk.of("s-1", "s-1")

    assert desk.book.asked == ["epoch", "known", "epoch"]


def test_a_session_that_ended_elsewhere_is_over_after_half_a_second(desk):
    desk.of("s-1")
    desk.book.end("s-1")

    assert desk.of("s-1") == ["ada"]
    desk.now += FRESH_SECONDS + 0.01
    assert desk.of("s-1") == [None]


@pytest.mark.timeout(60)
def test_who_comes_late_just_as_a_look_has_ended_has_another_one_made(desk, monkeypatch):
    desk.of("s-1")
    desk.now += FRESH_SECONDS + 0.01
    epoch, late = desk.book.epoch, []

    async def come():
        desk.now += FRESH_SECONDS + 0.01
        return await desk.callers.of_session("s-1")

    def somebody_comes():
        """They do after the look has ended, and before those that wait for it are told."""
        monkeypatch.setattr(desk.book, "epoch", epoch)
        late.append(asyncio.ensure_future(come()))
        return epoch()

    monkeypatch.setattr(desk.book, "epoch", somebody_comes)

    assert desk.of("s-1") == ["ada"]
    assert [one.result().name for one in late] == ["ada"]
    assert desk.book.asked == ["epoch", "known", "epoch", "epoch"]


def test_one_that_began_elsewhere_counts_at_once(desk):
    desk.of("s-1")
    desk.now += 0.2
    desk.book.begin("s-2")

    assert desk.of("s-2") == ["ada"]
    assert desk.book.asked == ["epoch", "known", "known"]


def test_whoever_makes_names_up_has_all_read_ten_times_a_second_at_most(desk):
    desk.of("s-1")
    before = desk.now
    for number in range(20):
        assert desk.of(*(f"made-up-{number}-{each}" for each in range(50))) == [None] * 50

    assert desk.book.asked.count("known") - 1 <= (desk.now - before) / 0.1 + 1


def test_a_change_made_here_is_seen_by_the_next_request(desk):
    desk.of("s-1")
    desk.book.end("s-1")
    desk.callers.forget()
    desk.now += 0.001

    assert desk.of("s-1") == [None]


def test_a_token_is_verified_once_until_something_changes(desk):
    assert [desk.token("id-s-1").name, desk.token("id-s-1").name] == ["ada", "ada"]
    assert desk.book.asked.count("read_token") == 1

    desk.book.grown += 1
    desk.now += FRESH_SECONDS + 0.01
    desk.token("id-s-1")
    desk.token("id-s-1")

    assert desk.book.asked.count("read_token") == 2


def test_a_forged_token_is_not_remembered(desk):
    for _ in range(2):
        with pytest.raises(TokenRefused):
            desk.token("forged")

    assert desk.book.asked == ["read_token", "read_token"]


def test_what_is_remembered_of_tokens_is_bounded(desk, monkeypatch):
    monkeypatch.setattr(known_callers, "MOST_TOKENS", 3)
    for number in range(10):
        desk.token(f"t-{number}")

    assert len(desk.callers._facts) <= 3


def test_while_the_control_plane_is_away_what_is_known_holds_for_a_second_and_no_longer(desk):
    desk.of("s-1")
    desk.book.is_away = True

    desk.now += STALE_SECONDS
    assert desk.of("s-1") == ["ada"]
    desk.now += 0.01
    with pytest.raises(ControlPlaneUnavailable):
        desk.of("s-1")

    desk.book.is_away = False
    assert desk.of("s-1") == ["ada"]


def test_a_process_that_never_read_anything_knows_nobody(desk):
    desk.book.is_away = True

    with pytest.raises(ControlPlaneUnavailable):
        asyncio.run(desk.callers.has_people())


def test_sessions_that_were_seen_are_told_now_and_then(desk):
    desk.of("s-1")
    desk.now += 1
    desk.of("s-1")
    assert desk.book.touched == [("id-s-1",)]

    desk.now += TOUCH_SECONDS - 0.5
    desk.of("s-1")
    assert desk.book.touched == [("id-s-1",)]
    desk.now += 1
    desk.of("s-1")
    assert desk.book.touched == [("id-s-1",), ("id-s-1",)]


def test_looking_on_is_no_sign_of_life(desk):
    for _ in range(3):
        desk.of("s-1", is_seen=False)
        desk.now += TOUCH_SECONDS + 1

    assert desk.book.touched == []


def test_a_caller_is_who_the_store_says_whatever_the_token_does(desk):
    assert desk.token("id-s-1") == Caller("ada", CallerKind.PERSON, frozenset({Role.VIEWER}), "id-s-1")
