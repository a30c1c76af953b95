"""A session lasts twelve hours at most, and one without a request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lockgate.govern.sessions import digest_of, is_over, new_secret, new_session

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)


def test_it_begins_now_and_ends_after_twelve_hours():
    begun = new_session("ada", "192.0.2.7", NOON)

    assert (begun.person, begun.address, begun.began_at, begun.seen_at) == ("ada", "192.0.2.7", NOON, NOON)
    assert begun.expires_at == NOON + timedelta(hours=12)
    assert len(begun.session_id) == 32
    assert new_session("ada", "", NOON).session_id != begun.session_id


def test_it_is_over_after_an_hour_without_a_request():
    begun = new_session("ada", "", NOON)

    assert not is_over(begun, NOON + timedelta(minutes=59, seconds=59))
    assert is_over(begun, NOON + timedelta(hours=1))
    assert not is_over(replace(begun, seen_at=NOON + timedelta(minutes=30)), NOON + timedelta(hours=1))


def test_it_is_over_after_twelve_hours_however_busy():
    late = NOON + timedelta(hours=12)

    assert is_over(replace(new_session("ada", "", NOON), seen_at=late), late)


def test_secrets_have_256_bits_and_are_kept_as_their_digest():
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {43}
    assert digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(digest_of("\ud800")) == 64
