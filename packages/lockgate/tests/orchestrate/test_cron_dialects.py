"""Schedules that other runtimes would read in another way are refused; those that are let through mean the same."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest
from cronsim import CronSim, CronSimError
from dagster._vendored.croniter import croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lockgate.core.flow import FlowDeclaration, Runtime, Schedule
from lockgate.errors import CapabilityMissing
from lockgate.orchestrate.cron_dialects import refuse_foreign_cron

START = datetime(2026, 1, 1, tzinfo=UTC)


def refuse(cron: str, runtime: Runtime) -> None:
    refuse_foreign_cron(FlowDeclaration("nightly", (), schedule=Schedule(cron)), runtime)


@pytest.mark.parametrize("runtime", [Runtime.AIRFLOW, Runtime.DAGSTER])
@pytest.mark.parametrize(
    ("cron", "foreign"),
    [
        ("0 0 * * 5L", "5L"),
        ("0 0 LW * *", "LW"),
        ("0 0 * * 1,fri#1", "FRI#1"),
        ("0 5-5 * * *", "5-5"),
        ("0 0 * 3-mar/2 *", "3-MAR/2"),
        ("59/2 5 * * *", "59/2"),
        ("0 5 * * 1/2", "1/2"),
    ],
)
def test_what_croniter_reads_otherwise_is_refused(cron, foreign, runtime):
    with pytest.raises(CapabilityMissing) as caught:
        refuse(cron, runtime)

    assert str(caught.value) == (
        f"the schedule of nightly, {cron!r}: {runtime} does not read {foreign!r} as Lockgate does"
    )
    assert caught.value.remedy == (
        "Write numbers, names and ranges from a lower to a higher one, or compile the other flows by their names."
    )


@pytest.mark.parametrize("runtime", [Runtime.AIRFLOW, Runtime.DAGSTER])
@pytest.mark.parametrize("cron", ["0 5 */2 * mon", "0 5 1,*/9 * mon", "0 5 1 * */2", "0 5 1 * fri#2"])
def test_days_that_have_to_be_both_are_refused(cron, runtime):
    with pytest.raises(CapabilityMissing, match="not where both are so") as caught:
        refuse(cron, runtime)

    assert caught.value.remedy.startswith("Give the flow a calendar of the weekdays")


@pytest.mark.parametrize("cron", ["0 0 * * 5L", "0 0 L * *", "0 0 LW * *", "0 0 * * fri#2"])
def test_what_cron_itself_does_not_know_is_refused_for_luigi(cron):
    with pytest.raises(CapabilityMissing, match="luigi does not read"):
        refuse(cron, Runtime.LUIGI)


@pytest.mark.parametrize("cron", ["0 5 */2 * mon", "0 0 * jul *", "0 5-5 * * 1/2"])
def test_what_cron_itself_reads_so_is_left_to_luigi(cron):
    refuse(cron, Runtime.LUIGI)


def field(low: int, high: int, *more: str) -> st.SearchStrategy[str]:
    number = st.integers(low, high).map(str)
    bounds = st.tuples(number, number).map("-".join)
    step = st.integers(1, 9).map("/{}".format)
    term = st.one_of(
        st.just("*"), number, bounds, *(st.tuples(each, step).map("".join) for each in (st.just("*"), number, bounds))
    )
    term = st.one_of(term, st.sampled_from(more)) if more else term
    return st.one_of(st.just("*"), st.lists(term, min_size=1, max_size=3).map(",".join))


CRONS = st.tuples(
    field(0, 59), field(0, 23), field(1, 31, "L", "LW", "l"), field(1, 12, "jan", "feb-jul", "Dec/2"),
    field(0, 7, "sun", "mon-fri", "fri#2", "7#1", "5L"),
).map(" ".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(CRONS)
def test_what_is_let_through_means_the_same_to_croniter(cron):
    try:
        ours = list(islice(CronSim(cron, START), 12))
        refuse(cron, Runtime.DAGSTER)
    except (CronSimError, CapabilityMissing):
        assume(False)

    assume(len(ours) == 12)
    theirs = croniter(cron, START)
    assert [theirs.get_next(datetime) for _ in ours] == ours
