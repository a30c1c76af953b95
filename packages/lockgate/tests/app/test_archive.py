"""What was kept is read back a page at a time; the rows that differ are looked for anew."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from lockgate.app import App
from lockgate.app.archive import Archive
from lockgate.core.comparison import ColumnRule, ComparisonRequest, Sample, Status, Tolerance, Transform, Verdict
from lockgate.core.load import LoadStatus
from lockgate.core.record import RecordStatus
from lockgate.core.run import RunRequest
from lockgate.errors import UnknownName
from lockgate.flow import Unwatched


@pytest.fixture
def compared(cutover_project, opened):
    """A project whose candidate writes other names, run once: its archive, and the wiring behind it."""
    project = cutover_project()
    project.make("two", wrong=True)
    with App.open(project.folder) as app:
        assert app.run(RunRequest(), Unwatched()).success
    wiring = opened(project)
    return Archive(wiring), wiring


def test_what_a_run_left_is_found_again(compared):
    archive, _ = compared

    (run,) = archive.runs()
    (load,) = archive.loads("files.people", status=LoadStatus.LANDED)
    (record,) = archive.comparisons("people")

    assert [step.name for step in archive.run(run.run_id).steps][:2] == ["load files.people", "pin"]
    assert {one.execution.implementation for one in archive.executions(run.run_id)} == {"one", "two"}
    assert archive.load(load.load_id) == load
    assert (run.status, load.rows, record.verdict) == (RecordStatus.SUCCESS, 300, Verdict.FAIL)
    assert archive.running() is None
    assert archive.streams == ("files.people",)
    assert (archive.quarantine(), archive.notices()) == ((), ())
    assert archive.comparisons(before=record.comparison_id) == archive.loads("files.other") == ()


def test_a_comparison_comes_with_what_was_asked(compared):
    archive, wiring = compared
    (record,) = archive.comparisons()
    rules = {"name": ColumnRule(Tolerance(absolute=Decimal("0.10")), (Transform.TRIM,))}
    asked = ComparisonRequest(("person_id",), rules=rules, excluded=frozenset({"made_by"}), where="person_id > 1")
    number = wiring.store.comparisons.add_comparison(
        "people", asked, archive.comparison(record.comparison_id).comparison, record.compared_at
    )

    kept = archive.comparison(number)

    assert kept.request == asked
    assert (kept.comparison.rows.changed, kept.comparison.unexplained) == (300, 300)
    assert kept.comparison.samples == ()


def test_rows_that_differ_are_shown_by_key_and_with_values_where_these_are_asked_for(compared):
    archive, _ = compared
    (record,) = archive.comparisons()

    hidden = archive.differing_rows(record.comparison_id, are_values_shown=False)
    shown = archive.differing_rows(record.comparison_id, are_values_shown=True)

    assert len(hidden.samples) == len(shown.samples) == 20
    assert {sample.left for sample in hidden.samples} == {"***"}
    number = shown.samples[0].key["person_id"]
    assert shown.samples[0] == Sample(Status.CHANGED, {"person_id": number}, "name", f"name {number}", f"NAME {number}")
    assert [each.comparison_id for each in archive.comparisons()] == [record.comparison_id]


def test_rows_of_an_edition_that_is_gone_cannot_be_shown(compared):
    archive, wiring = compared
    (record,) = archive.comparisons()
    kept = archive.comparison(record.comparison_id)
    gone = tuple((replace(side[0], number=99),) for side in kept.comparison.editions)
    number = wiring.store.comparisons.add_comparison(
        "people", kept.request, replace(kept.comparison, editions=gone), record.compared_at
    )
    several = replace(kept.comparison, editions=(kept.comparison.editions[0] * 2, gone[1]))
    mixed = wiring.store.comparisons.add_comparison("people", kept.request, several, record.compared_at)

    with pytest.raises(UnknownName, match="edition 99 of people is not kept any more"):
        archive.differing_rows(number, are_values_shown=False)
    with pytest.raises(UnknownName, match="was not one edition"):
        archive.differing_rows(mixed, are_values_shown=False)
