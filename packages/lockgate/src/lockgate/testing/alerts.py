"""What every `Notifier` must do: a test class to inherit from, over a stand that plays the receiver."""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

import pytest

from lockgate.core.notice import Notice, Severity
from lockgate.core.ports import Notifier
from lockgate.errors import LockgateError, NoticeRefused, NoticeUnavailable

DEADLINE_SECONDS = 0.4
NOTICE = Notice(
    notice_id="cutover/users/17/rolled_back",
    kind="cutover.rolled_back",
    severity=Severity.CRITICAL,
    subject="users: the candidate was rolled back",
    text="12 of 800 rows were silently wrong.\nThe incumbent answers again.",
    at=datetime(2026, 2, 28, 12, tzinfo=UTC),
    facts={"wrong": 12, "rows": 800, "candidate": "dbt", "share": 0.05, "held": True},
    entity="users",
    about="cutover/users/17",
)
HOSTILE = replace(
    NOTICE,
    notice_id="id\r\nBcc: a@evil.example",
    subject="x\r\nBcc: b@evil.example\r\n\r\n<!channel> <script>alert(1)</script>\x00\u202e",
    text="<!channel> <@U1> <https://evil.example|here> & <img src=x onerror=alert(1)>\r\n.\r\nQUIT\r\n\ud800\x1b[31m",
    facts={"<!here>\n": "</td><script>alert(1)</script>", "b": "\r\nBcc: c@evil.example"},
    entity="a\r\nb",
)


class How(StrEnum):
    """How the receiver takes what comes next."""

    REFUSES = "refuses"
    IS_BUSY = "is busy"
    FAILS = "fails"
    DRIPS = "drips"
    HANGS = "hangs"
    IS_GONE = "is gone"


TRANSIENT = (How.IS_BUSY, How.FAILS, How.DRIPS, How.HANGS, How.IS_GONE)


@dataclass(frozen=True, slots=True)
class Taken:
    """A notice as the receiver understood it: the key by which it tells a repetition, and the words people read."""

    key: str
    words: str


class Stand(Protocol):
    """A receiver, and the notifier that sends to it."""

    secrets: tuple[str, ...]
    longest: int

    def open(self) -> Notifier:
        """The notifier; it gives up an attempt after `DEADLINE_SECONDS` where the receiver was told not to answer."""

    def behave(self, how: How) -> None:
        """From now on the receiver behaves so."""

    def taken(self) -> list[Taken]:
        """What was taken."""

    def harms(self) -> list[str]:
        """What of everything that came would do harm: mentions, links, scripts, headers of their own."""


class NotifierConformance:
    """Inherit, and give a fixture `stand`."""

    def test_a_notice_arrives_once_and_whole(self, stand: Stand) -> None:
        said = stand.open().send(NOTICE)

        (taken,) = stand.taken()
        for words in (NOTICE.subject, *NOTICE.text.splitlines(), "wrong", "800", "dbt"):
            assert words in taken.words
        assert "127.0.0.1" in said
        assert "\n" not in said

    def test_a_repetition_has_the_key_of_the_first_and_another_notice_another(self, stand: Stand) -> None:
        notifier = stand.open()
        for notice in (NOTICE, NOTICE, replace(NOTICE, notice_id="other", about="other")):
            notifier.send(notice)

        first, again, other = (taken.key for taken in stand.taken())
        assert first == again != other

    def test_a_recovery_is_taken_too(self, stand: Stand) -> None:
        notifier = stand.open()
        notifier.send(NOTICE)
        notifier.send(replace(NOTICE, notice_id="over", subject="users: promoted again", is_recovery=True))

        assert len(stand.taken()) == 2

    def test_a_notice_of_nothing_but_a_subject_is_taken(self, stand: Stand) -> None:
        stand.open().send(replace(NOTICE, text="", facts={}, entity="", about=""))

        assert len(stand.taken()) == 1

    def test_a_refusal_is_fatal(self, stand: Stand) -> None:
        stand.behave(How.REFUSES)

        with pytest.raises(NoticeRefused):
            stand.open().send(NOTICE)

        assert stand.taken() == []

    @pytest.mark.parametrize("how", TRANSIENT)
    def test_what_may_go_well_later_is_retryable_and_does_not_last(self, stand: Stand, how: How) -> None:
        stand.behave(how)
        began = time.monotonic()

        with pytest.raises(NoticeUnavailable):
            stand.open().send(NOTICE)

        assert time.monotonic() - began < DEADLINE_SECONDS + 2
        assert stand.taken() == []

    @pytest.mark.parametrize("how", [None, How.REFUSES, *TRANSIENT])
    def test_no_secret_stands_in_an_error_or_a_log(self, stand: Stand, caplog, capfd, how: How | None) -> None:
        if how is not None:
            stand.behave(how)
        told = ""

        with caplog.at_level(logging.DEBUG):
            try:
                told = stand.open().send(NOTICE)
            except LockgateError as error:
                told = "".join(traceback.format_exception(error)) + repr(error.fields) + error.remedy

        written = capfd.readouterr()
        everything = f"{told}\n{caplog.text}\n{written.out}\n{written.err}"
        assert told
        assert [secret for secret in stand.secrets if secret in everything] == []

    def test_letters_of_every_script_arrive(self, stand: Stand) -> None:
        stand.open().send(replace(NOTICE, subject="Łukasz · 漢字", text="Größe 🦆 يبنى 👩\u200d👧"))

        (taken,) = stand.taken()
        for words in ("Łukasz · 漢字", "Größe 🦆 يبنى 👩\u200d👧"):
            assert words in taken.words

    @pytest.mark.parametrize("letter", ["x", "<", "漢", "🦆", '"', "\n"])
    def test_text_without_end_is_cut_to_what_the_receiver_takes(self, stand: Stand, letter: str) -> None:
        much = letter * 300_000
        facts = {f"fact {number}": much for number in range(200)}

        stand.open().send(replace(NOTICE, subject="long" + much, text="long" + much, facts=facts, kind="k" + much))

        (taken,) = stand.taken()
        assert "long" in taken.words
        assert len(taken.words) <= stand.longest

    def test_hostile_words_arrive_harmless(self, stand: Stand) -> None:
        notifier = stand.open()
        notifier.send(HOSTILE)
        notifier.send(NOTICE)

        assert len(stand.taken()) == 2
        assert stand.harms() == []
        assert "alert(1)" in stand.taken()[0].words  # told, and not done
