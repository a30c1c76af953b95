"""Accounts of a project: changed one at a time, locked exactly, and never left without an admin."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from lockgate.core.access import HeldUp, Person, Role
from lockgate.errors import AccountRefused, UnknownName
from lockgate.govern.lockout import lock_after
from lockgate.govern.sessions import new_session
from lockgate.store import open_store

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HERE, THERE = "192.0.2.7", "192.0.2.8"
ADMIN, VIEWER = frozenset({Role.ADMIN}), frozenset({Role.VIEWER})
ADA = Person("ada", ADMIN, is_enabled=True, created_at=NOON, password_changed_at=NOON)


def fail(store, times: int, now: datetime = NOON) -> Person:
    for _ in range(times):
        store.people.count_failure("ada", HERE, now)
    return store.people.people()[0]


@pytest.fixture
def people(store):
    store.people.add("ada", "kept", ADMIN, NOON)
    return store.people


def test_an_account_is_kept_as_it_was_made(people):
    assert people.people() == (ADA,)
    assert people.kept_password("ada") == (ADA, "kept")
    assert people.kept_password("Ada") is None


def test_accounts_are_listed_a_few_at_a_time_by_name(people, opened):
    for name in ("cyd", "bea", "ben"):
        people.add(name, "kept", VIEWER, NOON)
    opened(project="sales").people.add("abe", "kept", VIEWER, NOON)

    def names(**asked) -> list[str]:
        return [one.name for one in people.listed(**asked)]

    assert names() == ["ada", "bea", "ben", "cyd"]
    assert names(limit=2) == ["ada", "bea"]
    assert names(before="bea", limit=2) == ["ben", "cyd"]
    assert names(before="bed") == ["ben", "cyd"]
    assert names(text="B") == ["bea", "ben"]
    assert names(text="e", before="bea") == ["ben"]
    assert names(text="%") == names(text="_") == names(text="'") == []
    assert people.listed(limit=1) == (ADA,)


def test_who_is_held_up_somewhere_is_told_by_place(people, store):
    for name in ("ad", "bea", "c.d"):
        people.add(name, "kept", VIEWER, NOON)
    fail(store, 5)
    people.count_failure("ada", THERE, NOON)
    people.count_failure("bea", HERE, NOON)
    names = ["ada", "ad", "bea", "c.d", "ghost"]

    assert people.held_up(names, NOON) == {"ada": HeldUp(6, 1), "bea": HeldUp(1)}
    assert people.held_up(["ad", "c.d"], NOON) == people.held_up([], NOON) == {}
    assert people.held_up(names, NOON + MINUTE) == {"ada": HeldUp(6), "bea": HeldUp(1)}
    assert people.held_up(names, NOON + timedelta(days=1)) == {}


def test_a_right_password_elsewhere_leaves_a_place_held_up_until_it_is_unlocked(people, store):
    fail(store, 5)

    assert people.note_right("ada", "kept", THERE, NOON)

    assert people.people()[0].failures == 0
    assert people.held_up(["ada"], NOON) == {"ada": HeldUp(5, 1)}
    people.unlock("ada")
    assert people.held_up(["ada"], NOON) == {}


def test_there_is_one_account_of_a_name_whatever_its_capitals(people, store):
    epoch = store.access.epoch()

    with pytest.raises(AccountRefused, match="there is an account ada already"):
        people.add("ADA", "other", VIEWER, NOON)

    assert people.people() == (ADA,)
    assert store.access.epoch() == epoch


def test_many_who_add_the_same_account_at_once_add_one(opened):
    stores, made, refused = [opened() for _ in range(4)], [], []

    def add(store):
        try:
            made.append(store.people.add("ada", "kept", ADMIN, NOON))
        except AccountRefused as error:
            refused.append(error)

    threads = [threading.Thread(target=add, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(made), len(refused), len(stores[0].people.people())) == (1, 3, 1)


def test_projects_do_not_see_each_others_and_targets_do(people, opened):
    other = opened(project="sales")

    assert other.people.people() == ()
    assert other.access.epoch() == 0
    other.people.add("ada", "theirs", VIEWER, NOON)
    fail(other, 5)
    assert other.people.locked_until("ada", HERE, NOON) == NOON + MINUTE
    assert people.locked_until("ada", HERE, NOON) is None
    assert opened(target="postgres").people.kept_password("ada") == (ADA, "kept")


@pytest.mark.parametrize("failures", range(1, 12))
def test_wrong_passwords_lock_from_the_fifth_on(store, people, failures):
    now, locked = NOON, None
    for number in range(1, failures + 1):
        now = locked or now
        locked = now + lock_after(number) if number >= 5 else None
        store.people.count_failure("ada", HERE, now)

    assert people.people()[0].failures == failures
    assert people.locked_until("ada", HERE, now) == locked
    assert people.locked_until("ada", THERE, now) is None


def test_what_is_tried_while_locked_counts_for_nothing(store, people):
    locked = fail(store, 5)

    assert fail(store, 3, NOON + MINUTE - timedelta(microseconds=1)) == locked
    fail(store, 1, NOON + MINUTE)
    assert people.locked_until("ada", HERE, NOON + MINUTE) == NOON + 3 * MINUTE


def test_of_many_at_once_each_counts_up_to_the_one_that_locks(opened):
    stores = [opened() for _ in range(4)]
    stores[0].people.add("ada", "kept", ADMIN, NOON)
    barrier = threading.Barrier(4)

    def guess(store):
        barrier.wait(60)
        for _ in range(4):
            store.people.count_failure("ada", HERE, NOON)

    threads = [threading.Thread(target=guess, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert stores[0].people.people()[0].failures == 5
    assert stores[0].people.locked_until("ada", HERE, NOON) == NOON + MINUTE


def test_the_right_password_is_refused_while_locked_and_begins_anew_after(store, people):
    fail(store, 5)
    begun = new_session("ada", "", NOON)

    assert not people.note_right("ada", "kept", HERE, NOON)
    assert not people.admit(begun, "digest", "kept", HERE)
    assert store.sessions.sessions() == ()

    late = new_session("ada", "", NOON + MINUTE)
    assert people.admit(late, "digest", "kept", HERE)
    (found,) = people.people()
    assert (found.failures, found.locked_until, found.signed_in_at) == (0, None, NOON + MINUTE)
    assert store.sessions.sessions() == (late,)


def test_a_password_that_was_replaced_meanwhile_admits_nobody(store, people):
    people.set_password("ada", "other", NOON)

    assert not people.note_right("ada", "kept", HERE, NOON)
    assert not people.admit(new_session("ada", "", NOON), "digest", "kept", HERE)
    assert store.sessions.sessions() == ()


def test_another_password_may_begin_a_session_in_the_same_step(store, people):
    people.admit(new_session("ada", "", NOON), "digest", "kept", HERE)
    begun = new_session("ada", "", NOON + MINUTE)

    people.set_password("ada", "other", NOON + MINUTE, instead_of="kept", begun=(begun, "another digest"))

    assert store.sessions.sessions() == (begun,)
    people.add("bob", "bobs", ADMIN, NOON)
    people.set_enabled("ada", is_enabled=False)
    with pytest.raises(AccountRefused, match="meanwhile"):
        people.set_password("ada", "third", NOON, instead_of="other", begun=(begun, "digest"))
    assert people.kept_password("ada")[1] == "other"


@pytest.mark.parametrize("forget", ["unlock", "set_password", "remove"])
def test_what_ends_a_lock_out_ends_it_in_every_place(store, people, forget):
    people.add("bob", "bobs", ADMIN, NOON)
    for place in (HERE, THERE):
        for _ in range(5):
            people.count_failure("ada", place, NOON)
            people.count_failure("adam", place, NOON)
            people.count_failure("bob", place, NOON)

    people.set_password("ada", "other", NOON) if forget == "set_password" else getattr(people, forget)("ada")

    assert [people.locked_until("ada", place, NOON) for place in (HERE, THERE)] == [None, None]
    assert [people.locked_until("adam", place, NOON) for place in (HERE, THERE)] == [None, None]
    assert None not in [people.locked_until("bob", place, NOON) for place in (HERE, THERE)]


def test_another_password_ends_sessions_and_the_lock(store, people):
    people.admit(new_session("ada", "", NOON), "digest", "kept", HERE)
    fail(store, 5)

    people.set_password("ada", "other", NOON + MINUTE)

    (found,) = people.people()
    assert (found.failures, found.locked_until, found.password_changed_at) == (0, None, NOON + MINUTE)
    assert people.kept_password("ada") == (found, "other")
    assert store.sessions.sessions() == ()


def test_of_two_who_change_a_password_the_second_is_told(people):
    people.set_password("ada", "first", NOON, instead_of="kept")

    with pytest.raises(AccountRefused, match="changed meanwhile"):
        people.set_password("ada", "second", NOON, instead_of="kept")

    assert people.kept_password("ada")[1] == "first"


def test_keeping_the_same_password_otherwise_ends_nothing(store, people):
    begun = new_session("ada", "", NOON)
    people.admit(begun, "digest", "kept", HERE)

    people.rehash("ada", "renewed", instead_of="kept")
    people.rehash("ada", "late", instead_of="kept")

    assert people.kept_password("ada")[1] == "renewed"
    assert store.sessions.sessions() == (begun,)


def test_whoever_is_disabled_or_gone_has_no_session_left(store, people):
    people.add("bob", "bobs", VIEWER, NOON)
    for end in (lambda: people.set_enabled("bob", is_enabled=False), lambda: people.remove("bob")):
        people.set_enabled("bob", is_enabled=True)
        assert people.admit(new_session("bob", "", NOON), "digest", "bobs", HERE)

        end()

        assert store.sessions.sessions() == ()
        assert not people.admit(new_session("bob", "", NOON), "digest", "bobs", HERE)
    assert [one.name for one in people.people()] == ["ada"]


def test_an_account_made_again_has_nothing_of_the_one_before(store, people):
    people.add("bob", "bobs", VIEWER, NOON)
    people.admit(new_session("bob", "", NOON), "digest", "bobs", HERE)
    people.remove("bob")

    people.add("bob", "others", VIEWER, NOON)

    assert store.sessions.sessions() == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda people: people.remove("ada"),
        lambda people: people.set_roles("ada", VIEWER),
        lambda people: people.set_enabled("ada", is_enabled=False),
    ],
    ids=["removing", "demoting", "disabling"],
)
def test_the_last_admin_who_is_enabled_stays(store, people, change):
    people.add("bob", "bobs", ADMIN, NOON)
    people.set_enabled("bob", is_enabled=False)
    before, epoch = people.people(), store.access.epoch()

    with pytest.raises(AccountRefused, match="ada is the only admin"):
        change(people)
    assert (people.people(), store.access.epoch()) == (before, epoch)

    people.set_enabled("bob", is_enabled=True)
    change(people)


def test_of_two_admins_who_remove_each_other_at_once_one_stays(opened):
    one, other = opened(), opened()
    for name in ("ada", "bob"):
        one.people.add(name, "kept", ADMIN, NOON)
    barrier, refused = threading.Barrier(2), []

    def remove(store, name):
        barrier.wait(60)
        try:
            store.people.remove(name)
        except AccountRefused as error:
            refused.append(error)

    threads = [threading.Thread(target=remove, args=each) for each in ((one, "ada"), (other, "bob"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(one.people.people()), len(refused)) == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda people: people.remove("adda"),
        lambda people: people.unlock("adda"),
        lambda people: people.set_roles("adda", VIEWER),
        lambda people: people.set_enabled("adda", is_enabled=True),
        lambda people: people.set_password("adda", "kept", NOON),
    ],
    ids=["removing", "unlocking", "giving roles", "enabling", "setting a password"],
)
def test_an_unknown_account_is_told_the_nearest(store, people, change):
    epoch = store.access.epoch()

    with pytest.raises(UnknownName, match="there is no account 'adda'") as caught:
        change(people)

    assert caught.value.remedy == "Did you mean 'ada'?"
    assert store.access.epoch() == epoch


def test_every_change_of_who_may_lets_the_epoch_grow_and_nothing_else_does(store, people):
    epoch = store.access.epoch()
    changes = [
        lambda: people.add("bob", "bobs", VIEWER, NOON),
        lambda: people.set_roles("bob", ADMIN),
        lambda: people.set_password("bob", "others", NOON),
        lambda: people.set_enabled("bob", is_enabled=False),
        lambda: people.unlock("bob"),
        lambda: people.remove("bob"),
    ]
    for change in changes:
        change()
        assert store.access.epoch() == epoch + 1
        epoch += 1

    fail(store, 1)
    people.note_right("ada", "kept", HERE, NOON)
    people.admit(new_session("ada", "", NOON), "digest", "kept", HERE)
    people.rehash("ada", "renewed", instead_of="kept")
    assert store.access.epoch() == epoch


def test_one_person_has_so_many_sessions_and_another_one_ends_the_oldest(store, people):
    people.add("bob", "bobs", VIEWER, NOON)
    people.admit(new_session("bob", "", NOON), "digest of bob", "bobs", HERE)
    begun = [new_session("ada", "", NOON + number * MINUTE) for number in range(52)]
    epoch = store.access.epoch()

    for one in begun:
        assert people.admit(one, f"digest of {one.session_id}", "kept", HERE)

    assert store.sessions.sessions("ada") == tuple(reversed(begun[2:]))
    assert len(store.sessions.sessions("bob")) == 1
    assert store.access.epoch() == epoch + 2


class Guessing(RuleBasedStateMachine):
    """An account that is guessed at, beside what the rule says of it; time goes on now and then."""

    store = None

    @initialize()
    def begin(self) -> None:
        people = self.store.people
        names = [one.name for one in people.people()]
        if not names:
            people.add("ada", "kept", ADMIN, NOON)
        people.unlock("ada")
        self.now, self.failed, self.locked_until = NOON, [], NOON

    @rule()
    def guess_wrong(self) -> None:
        self.store.people.count_failure("ada", HERE, self.now)
        if self.now >= self.locked_until:
            self.failed = [at for at in self.failed if at > self.now - timedelta(days=1)] + [self.now]
            self.locked_until = max(self.locked_until, self.now + lock_after(len(self.failed)))

    @rule()
    def give_the_right_one(self) -> None:
        is_in = self.store.people.note_right("ada", "kept", HERE, self.now)
        assert is_in == (self.now >= self.locked_until)
        if is_in:
            self.failed = []

    @rule(seconds=st.integers(1, 30_000))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def is_as_the_rule_says(self) -> None:
        (found,) = self.store.people.people()
        until = self.store.people.locked_until("ada", HERE, self.now)
        assert found.failures == len(self.failed)
        assert until == (self.locked_until if self.locked_until > self.now else None)
        assert self.store.people.locked_until("ada", THERE, self.now) is None


def test_whatever_happens_the_account_is_locked_as_the_rule_says(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'control.db'}", project="inventory", target="main")
    machine = type("Machine", (Guessing,), {"store": store})

    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))

    store.close()
