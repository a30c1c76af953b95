"""The circuit opens after failures in a row, lets one caller try once its time is over, and closes with a success."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lockgate.core.circuit_breaker import CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_three_failures_in_a_row_open_it_for_five_seconds():
    clock = Clock()
    breaker = CircuitBreaker(failures=3, seconds=5, clock=clock)

    opened = [breaker.failed() for _ in range(3)]
    clock.now += 2

    assert opened == [False, False, True]
    assert breaker.open_seconds() == 3


def test_a_success_in_between_begins_the_count_anew():
    breaker = CircuitBreaker(failures=2, seconds=5, clock=Clock())

    assert (breaker.failed(), breaker.succeeded(), breaker.failed()) == (False, False, False)
    assert breaker.open_seconds() is None


def test_one_caller_tries_once_the_time_is_over_and_closes_it():
    clock = Clock()
    breaker = CircuitBreaker(failures=1, seconds=5, clock=clock)
    breaker.failed()
    clock.now += 5

    assert [breaker.open_seconds(), breaker.open_seconds()] == [None, 5]
    assert breaker.succeeded()
    assert breaker.open_seconds() is None


def test_a_trial_that_fails_opens_it_anew_and_one_that_is_lost_is_followed_by_another():
    clock = Clock()
    breaker = CircuitBreaker(failures=1, seconds=5, clock=clock)
    breaker.failed()
    clock.now += 5
    breaker.open_seconds()
    clock.now += 1

    assert not breaker.failed()
    assert breaker.open_seconds() == 5
    clock.now += 5
    assert breaker.open_seconds() is None
    clock.now += 5
    assert breaker.open_seconds() is None


class Circuits(RuleBasedStateMachine):
    """Whatever happens: between two callers who may try while it is open lie at least its seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = CircuitBreaker(failures=3, seconds=5, clock=self.clock)
        self.row = 0
        self.left_alone_until = 0.0

    @rule(seconds=st.sampled_from([0.5, 2.0, 5.0, 11.0]))
    def time_passes(self, seconds):
        self.clock.now += seconds

    @rule()
    def fails(self):
        self.row += 1
        assert self.breaker.failed() == (self.row == 3)
        if self.row >= 3:
            self.left_alone_until = self.clock.now + 5

    @rule()
    def succeeds(self):
        assert self.breaker.succeeded() == (self.row >= 3)
        self.row = 0

    @rule()
    @precondition(lambda self: self.row >= 3)
    def somebody_asks_while_it_is_open(self):
        left = self.breaker.open_seconds()
        if self.clock.now < self.left_alone_until:
            assert left == self.left_alone_until - self.clock.now
        else:
            assert left is None
            self.left_alone_until = self.clock.now + 5

    @invariant()
    def it_stands_open_for_nobody_while_it_is_closed(self):
        if self.row < 3:
            assert self.breaker.open_seconds() is None


TestCircuits = Circuits.TestCase
