"""What commands change is told to the audit, and a roll-back is never held up by it."""

from __future__ import annotations

import getpass
import inspect
import sys

import pytest
import typer

from lockgate.app.access import Access
from lockgate.app.wiring import open_wiring
from lockgate.cli.auditing import changing, told_afterwards
from lockgate.cli.entrypoint import command_line
from lockgate.core.access import AuditOutcome, CallerKind
from lockgate.errors import ControlPlaneUnavailable, CutoverInvalid, DbtFailed, StatementFailed
from lockgate.govern.changes import Told, rolling_back


@pytest.fixture
def access(tmp_path, monkeypatch):
    (tmp_path / "lockgate.yml").write_text("project: shop\n", encoding="utf-8")
    monkeypatch.setattr(getpass, "getuser", lambda: "grace")
    wiring = open_wiring(tmp_path, None)
    yield Access(wiring)
    wiring.close()


def told(access):
    """The newest entry, briefly."""
    entry = access.audit()[0]
    return entry.actor, entry.kind, entry.action, entry.subject, entry.outcome, entry.facts


def test_a_change_is_begun_before_and_done_after(access):
    with changing(access, "cutover.plan", "users", to="canary") as change:
        assert told(access)[4:] == (AuditOutcome.BEGUN, {"to": "canary"})
        change.tell(plan="p1")

    facts = {"to": "canary", "plan": "p1"}
    assert told(access) == ("grace", CallerKind.SHELL, "cutover.plan", "users", AuditOutcome.DONE, facts)


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (CutoverInvalid(), AuditOutcome.REFUSED, "LG951"),
        (DbtFailed(), AuditOutcome.FAILED, "LG503"),
        (ControlPlaneUnavailable(), AuditOutcome.FAILED, "LG605"),
        (ZeroDivisionError(), AuditOutcome.FAILED, "ZeroDivisionError"),
        (KeyboardInterrupt(), AuditOutcome.FAILED, "KeyboardInterrupt"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("way", [changing, told_afterwards])
def test_what_is_refused_or_fails_is_told_as_such_and_raised(access, way, error, outcome, code):
    with pytest.raises(type(error)), way(access, Told("cutover.plan", "users")):
        raise error

    assert told(access)[4:] == (outcome, {"code": code})


def test_what_ends_with_errors_has_failed(access):
    with changing(access, "run.start") as change:
        change.went([DbtFailed(), StatementFailed(), DbtFailed()])
    assert told(access)[4:] == (AuditOutcome.FAILED, {"codes": "LG401, LG503"})

    with changing(access, "run.start") as change:
        change.went([])
    assert told(access)[4:] == (AuditOutcome.DONE, {})


class Broken:
    """A front door whose audit cannot be written."""

    def __init__(self) -> None:
        self.asked = 0

    def begin_change(self, *_given, **_named):
        self.asked += 1
        raise ControlPlaneUnavailable


def test_nothing_is_changed_that_cannot_be_told():
    changed = []

    with pytest.raises(ControlPlaneUnavailable), changing(Broken(), "cutover.promote", "users"):
        changed.append("users")

    assert changed == []


def test_a_roll_back_is_done_though_it_cannot_be_told(caplog):
    done = []

    with told_afterwards(Broken(), rolling_back("users", "wrong", off=False)):
        done.append("users")

    assert done == ["users"]
    assert "the audit was not written" in caplog.text


def test_nothing_is_tried_where_it_is_known_that_nothing_can_be_told():
    broken = Broken()

    with told_afterwards(broken, rolling_back("users", "wrong", off=False)) as change:
        change.is_untold = True

    assert broken.asked == 0


def test_a_roll_back_is_told_once_it_is_done(access):
    with told_afterwards(access, rolling_back("users", "wrong", off=False)):
        assert access.audit() == ()

    facts = {"reason": "wrong", "off": False}
    assert told(access)[2:] == ("cutover.roll-back", "users", AuditOutcome.DONE, facts)


# Those look, write files for whoever typed them, or play a part beside the project.
LOOKING = {
    "init", "check", "transform run", "gate", "serve", "loads list", "loads show", "quarantine list", "quarantine show",
    "editions list", "editions show", "rules explain", "rules export", "rules test", "cutover show", "cutover status",
    "cutover decisions", "evidence list", "jobs list", "jobs show", "notices list", "notices send", "notices test",
    "govern user list", "govern user sessions", "govern token list", "govern audit list", "govern access", "sandbox up",
    "sandbox receive", "flow list", "flow log", "flow status", "flow graph", "flow compile", "flow interval",
    "cost show", "cost advice",
    "lineage edges", "lineage upstream", "lineage downstream", "lineage impact", "lineage unresolved",
    "lineage events", "lineage send",
    "quality anomalies", "quality measurements",
}  # fmt: skip
TOLD = ("changing(", "told_afterwards(")
# Those are told by a function that they share with another.
SHARED = {
    "compare": "_noise",
    "dbt enable": "_switched",
    "dbt disable": "_switched",
    "govern user disable": "_enabled",
    "govern user enable": "_enabled",
}


def commands(group, words=()):
    """Every command of the command line with the function behind it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), inspect.unwrap(command.callback)


def test_every_command_looks_or_tells_the_audit_what_it_changes():
    every = dict(commands(typer.main.get_command(command_line())))

    told = set()
    for name, function in every.items():
        teller = getattr(sys.modules[function.__module__], SHARED[name]) if name in SHARED else function
        if any(each in inspect.getsource(teller) for each in TOLD):
            told.add(name)

    assert told & LOOKING == set()
    assert set(every) - told == LOOKING
