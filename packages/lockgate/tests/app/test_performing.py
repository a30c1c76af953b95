"""One execution as the router chooses: what it reads, who answers where the chosen one fails, what is written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lockgate.app import App
from lockgate.app.measuring import measure_bill
from lockgate.app.performing import inputs_of, perform
from lockgate.app.service import Service
from lockgate.app.switching import set_dbt_enabled
from lockgate.app.wiring import open_wiring
from lockgate.core.execution import Execution, FailedExecution
from lockgate.core.job import Failure, RoutedBy, TransformRequest
from lockgate.core.load import Pin
from lockgate.core.measurement import Measurement, SeriesName
from lockgate.core.record import RecordStatus
from lockgate.core.relation import Relation
from lockgate.core.route import Arm, Stage
from lockgate.core.run import Bounds, RunRequest
from lockgate.errors import DbtCancelled, DbtFailed, EngineOff
from lockgate.flow import Unwatched
from lockgate.quality.measuring import Measured
from lockgate.transform.cycle import ensure_route

pytestmark = pytest.mark.slow

PEOPLE = Relation("raw", "people")


@pytest.fixture
def wiring(project):
    with App.open(project) as app:
        app.load((), Bounds(), Unwatched())
    opened = open_wiring(project, None)
    yield opened
    opened.close()


@pytest.fixture
def performed(wiring):
    """Performs a request: its result, and the inputs that were told when it began."""

    def performed(**options):
        told = []
        result = perform(wiring, TransformRequest("people", **options), told.append, wait_seconds=0)
        return result, told

    return performed


def breaks(project) -> None:
    model = project / "dbt/models/people.sql"
    model.write_text(model.read_text(encoding="utf-8").replace("name from", "nowhere as name from"), encoding="utf-8")


def test_the_promoted_candidate_answers_on_what_was_foretold(wiring, performed):
    foretold = inputs_of(wiring, TransformRequest("people"))

    result, told = performed()

    assert (result.execution.implementation, result.execution.rows) == ("dbt", 2)
    assert (result.routed_by, result.fallen_back) == (RoutedBy.ROUTE, None)
    assert told == [foretold]
    assert result.inputs == foretold
    assert foretold.implementation == "dbt"
    (loaded,) = wiring.store.loads.loads()
    assert foretold.pins == (Pin(PEOPLE, loaded.load_id, loaded.load_id),)


def test_inputs_change_with_the_program_and_with_what_has_landed(wiring, project):
    first = inputs_of(wiring, TransformRequest("people", engine="rules"))
    (project / "rules/people.yml").write_text(
        (project / "rules/people.yml").read_text(encoding="utf-8") + "# another revision\n", encoding="utf-8"
    )
    second = inputs_of(wiring, TransformRequest("people", engine="rules"))
    with App.open(project) as app:
        (newer,) = app.load((), Bounds(full=True), Unwatched()).loads
    third = inputs_of(wiring, TransformRequest("people", engine="rules"))

    assert first.revision != second.revision == third.revision
    assert second.pins == first.pins != third.pins
    assert third.pins == (Pin(PEOPLE, newer.load_id, newer.load_id),)


def test_the_incumbent_answers_where_the_candidate_fails_and_both_are_written_down(wiring, project, performed):
    breaks(project)

    result, _ = performed()

    assert (result.execution.implementation, result.execution.rows) == ("rules", 2)
    assert result.fallen_back is not None
    assert result.fallen_back.code == "LG503"
    assert "nowhere" in result.fallen_back.message
    by_rules, by_dbt = wiring.store.executions.executions("people")
    assert (by_rules.status, by_rules.execution.implementation) == (RecordStatus.SUCCESS, "rules")
    assert (by_dbt.status, by_dbt.execution.implementation) == (RecordStatus.FAILED, "dbt")
    assert [node.node for node in by_dbt.execution.nodes] == ["model.people.people"]


def test_nobody_answers_for_what_was_cancelled(wiring, performed, monkeypatch):
    begun = []

    def cancelled(batch, variables, *, full_refresh, on_node):
        begun.append(batch.pieces[0].implementation.name)
        return (FailedExecution("people", "dbt", DbtCancelled()),)

    monkeypatch.setattr(wiring, "execute", cancelled)

    with pytest.raises(DbtCancelled):
        performed()

    assert begun == ["dbt"]


def test_where_both_fail_both_are_told(wiring, performed, project):
    breaks(project)
    rules = project / "rules/people.yml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("id: person", "nowhere: person"), encoding="utf-8")

    with pytest.raises(DbtFailed) as caught:
        performed()

    fallback = caught.value.fields["fallback"]
    assert (fallback["engine"], fallback["code"], fallback["error"]) == ("rules", "LG201", "RuleSetInvalid")
    assert "fallback" in Failure.of(caught.value).fields
    assert caught.value.message.startswith("people@dbt: ")
    assert caught.value.message.endswith(f"; rules, which was to answer instead, failed too: {fallback['message']}")


def test_nobody_answers_for_an_implementation_that_was_asked_for(project, performed):
    breaks(project)

    with pytest.raises(DbtFailed, match="nowhere"):
        performed(engine="dbt")


def test_the_switch_is_in_force_with_the_next_execution_and_in_the_view(wiring, project, performed):
    with App.open(project) as app:
        app.run(RunRequest(engines=("rules", "dbt"), load=False), Unwatched())

    set_dbt_enabled(wiring, "people", enabled=False, by="ada")
    without, _ = performed()
    shares = [wiring.warehouse.route("people").share]
    with pytest.raises(EngineOff):
        performed(engine="dbt")
    set_dbt_enabled(wiring, "people", enabled=True, by="ada")
    shares.append(wiring.warehouse.route("people").share)
    again, _ = performed()

    assert (without.execution.implementation, without.routed_by) == ("rules", RoutedBy.SWITCH)
    assert (again.execution.implementation, again.routed_by) == ("dbt", RoutedBy.ROUTE)
    assert shares == [0, 10_000]
    assert set(wiring.warehouse.shown("people").values()) == {Arm.INCUMBENT, Arm.CANDIDATE}


def test_a_run_does_not_build_what_is_switched_off(wiring, project):
    set_dbt_enabled(wiring, None, enabled=False, by="ada")

    with App.open(project) as app:
        result = app.run(RunRequest(load=False), Unwatched())

    assert [execution.implementation for execution in result.executions] == ["rules"]
    assert result.success


def test_files_and_messages_name_no_folder_of_the_machine(wiring, performed, project):
    result, _ = performed()
    breaks(project)
    with pytest.raises(DbtFailed) as caught:
        performed(engine="dbt")

    assert [node.file for node in result.execution.nodes] == ["dbt/models/people.sql"]
    assert caught.value.fields["file"] == "dbt/models/people.sql"
    assert "(dbt/models/people.sql)" in caught.value.message
    assert str(project) not in f"{result} {caught.value.message} {caught.value.remedy} {caught.value.fields}"


def test_dbt_off_where_the_rules_are_retired_is_warned_of_and_sends_requests_to_rules(wiring, performed, project):
    route = ensure_route(wiring.project.entities["people"], wiring.warehouse)
    wiring.warehouse.set_route(replace(route, incumbent="dbt", candidate=None, stage=Stage.RETIRED, share=0))
    with App.open(project) as app:
        app.run(RunRequest(load=False), Unwatched())

    set_dbt_enabled(wiring, "people", enabled=False, by="ada")
    result, _ = performed()
    [state] = Service(wiring).entities()
    with App.open(project) as app:
        warnings = app.check(offline=False).warnings

    assert (result.execution.implementation, result.routed_by) == ("rules", RoutedBy.SWITCH)
    assert wiring.warehouse.shown("people") == {1: Arm.INCUMBENT}
    assert state.warning == (
        "rules answers requests for people, and the served view goes on showing the last edition of dbt: the route "
        "names rules no more. Enable dbt again, or route people to rules."
    )
    assert [(each.message, each.file, each.line) for each in warnings] == [(state.warning, "lockgate.yml", 9)]


def test_what_an_execution_was_billed_for_is_measured_once_it_is_known(wiring):
    done = Execution("people", "dbt", Relation("analytics__dbt", "people"), 2, 1.5)
    measured = Measured(datetime(2026, 3, 2, 12, tzinfo=UTC), 1, 7)

    for one in (done, replace(done, read_bytes=700)):
        measure_bill(wiring, one, measured)

    (found,) = wiring.store.measurements.every_series("people").values()
    assert found == (Measurement(SeriesName("people", "dbt", "read_bytes"), 700.0, measured.at, 1, 7),)
