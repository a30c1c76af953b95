"""`quality anomalies | measurements`: what runs measured, what is wrong with it, and who hears of it once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.app import quality
from lockgate.app.wiring import RUN_LOCK, open_wiring
from lockgate.cli.entrypoint import run
from lockgate.core.measurement import Measurement, SeriesName
from lockgate.core.record import RecordStatus
from lockgate.quality import judging

PROJECT = """
project: people
sources:
  files:
    kind: csv
    streams:
      people: {path: people.csv, columns: {id: bigint, cost: bigint}}
entities:
  people:
    key: [id]
    contract: {id: bigint, cost: bigint}
    implementations:
      rules: {rules: rules/people.yml}
    quality: {metrics: {total_cost: sum(cost)}}
notifications:
  ops: {kind: webhook, url: "http://127.0.0.1:9/", secret: secret://hook}
"""
RULES = """
entity: people
from: raw.people
rules:
  - derive: {cost: cost}
output: [id, cost]
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "rules").mkdir()
    (tmp_path / "lockgate.yml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "rules/people.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "people.csv").write_text("id,cost\n1,10\n2,\n3,30\n", encoding="utf-8")
    monkeypatch.setenv("LOCKGATE_SECRET_HOOK", "s" * 32)
    return tmp_path


@pytest.fixture
def lockgate(project, capsys):
    def lockgate(*arguments: str):
        code = run(["--project", str(project), *arguments])
        written = capsys.readouterr()
        return code, json.loads(written.out) if "--json" in arguments else written.out, written.err

    return lockgate


@pytest.fixture
def remembered(project):
    """Puts a daily series into the control plane, which ends yesterday."""

    def remembered(metric: str, values, *, column: str = "") -> None:
        wiring = open_wiring(project, None)
        yesterday = datetime.now(UTC) - timedelta(days=1)
        days = [yesterday - timedelta(days=len(values) - 1 - place) for place in range(len(values))]
        name = SeriesName("people", "rules", metric, column)
        wiring.store.measurements.add([Measurement(name, value, at) for value, at in zip(values, days, strict=True)])
        wiring.close()

    return remembered


def test_a_run_measures_what_it_loads_executes_and_publishes(lockgate):
    assert lockgate("run")[0] == 0
    code, found, _ = lockgate("quality", "measurements", "--json")

    values = {(one["entity"], one["metric"], one["column"]): one["value"] for one in found}
    assert code == 0
    assert values["files.people", "rows", ""] == 3.0
    assert values["people", "rows", ""] == 3.0
    assert values["people", "null_rate", "cost"] == pytest.approx(1 / 3)
    assert values["people", "distinct", "cost"] == 2.0
    assert values["people", "total_cost", ""] == 40.0
    assert {key[1:] for key in values if key[0] == "people"} >= {("seconds", ""), ("null_rate", "id")}
    assert all(one["exact"] for one in found)


def test_an_output_that_did_not_change_is_measured_again(lockgate):
    for _ in range(2):
        lockgate("run")

    _, found, _ = lockgate("quality", "measurements", "people", "--json")
    assert [one["value"] for one in found if one["metric"] == "rows"] == [3.0, 3.0]


def test_what_is_not_to_be_measured_is_not(project, lockgate):
    (project / "lockgate.yml").write_text(
        PROJECT.replace("quality: {metrics: {total_cost: sum(cost)}}", "quality: {measure: false}"), encoding="utf-8"
    )
    lockgate("run")

    _, found, _ = lockgate("quality", "measurements", "people", "--json")
    assert {one["metric"] for one in found} == {"bytes", "seconds"}  # which no query reads


def test_before_a_month_there_is_not_enough_evidence(lockgate):
    lockgate("run")
    code, found, err = lockgate("quality", "anomalies", "--json")

    assert code == 3
    assert found["answer"] == "not enough evidence"
    assert lockgate("quality", "anomalies")[0::2] == (3, "11 series have too few measurements to be judged\n")
    assert err == ""


def test_before_anything_was_measured_there_is_not_enough_evidence(lockgate):
    assert lockgate("quality", "anomalies") == (3, "", "nothing was measured yet\n")


def test_what_is_in_order_is_said_so(lockgate, remembered):
    remembered("rows", [1000.0 + place % 5 for place in range(60)])

    assert lockgate("quality", "anomalies") == (0, "no anomaly in 1 series\n", "")


def test_a_run_that_publishes_far_fewer_rows_is_an_anomaly(lockgate, remembered, project):
    remembered("rows", [1000.0 + place % 5 for place in range(60)])
    lockgate("run")
    report = project / "report.html"

    code, found, _ = lockgate("quality", "anomalies", "people", "--json", "--report", str(report))

    assert code == 1
    (told,) = found["anomalies"]
    assert (told["entity"], told["implementation"], told["metric"], told["value"]) == ("people", "rules", "rows", 3.0)
    assert told["kind"] == "value"
    assert 900 < told["low"] < 1000 < told["high"] < 1100
    assert "people@rules rows" in report.read_text(encoding="utf-8")


def test_an_anomaly_is_told_of_once(lockgate, remembered):
    remembered("rows", [1000.0 + place % 5 for place in range(60)])
    for _ in range(2):
        lockgate("run")

    _, found, _ = lockgate("notices", "list", "--json")
    (notice,) = [one["notice"] for one in found if one["notice"]["kind"] == "quality.anomaly"]
    assert notice["subject"] == "people@rules: 1 series is not as expected"
    assert notice["text"].startswith("rows: 3, outside of ")
    assert (notice["severity"], notice["entity"]) == ("warning", "people")


def test_anomalies_are_looked_for_once_the_target_is_anothers(lockgate, remembered, project, monkeypatch):
    remembered("rows", [1000.0 + place % 5 for place in range(60)])
    seen = []

    def judge(series, measurements, **more):
        other = open_wiring(project, None)
        with other.warehouse.lock(RUN_LOCK, wait_seconds=0.0):
            (newest,) = other.store.runs.runs(limit=1)
        other.close()
        seen.append((series.entity, newest.status))
        return judging.judge(series, measurements, **more)

    monkeypatch.setattr(quality, "judge", judge)
    assert lockgate("run")[0] == 0

    assert set(seen) == {("people", RecordStatus.SUCCESS), ("files.people", RecordStatus.SUCCESS)}
    assert len(lockgate("notices", "list", "--json")[1]) == 1


def test_an_edition_that_takes_far_less_than_usual_is_told_of(lockgate, remembered):
    remembered("bytes", [10_000_000.0 + place % 5 for place in range(60)])
    lockgate("run")

    _, measured, _ = lockgate("quality", "measurements", "people", "--json")
    (taken,) = [one for one in measured if one["metric"] == "bytes" and one["value"] < 10_000_000]
    (rows,) = [one for one in measured if one["metric"] == "rows"]
    assert taken["at"] == rows["at"]
    _, found, _ = lockgate("notices", "list", "--json")
    (notice,) = [one["notice"] for one in found]
    assert notice["text"].startswith(f"bytes: {taken['value']:,.0f}, outside of 9,")


def test_a_measurement_of_a_time_to_come_hides_nothing(lockgate, remembered, project):
    remembered("rows", [1000.0 + place % 5 for place in range(60)])
    wiring = open_wiring(project, None)
    ahead = datetime.now(UTC) + timedelta(days=365)
    wiring.store.measurements.add([Measurement(SeriesName("people", "rules", "rows"), 1002.0, ahead)])
    wiring.close()
    lockgate("run")

    code, found, _ = lockgate("quality", "anomalies", "--json")

    assert code == 1
    assert [(one["metric"], one["value"], one["kind"]) for one in found["anomalies"]] == [("rows", 3.0, "value")]
    (notice,) = [one["notice"] for one in lockgate("notices", "list", "--json")[1]]
    assert notice["text"].startswith("rows: 3, outside of ")


@pytest.mark.parametrize(
    "gone",
    [
        SeriesName("gone", "rules", "rows"),
        SeriesName("people", "gone", "rows"),
        SeriesName("people", "rules", "gone"),
        SeriesName("people", "rules", "null_rate", "gone"),
        SeriesName("files.gone", "", "rows"),
    ],
    ids=str,
)
def test_what_is_not_declared_any_more_is_not_judged(lockgate, project, gone):
    wiring = open_wiring(project, None)
    now, values = datetime.now(UTC), [*(0.5 + place % 5 / 1000 for place in range(60)), 0.0]
    days = [now - timedelta(days=61 - place) for place in range(61)]
    wiring.store.measurements.add([Measurement(gone, value, at) for value, at in zip(values, days, strict=True)])
    wiring.close()

    assert lockgate("quality", "anomalies") == (3, "", "nothing was measured yet\n")
    assert len(lockgate("quality", "measurements", "--json")[1]) == 61


def test_earlier_anomalies_are_listed_from_a_day_on(lockgate, remembered):
    remembered("rows", [10.0 if place == 50 else 1000.0 + place % 5 for place in range(60)])
    fortnight = f"{datetime.now(UTC) - timedelta(days=14):%Y-%m-%d}"

    assert lockgate("quality", "anomalies")[0] == 0
    assert lockgate("quality", "anomalies", "--since", fortnight)[0] == 1
    assert lockgate("quality", "anomalies", "--since", f"{datetime.now(UTC):%Y-%m-%d}")[0] == 0


def test_a_key_metric_that_fails_takes_nothing_else_with_it(project, lockgate):
    written = PROJECT.replace("sum(cost)}}", "sum(cost * 9000000000000000000)}}")
    (project / "lockgate.yml").write_text(written, encoding="utf-8")

    assert lockgate("run")[0] == 0

    _, found, _ = lockgate("quality", "measurements", "people", "--json")
    assert {(one["metric"], one["column"]): one["value"] for one in found if one["metric"] == "rows"} == {
        ("rows", ""): 3.0
    }
    assert {one["metric"] for one in found} == {"rows", "null_rate", "distinct", "seconds", "bytes"}


def test_an_unknown_name_is_answered_with_the_nearest_one(lockgate):
    code, _, err = lockgate("quality", "anomalies", "peopel")

    assert code == 2
    assert "Did you mean 'people'?" in err


def test_a_key_metric_that_cannot_be_measured_is_refused_with_its_line(project, lockgate):
    more = "total_cost: sum(costs), names: 'sum(*)', rows: count(*), read_bytes: sum(id)"
    written = PROJECT.replace("total_cost: sum(cost)", more)
    (project / "lockgate.yml").write_text(written, encoding="utf-8")

    code, _, err = lockgate("check")

    assert code == 2
    assert "the contract has no column 'costs'" in err
    assert "`*` stands in count(*) alone" in err
    assert "'rows' is measured of every entity" in err
    assert "'read_bytes' is measured of every entity" in err
