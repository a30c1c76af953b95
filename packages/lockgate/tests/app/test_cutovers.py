"""Moves and what follows them: two at once, late ones, lost control planes, runs that go on meanwhile, and notices."""

from __future__ import annotations

import os
import signal
import socket
import threading
from dataclasses import replace

import pytest

from lockgate.app import App
from lockgate.app.control_loop import ControlLoop
from lockgate.app.controller import judge
from lockgate.app.cutting_over import make_plan, roll_back, statuses
from lockgate.app.pairs import group_of
from lockgate.core.cutover import FOUND_MOVED, Action
from lockgate.core.notice import DeliveryStatus, Severity
from lockgate.core.route import Stage
from lockgate.core.run import RunRequest
from lockgate.errors import StaleToken
from lockgate.flow import Unwatched

pytestmark = pytest.mark.slow

RUN = RunRequest()


def silent(*_) -> None:
    """Nobody listens."""


def ran(project):
    with App.open(project.folder) as app:
        return app.run(RUN, Unwatched())


def canary(project, share: int = 1000):
    with App.open(project.folder) as app:
        plan = app.cutovers.plan("people", Stage.CANARY, by="anna", share=share)
        return app.cutovers.apply(plan.plan_id, silent, Unwatched(), by="anna")


@pytest.fixture
def shadowed(cutover_project):
    """A project in the shadow, both sides built and compared."""
    project = cutover_project()
    assert ran(project).errors == {}
    return project


def moved_behind(wiring, **changes):
    """Moves the route as one that dies before it tells."""
    route = wiring.warehouse.route("people")
    return wiring.warehouse.set_route(replace(route, **changes))


# --- moves that nobody told of ----------------------------------------------------------------------------------------


def test_a_move_without_a_decision_is_written_down_by_whoever_looks_next_and_once(shadowed, opened):
    wiring = opened(shadowed)
    moved_behind(wiring, stage=Stage.CANARY, share=1000)

    statuses(wiring, ("people",))
    statuses(wiring, ("people",))

    (decision,) = wiring.store.cutovers.decisions("people")
    assert (decision.action, decision.by, decision.after.token) == (Action.CANARY, FOUND_MOVED, 2)
    assert (decision.before.stage, decision.before.token) == (Stage.SHADOW, 1)


def test_who_made_a_move_takes_the_place_of_whoever_found_it(shadowed, opened):
    wiring = opened(shadowed)
    plan = make_plan(wiring, "people", Stage.CANARY, 1000, None, by="anna")
    moved_behind(wiring, stage=Stage.CANARY, share=1000)
    statuses(wiring, ())
    (found,) = wiring.store.cutovers.decisions("people")

    with App.open(shadowed.folder) as app:
        app.cutovers.apply(plan.plan_id, silent, Unwatched(), by="anna")

    (decision,) = wiring.store.cutovers.decisions("people")
    assert (found.by, found.plan_id) == (FOUND_MOVED, plan.plan_id)
    assert (decision.decision_id, decision.by, decision.plan_id) == (found.decision_id, "anna", plan.plan_id)


def test_a_roll_back_needs_the_target_alone_and_is_written_down_later(shadowed, opened, monkeypatch, capsys):
    from lockgate.cli.entrypoint import run

    canary(shadowed)
    control = shadowed.folder / ".lockgate/control.db"
    kept = control.with_name("kept.db")
    control.rename(kept)
    control.write_bytes(b"no database at all" * 100)
    code = run(["--project", str(shadowed.folder), "cutover", "rollback", "people", "--reason", "numbers are off"])

    told = capsys.readouterr()
    assert code == 0
    assert "The decision was not written down" in told.err
    assert set(shadowed.shown()) == {"one"}
    control.unlink()
    kept.rename(control)
    wiring = opened(shadowed)
    assert judge(wiring, group_of(wiring, wiring.project.entities["people"])) == ()
    newest = wiring.store.cutovers.decisions("people")[0]
    assert (newest.action, newest.by, newest.after.stage) == (Action.ROLL_BACK, FOUND_MOVED, Stage.SHADOW)


# --- at once, and late ------------------------------------------------------------------------------------------------


def test_one_plan_applied_twice_at_once_moves_a_route_once(shadowed, commands, opened):
    run = commands(shadowed)
    plan = run.plan("--to", "canary", "--share", "10%")

    done = run.at_once(("cutover", "apply", plan), ("cutover", "apply", plan))

    assert [one["code"] for one in done] == [0, 0], done
    (decision,) = opened(shadowed).store.cutovers.decisions("people")
    assert (decision.after.token, decision.after.share) == (2, 1000)


@pytest.mark.parametrize("turn", range(3))
def test_a_plan_against_a_roll_back_at_once_ends_where_one_of_them_wanted(turn, shadowed, commands, opened):
    run = commands(shadowed)
    canary(shadowed)
    plan = run.plan("--to", "promoted")

    applying, rolling = run.at_once(("cutover", "apply", plan), ("cutover", "rollback", "people"))

    wiring = opened(shadowed)
    statuses(wiring, ())
    route = wiring.warehouse.route("people")
    assert (route.stage, route.share) in {(Stage.SHADOW, 0), (Stage.PROMOTED, 10_000)}
    assert 0 in {applying["code"], rolling["code"]}
    tokens = sorted(one.after.token for one in wiring.store.cutovers.decisions("people"))
    assert tokens == list(range(2, route.token + 1))


@pytest.mark.parametrize("stopped_at", ["set_routes", "_act"])
def test_a_controller_that_wakes_up_late_is_refused(stopped_at, shadowed, commands, opened):
    run = commands(shadowed)
    canary(shadowed)
    shadowed.declare(advance="automatic")
    late = run("cutover", "judge", "people", stop=stopped_at)
    assert late["code"] is None

    run("cutover", "rollback", "people", "--reason", "by hand")
    (woken,) = run.ask(wait=late["pid"])

    wiring = opened(shadowed)
    route = wiring.warehouse.route("people")
    assert woken["code"] == 0, woken
    assert (route.stage, route.share, route.token) == (Stage.SHADOW, 0, 3)
    assert [one.by == "controller" for one in wiring.store.cutovers.decisions("people")] == [False, False]


# --- runs that go on meanwhile ----------------------------------------------------------------------------------------


def during(monkeypatch, target, name, act, times: int = 1):
    """Does something else right before the first calls of a method."""
    whole = getattr(target, name)
    left = [times]

    def first(self, *given, **named):
        if left[0]:
            left[0] -= 1
            act()
        return whole(self, *given, **named)

    monkeypatch.setattr(target, name, first)


def test_a_run_that_began_before_a_roll_back_reads_the_route_anew(shadowed, opened, monkeypatch):
    from lockgate.adapters.warehouses.duckdb.warehouse import DuckDBWarehouse

    canary(shadowed)
    shadowed.make("late", wrong=True)
    other = opened(shadowed)
    during(monkeypatch, DuckDBWarehouse, "publish", lambda: roll_back(other, "people", by="anna", reason="off"))

    result = ran(shadowed)

    assert result.errors == {}
    assert result.decisions == ()
    assert set(shadowed.shown()) == {"one"}
    assert other.warehouse.route("people").stage is Stage.SHADOW


def test_an_output_of_a_shadow_that_became_a_canary_meanwhile_is_held_until_it_is_compared(
    shadowed, opened, monkeypatch
):
    from lockgate.adapters.warehouses.duckdb.warehouse import DuckDBWarehouse

    other = opened(shadowed)
    during(monkeypatch, DuckDBWarehouse, "publish", lambda: moved_behind(other, stage=Stage.CANARY, share=1000))
    shadowed.make("late", wrong=True)

    result = ran(shadowed)

    newest = other.warehouse.editions("people")[-1]
    assert (newest.implementation, newest.is_held, result.errors) == ("two", True, {})
    assert "late" not in shadowed.shown()


def test_a_route_that_keeps_moving_refuses_a_publication_with_a_remedy(shadowed, opened, monkeypatch):
    from lockgate.adapters.warehouses.duckdb.warehouse import DuckDBWarehouse

    canary(shadowed)
    shadowed.make("late")
    other = opened(shadowed)
    before, shown = other.warehouse.editions("people"), shadowed.shown()
    during(monkeypatch, DuckDBWarehouse, "publish", lambda: moved_behind(other, share=2000), times=9)

    result = ran(shadowed)

    errors = [error for error in result.errors.values() if isinstance(error, StaleToken)]
    assert errors
    assert "lockgate cutover status" in errors[0].remedy
    assert [one.number for one in other.warehouse.editions("people")] == [one.number for one in before]
    assert set(shadowed.shown()) == set(shown)


@pytest.mark.parametrize("is_told", [True, False])
def test_a_roll_back_during_the_comparison_is_not_undone_by_the_judge(is_told, shadowed, opened, monkeypatch):
    from lockgate.app.cycle_evidence import CycleEvidence

    canary(shadowed)
    shadowed.declare(advance="automatic")
    other = opened(shadowed)

    def back() -> None:
        if is_told:
            roll_back(other, "people", by="anna", reason="off")
        else:
            moved_behind(other, stage=Stage.SHADOW, share=0)

    during(monkeypatch, CycleEvidence, "compared", back)

    result = ran(shadowed)

    assert result.decisions == ()
    assert other.warehouse.route("people").stage is Stage.SHADOW
    assert ran(shadowed).decisions == ()  # nor by a later one, as long as the candidate is what it was


def test_an_edition_of_other_files_than_the_gates_saw_is_not_promoted(shadowed, opened):
    shadowed.make("unseen", wrong=True)
    assert ran(shadowed).errors == {}
    shadowed.make("two")

    with App.open(shadowed.folder) as app:
        plan = app.cutovers.plan("people", Stage.CANARY, by="anna", share=1000)
        result = app.cutovers.apply(plan.plan_id, silent, Unwatched(), by="anna")

    assert "was not compared at this revision" in result.outcomes[-1].sentence
    assert opened(shadowed).warehouse.route("people").stage is Stage.SHADOW
    ran(shadowed)
    assert canary(shadowed).answer == "go"


def test_files_that_change_while_a_run_goes_on_prove_nothing(shadowed, monkeypatch):
    from lockgate.app.cycle_evidence import CycleEvidence

    during(monkeypatch, CycleEvidence, "compared", lambda: shadowed.make("changed"))

    result = ran(shadowed)

    assert [error.code for error in result.errors.values()] == ["LG901"]


# --- notices ----------------------------------------------------------------------------------------------------------


def with_mail(project, server) -> None:
    project.extra = """
notifications:
  team: {kind: email, server: secret://smtp, from: lockgate@example.com, to: [data@example.com]}
"""
    project.declare()
    secret = project.folder / ".lockgate/secrets/smtp"
    secret.write_text(f"smtp://127.0.0.1:{server.port}?tls=off", encoding="utf-8")
    secret.chmod(0o600)


@pytest.fixture
def mailbox():
    """A real SMTP server, and the mails that it took."""
    from email import message_from_bytes
    from email.policy import default

    from aiosmtpd.controller import Controller

    class Box:
        def __init__(self) -> None:
            self.mails = []

        async def handle_DATA(self, _server, _session, envelope):  # noqa: N802  (aiosmtpd's name)
            self.mails.append(message_from_bytes(envelope.content, policy=default))
            return "250 taken"

    box = Box()
    with socket.create_server(("127.0.0.1", 0)) as free:
        box.port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


def subjects(mailbox) -> list[str]:
    return [str(mail["Subject"]) for mail in mailbox.mails]


def test_a_bad_candidate_is_rolled_back_and_one_mail_a_decision_arrives(shadowed, mailbox, opened):
    with_mail(shadowed, mailbox)
    canary(shadowed)
    shadowed.make("bad", wrong=True)

    result = ran(shadowed)
    ran(shadowed)
    with App.open(shadowed.folder) as app:
        app.notices.deliver()

    assert [one.action for one in result.decisions] == [Action.ROLL_BACK]
    assert len(mailbox.mails) == 2
    assert ["canary at 10 %" in subjects(mailbox)[0], "rolled back" in subjects(mailbox)[1]] == [True, True]
    notices = opened(shadowed).store.notices.notices()
    assert [(one.notice.severity, one.status, one.notice.about) for one in notices] == [
        (Severity.CRITICAL, DeliveryStatus.SENT, "cutover/people"),
        (Severity.INFO, DeliveryStatus.SENT, "cutover/people"),
    ]
    assert "NAME 7" not in mailbox.mails[1].as_string()


def test_a_promotion_after_a_roll_back_is_its_recovery(shadowed, mailbox, opened):
    with_mail(shadowed, mailbox)
    canary(shadowed)
    with App.open(shadowed.folder) as app:
        app.cutovers.roll_back("people", by="anna", reason="looks odd")
        for _ in range(2):
            plan = app.cutovers.plan("people", Stage.PROMOTED, by="anna")
            app.cutovers.apply(plan.plan_id, silent, Unwatched(), by="anna")
            app.cutovers.roll_back("people", by="anna", reason="a drill")

    kinds = [(one.notice.kind, one.notice.is_recovery) for one in opened(shadowed).store.notices.notices()][::-1]
    assert kinds == [
        ("cutover.canary", False),
        ("cutover.rolled_back", False),
        ("cutover.promoted", True),
        ("cutover.rolled_back", False),
        ("cutover.promoted", True),
        ("cutover.rolled_back", False),
    ]
    assert len(mailbox.mails) == 6


def test_a_gate_that_waits_for_people_says_so_once_a_token(shadowed, mailbox, opened):
    with_mail(shadowed, mailbox)
    shadowed.declare(gate="unexplained_differences: 0, sign_off: {roles: [owner]}")

    with App.open(shadowed.folder) as app:
        for _ in range(2):
            app.cutovers.judge("people")

    (notice,) = opened(shadowed).store.notices.notices()
    assert (notice.notice.kind, notice.notice.severity) == ("cutover.signatures", Severity.WARNING)
    assert len(mailbox.mails) == 1


def test_a_receiver_that_hangs_holds_a_command_up_for_seconds_and_fails_nothing(shadowed, opened):
    from time import monotonic
    from types import SimpleNamespace

    canary(shadowed)
    with socket.create_server(("127.0.0.1", 0)) as silent_server:
        with_mail(shadowed, SimpleNamespace(port=silent_server.getsockname()[1]))
        began = monotonic()
        with App.open(shadowed.folder) as app:
            (done,) = app.cutovers.roll_back("people", by="anna", reason="off")
        took = monotonic() - began

    assert done.decision.decision_id
    assert took < 9
    (kept,) = opened(shadowed).store.notices.notices()
    assert kept.status is DeliveryStatus.PENDING


def test_a_loop_moves_a_route_on_and_tells_of_every_move(shadowed, mailbox, opened):
    with_mail(shadowed, mailbox)
    shadowed.declare(advance="automatic")
    wiring = opened(shadowed)
    loop = ControlLoop(wiring, 0.05)

    loop.start()

    waits = threading.Event()
    assert any(len(mailbox.mails) == 2 or waits.wait(0.05) for _ in range(600))
    loop.close()
    assert [one.action for one in wiring.store.cutovers.decisions("people")] == [Action.PROMOTE, Action.CANARY]
    assert len(mailbox.mails) == 2


def test_editions_that_nobody_could_compare_are_held_back_and_told_once(shadowed, mailbox, opened, monkeypatch):
    from lockgate.app import cycle_evidence
    from lockgate.core.comparison import Verdict

    with_mail(shadowed, mailbox)
    canary(shadowed)
    shadowed.make("unknown")
    whole = cycle_evidence.compared_in

    def inconclusive(*given):
        return replace(whole(*given), verdict=Verdict.INCONCLUSIVE)

    monkeypatch.setattr(cycle_evidence, "compared_in", inconclusive)

    ran(shadowed)
    ran(shadowed)

    kinds = [one.notice.kind for one in opened(shadowed).store.notices.notices()]
    assert kinds.count("cutover.held") == 1
    assert "unknown" not in shadowed.shown()


def test_a_killed_roll_back_is_told_by_whoever_finds_it(shadowed, mailbox, commands):
    with_mail(shadowed, mailbox)
    run = commands(shadowed)
    canary(shadowed)
    killed = run("cutover", "rollback", "people", after="set_routes", calls=20)
    assert killed["code"] == -signal.SIGKILL, (killed, os.getpid())

    run("cutover", "status")
    run("notices", "send")

    assert len(mailbox.mails) == 2
    assert "rolled back" in subjects(mailbox)[1]
