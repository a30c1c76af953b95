"""Runs are listed and shown, step by step, with what they executed."""

from __future__ import annotations

from lockgate.core.record import RecordStatus
from lockgate.testing.jobs import NOON


def test_the_run_that_was_made_tells_its_steps(look, store):
    (run,) = store.runs.runs()

    listed, page = look("/runs"), look(f"/runs/{run.run_id}")

    assert f"/runs/{run.run_id}" in listed.links
    assert f"{run.run_id} success run" in listed.words
    assert "load files.people success" in page.words
    assert "40 rows, 1 set aside" in page.words
    assert "compare people success" in page.words
    assert "verdict FAIL" in page.words
    assert "people one success 40" in page.words


def test_a_run_that_failed_says_of_what(look, store):
    run = store.runs.start_run("load", NOON)
    store.runs.step_started(run, "load files.people", NOON)
    store.runs.step_finished(run, "load files.people", NOON, error="LG201 The source <is> away.")
    store.runs.step_skipped(run, "pin", NOON, because="load files.people")
    store.runs.finish_run(run, RecordStatus.FAILED, NOON)

    page = look(f"/runs/{run}")

    assert "LG201 The source <is> away." in page.words
    assert "because of load files.people" in page.words
    assert [link for link in look("/runs?status=failed").links if link.startswith("/runs/")] == [f"/runs/{run}"]


def test_a_run_that_goes_on_is_live(look, store):
    run = store.runs.start_run("run", NOON)

    page = look(f"/runs/{run}")

    assert "No step has begun yet." in page.words
    assert any(attributes.get("data-live") == f"/runs/{run}/live" for _, attributes in page.tags)


def test_a_run_that_is_not_there_is_a_page_too(look):
    assert "there is no run 99" in look("/runs/99", status=404).words
    assert "No run is like that." in look("/runs?status=interrupted").words


def test_a_page_asks_the_control_plane_as_often_whatever_it_shows(client, store, statements):
    run = store.runs.start_run("run", NOON)
    for number in range(30):
        store.runs.step_started(run, f"step {number}", NOON)

    with statements() as listed:
        client.get("/runs")
    with statements() as shown:
        client.get(f"/runs/{run}")

    assert len([each for each in listed if "FROM run" in each]) == 1
    assert len([each for each in shown if " run" in each or "node_result" in each or "rule_count" in each]) == 5
