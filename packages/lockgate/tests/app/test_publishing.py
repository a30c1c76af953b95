"""Publishing what was held back: on each target, of groups, while others do the same or move the route."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from lockgate.app import App
from lockgate.core.gate import Answer
from lockgate.core.route import Stage
from lockgate.core.run import RunRequest
from lockgate.errors import StaleToken
from lockgate.flow import Unwatched

pytestmark = pytest.mark.slow

GROUP = ("people", "voters")


def silent(*_) -> None:
    """Nobody listens."""


def reached(app: App, stage: Stage) -> None:
    """Builds both sides, and leads the route of people and its group to a stage."""
    assert app.run(RunRequest(), Unwatched()).errors == {}
    plan = app.cutovers.plan("people", stage, by="anna", share=5_000)
    assert app.cutovers.apply(plan.plan_id, silent, Unwatched(), by="anna").answer is Answer.GO


def held(app: App, project) -> None:
    """Has both sides built anew, and held back."""
    for name in project.names:
        project.write_rules(name, "one", "one again")
    project.make("two again")
    assert app.run(RunRequest(load=False, hold=True), Unwatched()).errors == {}


def published(app: App, *names: str):
    return app.publish(names or ("people",), Unwatched())


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_what_is_held_back_is_shown_at_once_when_both_sides_are_level(cutover_project, request, target):
    project = cutover_project(url=request.getfixturevalue("postgres_url") if target == "postgres" else "")
    with App.open(project.folder) as app:
        reached(app, Stage.CANARY)
        before = project.shown()
        held(app, project)
        meanwhile = project.shown()

        app.cutovers.compare(("people",), silent)
        shown = published(app)

        assert before.keys() == {"one", "two"}
        assert meanwhile == before
        assert [(len(one.shown), one.held) for one in shown.releases] == [(2, ())]
        assert project.shown() == {f"{marker} again": rows for marker, rows in before.items()}


def test_a_group_is_shown_together_or_not_at_all(cutover_project):
    project = cutover_project(names=GROUP)
    with App.open(project.folder) as app:
        reached(app, Stage.PROMOTED)
        held(app, project)
        project.write_rules("voters", "two", "two later")

        early = published(app)
        before = [project.shown(name) for name in GROUP]
        project.write_rules("voters", "two", "two again")
        later = published(app)

        assert [(one.entity, one.answer, len(one.held)) for one in early.releases] == [
            (name, Answer.NOT_ENOUGH, 2) for name in GROUP
        ]
        because = "people: edition 4 of people@two was made by other files than those of now"
        assert [one.because for one in early.releases] == [because] * 2
        assert before == [{"two": 300}] * 2
        assert [(one.entity, len(one.shown)) for one in later.releases] == [(name, 2) for name in GROUP]
        assert [project.shown(name) for name in GROUP] == [{"two again": 300}] * 2


def loaded_and_held(app: App, project, rows: int) -> None:
    """Has both sides built of so many new rows, and held back."""
    project.deliver(rows)
    assert app.run(RunRequest(hold=True), Unwatched()).errors == {}


@pytest.mark.parametrize("names", [("people",), GROUP])
def test_what_another_run_builds_after_the_comparison_is_compared_and_shown(cutover_project, names):
    project = cutover_project(names=names)
    with App.open(project.folder) as app:
        reached(app, Stage.PROMOTED)
        loaded_and_held(app, project, 301)
        app.cutovers.compare(names, silent)
        for rows in (302, 303, 304, 305):  # so many that what was compared is not kept any more
            loaded_and_held(app, project, rows)

        result = published(app)
        other = published(app)

        assert [(one.answer, len(one.shown), one.held) for one in result.releases] == [(Answer.GO, 2, ())] * len(names)
        assert [project.shown(name) for name in names] == [{"two": 305}] * len(names)
        assert [(one.answer, one.shown, one.held) for one in other.releases] == [(Answer.GO, (), ())] * len(names)


def test_what_another_run_builds_where_this_one_changed_nothing_is_compared_and_shown(cutover_project):
    project = cutover_project()
    with App.open(project.folder) as app:
        reached(app, Stage.PROMOTED)
        app.cutovers.compare(("people",), silent)
        loaded_and_held(app, project, 301)

        result = published(app)

        assert [(one.answer, len(one.shown), one.held) for one in result.releases] == [(Answer.GO, 2, ())]
        assert project.shown() == {"two": 301}


def test_while_nobody_reads_the_candidate_nothing_has_to_be_compared(cutover_project):
    project = cutover_project()
    with App.open(project.folder) as app:
        app.run(RunRequest(engines=("one",)), Unwatched())
        held(app, project)

        result = published(app)

        assert [one.answer for one in result.releases] == [Answer.GO]
        assert project.shown() == {"one again": 300}


def test_two_who_publish_at_once_show_the_same(cutover_project, commands):
    project = cutover_project()
    typed = commands(project)
    with App.open(project.folder) as app:
        reached(app, Stage.PROMOTED)
        held(app, project)
        app.cutovers.compare(("people",), silent)

    done = typed.at_once(("publish", "people"), ("publish", "people"))

    assert [one["code"] for one in done] == [0, 0]
    assert project.shown() == {"two again": 300}


@contextmanager
def moving(app: App, times: int):
    """Has the route of people move just before an edition is released, so often."""
    warehouse = app._wiring.warehouse
    release, left = warehouse.release, [times]

    def released(editions, *, token):
        if left[0]:
            left[0] -= 1
            warehouse.set_route(warehouse.route("people"))
        return release(editions, token=token)

    warehouse.release = released
    yield
    del warehouse.release


def test_a_route_that_moves_meanwhile_is_read_anew_once(cutover_project):
    project = cutover_project()
    with App.open(project.folder) as app:
        app.run(RunRequest(), Unwatched())
        held(app, project)

        with moving(app, 2):
            refused = published(app)
        before = project.shown()
        with moving(app, 1):
            done = published(app)

        assert [type(error) for error in refused.errors.values()] == [StaleToken]
        assert before == {"one": 300}
        assert (done.errors, len(done.releases[0].shown)) == ({}, 2)
        assert project.shown() == {"one again": 300}
