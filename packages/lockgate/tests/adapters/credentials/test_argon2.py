"""argon2id with the parameters of RFC 9106, a few at a time."""

from __future__ import annotations

import threading

import pytest
from argon2 import PasswordHasher
from argon2.profiles import RFC_9106_LOW_MEMORY

from lockgate.adapters.credentials.argon2 import NOBODYS, Argon2Passwords
from lockgate.errors import SignInBusy
from lockgate.testing.credentials import PASSWORD


@pytest.fixture
def passwords():
    return Argon2Passwords(wait_seconds=60)


def test_parameters_are_the_second_recommended_option_of_rfc_9106(passwords):
    assert passwords.hashed(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY).check_needs_rehash(passwords.hashed(PASSWORD)) is False


def test_whoever_is_unknown_is_compared_with_something_of_the_same_cost(passwords):
    assert not passwords.is_outdated(NOBODYS)
    assert [len(part) for part in NOBODYS.split("$")] == [len(part) for part in passwords.hashed(PASSWORD).split("$")]


def test_weaker_parameters_are_outdated(passwords):
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)

    assert passwords.is_right(PASSWORD, weak)
    assert passwords.is_outdated(weak)


def test_no_more_than_two_are_hashed_at_once_and_others_wait_for_a_while_only(monkeypatch):
    passwords = Argon2Passwords(wait_seconds=0.01)
    begun, done = threading.Semaphore(0), threading.Event()

    def hash_slowly(_password):
        begun.release()
        done.wait(60)
        return "kept"

    monkeypatch.setitem(vars(passwords), "_hasher", type("Hasher", (), {"hash": staticmethod(hash_slowly)}))
    threads = [threading.Thread(target=passwords.hashed, args=(PASSWORD,)) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert begun.acquire(timeout=60)

    with pytest.raises(SignInBusy):
        passwords.hashed(PASSWORD)
    with pytest.raises(SignInBusy):
        passwords.is_right(PASSWORD, None)

    done.set()
    for thread in threads:
        thread.join()
    assert passwords.hashed(PASSWORD) == "kept"
