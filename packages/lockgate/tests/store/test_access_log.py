"""Who may is read as one picture, and the epoch tells when it is another."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from lockgate.core.access import MachineToken, Role
from lockgate.govern.sessions import new_session
from lockgate.store.access_log import Admitting

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
ADMIN = frozenset({Role.ADMIN})


def test_nobody_is_admitted_at_first(store):
    assert store.access.epoch() == 0
    assert store.access.admitting(NOON) == Admitting(0, (), (), ())


def test_everything_that_admits_is_in_it(store):
    ada = store.people.add("ada", "kept", ADMIN, NOON)
    begun = new_session("ada", "", NOON)
    store.people.admit(begun, "digest", "kept", "")
    token = MachineToken("t1", "etl", ADMIN, NOON, "ada", NOON + timedelta(days=1))
    store.tokens.add(token)

    found = store.access.admitting(NOON)

    (person,) = found.people
    assert (person.name, person.roles, person.signed_in_at) == (ada.name, ADMIN, NOON)
    assert (found.epoch, found.sessions, found.tokens) == (2, ((begun, "digest"),), (token,))


def test_whoever_reads_an_epoch_has_every_change_that_it_counts(opened):
    """A name is added with each growth: a picture of an epoch has at least as many people as that."""
    writers, reader, torn, done = [opened() for _ in range(3)], opened(), [], threading.Event()

    def add(number):
        for each in range(8):
            writers[number].people.add(f"p{number}-{each}", "kept", ADMIN, NOON)

    def look():
        while not done.is_set():
            found = reader.access.admitting(NOON)
            if len(found.people) < found.epoch:
                torn.append(found)

    looking = threading.Thread(target=look)
    looking.start()
    threads = [threading.Thread(target=add, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    looking.join()

    assert torn == []
    assert reader.access.epoch() == 24
