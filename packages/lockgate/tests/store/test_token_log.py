"""Machines' tokens are good until they run out or are revoked, and are never taken off the list."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.access import MachineToken, Role
from lockgate.errors import AccountRefused, UnknownName

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ETL = MachineToken("t1", "etl", frozenset({Role.OPERATOR, Role.VIEWER}), NOON, "ada", NOON + 24 * HOUR)
LATER = replace(ETL, token_id="t2", created_at=NOON + HOUR)


def test_tokens_are_kept_as_they_were_made_the_newest_first(store):
    epoch = store.access.epoch()

    store.tokens.add(ETL)
    store.tokens.add(LATER)

    assert store.tokens.tokens() == (LATER, ETL)
    assert store.access.epoch() == epoch + 2


def test_a_token_is_made_once(opened):
    ours, other = opened(), opened(target="postgres")
    ours.tokens.add(ETL)
    epoch = ours.access.epoch()

    with pytest.raises(AccountRefused, match="that token was made already"):
        other.tokens.add(replace(LATER, token_id="t1"))

    assert ours.tokens.tokens() == (ETL,)
    assert ours.access.epoch() == epoch


def test_tokens_are_listed_a_few_at_a_time_the_newest_first(store, opened):
    same_moment = replace(LATER, token_id="t3")
    for token in (LATER, ETL, same_moment):
        store.tokens.add(token)
    opened(project="sales").tokens.add(replace(ETL, token_id="t9"))

    assert store.tokens.listed() == (same_moment, LATER, ETL)
    assert store.tokens.listed(limit=1) == (same_moment,)
    assert store.tokens.listed(before="t3", limit=1) == (LATER,)
    assert store.tokens.listed(before="t2") == (ETL,)
    assert store.tokens.listed(before="t1") == ()
    with pytest.raises(UnknownName, match="there is no token of that id"):
        store.tokens.listed(before="t9")


def test_a_token_is_revoked_once_and_everywhere(opened):
    ours, other = opened(), opened(target="postgres")
    ours.tokens.add(ETL)
    epoch = ours.access.epoch()

    assert other.tokens.revoke("t1", NOON + HOUR) == replace(ETL, revoked_at=NOON + HOUR)
    assert other.tokens.revoke("t1", NOON + 2 * HOUR) == replace(ETL, revoked_at=NOON + HOUR)

    assert ours.tokens.tokens() == (replace(ETL, revoked_at=NOON + HOUR),)
    assert ours.access.epoch() > epoch


def test_there_is_none_of_another_project(opened):
    opened().tokens.add(ETL)
    other = opened(project="sales")

    assert other.tokens.tokens() == ()
    with pytest.raises(UnknownName, match="there is no token of that id"):
        other.tokens.revoke("t1", NOON)
    assert (opened().tokens.tokens(), other.access.epoch()) == ((ETL,), 0)
