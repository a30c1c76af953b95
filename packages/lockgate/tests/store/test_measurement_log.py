"""Measurements are kept series by series, and read newest bounded, oldest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import event

from lockgate.core.measurement import Measurement, Metric, SeriesName

AT = datetime(2026, 3, 1, 5, tzinfo=UTC)
ROWS = SeriesName("users", "dbt", Metric.ROWS)
NULLS = SeriesName("users", "dbt", Metric.NULL_RATE, "email")


def _measured(series: SeriesName, day: int, value: float) -> Measurement:
    return Measurement(series, value, AT + timedelta(days=day), run_id=day + 1, execution_id=day + 7)


def test_what_was_added_is_read_back_as_it_was(store):
    there = [_measured(ROWS, 0, 100), Measurement(NULLS, 0.25, AT, is_exact=False)]
    store.measurements.add(there)

    assert store.measurements.series(ROWS) == (there[0],)
    assert store.measurements.series(NULLS) == (there[1],)
    assert store.measurements.every_series() == {NULLS: (there[1],), ROWS: (there[0],)}


def test_nothing_to_add_asks_nothing_of_the_database(store):
    store.measurements.add([])

    assert store.measurements.every_series() == {}


def test_a_series_is_its_newest_measurements_oldest_first(store):
    store.measurements.add([_measured(ROWS, day, 100 + day) for day in (2, 0, 3, 1)])

    assert [one.value for one in store.measurements.series(ROWS)] == [100, 101, 102, 103]
    assert [one.value for one in store.measurements.series(ROWS, limit=2)] == [102, 103]
    assert [one.value for one in store.measurements.series(ROWS, since=AT + timedelta(days=3))] == [103]
    assert [one.run_id for one in store.measurements.series(ROWS)] == [1, 2, 3, 4]


def test_series_of_other_entities_columns_projects_and_targets_are_kept_apart(opened):
    log, other = opened().measurements, SeriesName("orders", "dbt", Metric.ROWS)
    names = SeriesName("users", "dbt", Metric.NULL_RATE, "name")
    log.add([_measured(ROWS, 0, 1), _measured(other, 0, 2), _measured(NULLS, 0, 0.5), _measured(names, 0, 0.75)])
    opened(target="other").measurements.add([_measured(ROWS, 0, 9)])

    assert [one.value for one in log.series(ROWS)] == [1]
    assert list(log.every_series()) == [other, NULLS, names, ROWS]
    assert list(log.every_series("users")) == [NULLS, names, ROWS]
    assert opened(project="other").measurements.every_series() == {}


def test_what_one_run_measured_is_read_as_it_was_then(opened):
    log, other = opened().measurements, SeriesName("orders", "dbt", Metric.ROWS)
    log.add([_measured(name, day, day) for name in (ROWS, other) for day in (0, 2)])
    log.add([_measured(ROWS, 1, 1), _measured(NULLS, 2, 0.5)])
    opened(target="other").measurements.add([_measured(NULLS, 1, 9)])
    then = AT + timedelta(days=1)

    found = log.every_series(run_at=then, until=then)

    assert {name: [one.value for one in values] for name, values in found.items()} == {ROWS: [0, 1]}
    assert list(log.every_series(until=AT)) == [other, ROWS]


def test_each_series_is_bounded_by_itself_and_all_are_read_by_one_statement(store):
    store.measurements.add([_measured(name, day, day) for name in (ROWS, NULLS) for day in range(5)])
    said = []
    engine = store.database._engine
    event.listen(engine, "before_cursor_execute", lambda *given: said.append(given[2]))

    found = store.measurements.every_series(each=2)

    assert {name: [one.value for one in values] for name, values in found.items()} == {NULLS: [3, 4], ROWS: [3, 4]}
    assert len([one for one in said if "SELECT" in one]) == 1


def test_old_measurements_are_forgotten_and_no_others(opened):
    log, other = opened().measurements, opened(target="other").measurements
    for each in (log, other):
        each.add([_measured(ROWS, day, day) for day in range(3)])

    assert log.forget(AT + timedelta(days=2)) == 2

    assert [one.value for one in log.series(ROWS)] == [2]
    assert [one.value for one in other.series(ROWS)] == [0, 1, 2]
