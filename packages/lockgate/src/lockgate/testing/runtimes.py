"""What every `OutsideRuntime` must do: a test class to inherit from, over a stand that has the flows of `PROJECT`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Protocol
from uuid import uuid4

import pytest

from lockgate.core.flow import FlowStatus, Interval, SeenRun, Trigger
from lockgate.core.ports.flows import OutsideRuntime
from lockgate.errors import FlowMissing, FlowPaused, JobFinal, RunExists, RuntimeRefused, UnknownName

WRONG = "an-open-secret"
SAID = "there is no such thing"
PROJECT = f"""
project: conformance
flows:
  greet:
    steps:
      - {{name: first, shell: "echo about {{date}}"}}
      - {{name: flaky, shell: "sh -c 'rmdir again || {{ mkdir again; exit 1; }}'", retries: 1, retry_delay: 1s}}
      - {{name: last, shell: "true"}}
  broken:
    max_active_runs: 4
    steps:
      - {{name: bad, shell: "sh -c 'echo {SAID}; exit 4'", retries: 1, retry_delay: 1s}}
      - {{name: after, shell: "true"}}
  endless:
    max_active_runs: 4
    steps:
      - {{name: waits, shell: sleep 600}}
      - {{name: never, shell: "true"}}
  paused:
    steps:
      - {{name: only, shell: "true"}}
"""
FOLLOW_SECONDS = 180.0
LOOK_SECONDS = 0.2


class Stand(Protocol):
    """A runtime with the flows of `PROJECT`, of which `paused` is paused; it forgets no run while a test goes on."""

    token_seconds: float

    def runtime(self, *, password: str | None = None, ages: bool = True) -> OutsideRuntime:
        """A client of it, by another password; with `ages` false, one that does not see its token grow old."""


def moment() -> Interval:
    """Now, as a run of a person's asking is about."""
    now = datetime.now(UTC)
    return Interval(now, now)


def new_id() -> str:
    """An id that no other run has."""
    return f"manual__{datetime.now(UTC).isoformat()}.{uuid4().hex[:6]}"


def followed(runtime: OutsideRuntime, flow: str, run_id: str) -> SeenRun:
    """A run once it has ended."""
    *_, last = runtime.follow(flow, run_id, seconds=FOLLOW_SECONDS)
    return last


class RuntimeConformance:
    """Inherit from it and give the fixture `stand`."""

    @pytest.fixture
    def stand(self) -> Stand:
        """The stand."""
        raise NotImplementedError

    @pytest.fixture
    def runtime(self, stand: Stand) -> OutsideRuntime:
        """A client."""
        return stand.runtime()

    def test_a_run_is_begun_and_followed_to_its_end(self, runtime: OutsideRuntime) -> None:
        """With its steps, of which one is tried twice."""
        run_id, about = new_id(), moment()

        begun = runtime.trigger("greet", run_id, about)
        done = followed(runtime, "greet", run_id)

        assert (begun.run_id, begun.trigger, begun.status, begun.interval) == (
            run_id, Trigger.MANUAL, FlowStatus.QUEUED, about,
        )  # fmt: skip
        assert (done.run_id, done.status) == (run_id, FlowStatus.SUCCESS)
        success = FlowStatus.SUCCESS
        assert {(step.name, step.status, step.attempt) for step in done.steps} == {
            ("first", success, 1), ("flaky", success, 2), ("last", success, 1),
        }  # fmt: skip
        assert all(step.started_at and step.finished_at for step in done.steps)
        assert done.started_at is not None
        assert done.finished_at is not None
        assert done.started_at <= done.finished_at

    def test_a_run_whose_step_fails_fails_and_its_log_says_why(self, runtime: OutsideRuntime) -> None:
        """Each of its tries has a log, and one that was not made has none."""
        run_id = new_id()
        runtime.trigger("broken", run_id, moment())

        done = followed(runtime, "broken", run_id)

        assert done.status is FlowStatus.FAILED
        assert {(step.name, step.status, step.attempt) for step in done.steps} == {
            ("bad", FlowStatus.FAILED, 2), ("after", FlowStatus.SKIPPED, 0),
        }  # fmt: skip
        for attempt in (1, 2):
            log = runtime.log("broken", run_id, "bad", attempt)
            assert SAID in log.text
            assert log.is_whole
        for step, attempt in (("bad", 7), ("nobody", 1)):
            with pytest.raises(UnknownName):
                runtime.log("broken", run_id, step, attempt)

    def test_a_run_that_goes_on_is_cancelled_once(self, runtime: OutsideRuntime) -> None:
        """What runs of it fails, what waits is skipped."""
        run_id = new_id()
        runtime.trigger("endless", run_id, moment())
        for seen in runtime.follow("endless", run_id, seconds=FOLLOW_SECONDS):
            if any(step.status is FlowStatus.RUNNING for step in seen.steps):
                break

        cancelled = runtime.cancel("endless", run_id)

        assert cancelled.status is FlowStatus.FAILED
        after = runtime.seen("endless", run_id)
        assert {step.name: step.status for step in after.steps} == {
            "waits": FlowStatus.FAILED, "never": FlowStatus.SKIPPED,
        }  # fmt: skip
        with pytest.raises(JobFinal):
            runtime.cancel("endless", run_id)

    def test_a_run_that_has_ended_is_not_cancelled(self, runtime: OutsideRuntime) -> None:
        """It stays as it ended."""
        run_id = new_id()
        runtime.trigger("greet", run_id, moment())
        done = followed(runtime, "greet", run_id)

        with pytest.raises(JobFinal):
            runtime.cancel("greet", run_id)

        assert runtime.seen("greet", run_id) == done

    def test_an_id_is_one_runs(self, runtime: OutsideRuntime) -> None:
        """Whoever asks for it knowingly gets that run."""
        run_id, about = new_id(), moment()
        runtime.trigger("greet", run_id, about)

        with pytest.raises(RunExists):
            runtime.trigger("greet", run_id, about)

        assert runtime.trigger("greet", run_id, about, may_exist=True).run_id == run_id
        assert [run.run_id for run in runtime.runs("greet", limit=100)].count(run_id) == 1
        followed(runtime, "greet", run_id)

    def test_an_interval_is_one_runs(self, runtime: OutsideRuntime) -> None:
        """What the run is about is kept as it was asked for."""
        start = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=uuid4().int % 10**8)
        about, run_id = Interval(start, start + timedelta(hours=1)), new_id()
        runtime.trigger("greet", run_id, about)

        with pytest.raises(RunExists):
            runtime.trigger("greet", new_id(), about)

        assert runtime.seen("greet", run_id).interval == about
        followed(runtime, "greet", run_id)

    def test_a_paused_flow_is_not_begun(self, runtime: OutsideRuntime) -> None:
        """A run of it would wait for ever."""
        with pytest.raises(FlowPaused):
            runtime.trigger("paused", new_id(), moment())

        assert runtime.runs("paused") == ()

    def test_what_is_not_there_is_told_from_the_rest(self, runtime: OutsideRuntime) -> None:
        """Flows as missing, runs as unknown."""
        with pytest.raises(FlowMissing):
            runtime.trigger("nobody", new_id(), moment())
        with pytest.raises(FlowMissing):
            runtime.runs("nobody")
        for call in (runtime.seen, runtime.cancel):
            with pytest.raises(UnknownName):
                call("greet", "manual__nobody")
        with pytest.raises(UnknownName):
            runtime.log("greet", "manual__nobody", "first", 1)

    def test_the_newest_runs_come_first(self, runtime: OutsideRuntime) -> None:
        """As many as were asked for."""
        ids = [new_id(), new_id()]
        for run_id in ids:
            runtime.trigger("greet", run_id, moment())

        newest = runtime.runs("greet", limit=2)

        assert [run.run_id for run in newest] == ids[::-1]
        for run_id in ids:
            followed(runtime, "greet", run_id)

    def test_a_wrong_password_is_refused_and_not_told(self, stand: Stand) -> None:
        """Neither by the message nor by what it was caused by."""
        with pytest.raises(RuntimeRefused) as caught:
            stand.runtime(password=WRONG).runs("greet")

        assert WRONG not in f"{caught.value}{caught.value.fields}{caught.value.__cause__}"

    @pytest.mark.parametrize("ages", [True, False], ids=["before its end", "when it is refused"])
    def test_a_token_is_renewed(self, stand: Stand, ages: bool) -> None:
        """Nobody who calls sees that it has come to its end."""
        runtime = stand.runtime(ages=ages)
        runtime.runs("greet")

        sleep(stand.token_seconds + 1)

        assert isinstance(runtime.runs("greet"), tuple)
