"""What is changed by several doors is told alike by each."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lockgate.cli
from lockgate.errors import CutoverInvalid, DbtFailed, JobCancelled, KeyReused, LockgateError, RuleSetInvalid
from lockgate.govern import changes
from lockgate.govern.auditing import REFUSALS, outcome_of
from lockgate.govern.changes import Told, adding_token, promoting, signing, switching
from lockgate.server.problems import status_of
from lockgate.server.route_table import ROUTES

OF_ROUTES = {route.change for route in ROUTES if route.change}
EXAMPLES = [
    changes.planning("users", "canary", 1000, None),
    changes.applying("users-1"),
    promoting(("users", "orders")),
    changes.rolling_back("users", "wrong totals", off=False),
    changes.retiring("users", "done"),
    signing("users", "safe", "owner", "fine"),
    switching(None, enabled=False),
    changes.adding_person("ada", ["viewer"]),
    changes.setting_roles("ada", {"viewer", "admin"}),
    adding_token("ci", ["operator"], 90),
    changes.beginning_flow("nightly"),
    changes.cancelling_flow(7),
]


def test_each_is_what_a_route_is_declared_to_change():
    assert {one.action for one in EXAMPLES} <= OF_ROUTES
    functions = {name for name, one in vars(changes).items() if callable(one) and name[0].islower()}
    assert len(functions - {"dataclass", "field"}) == len(EXAMPLES)


def test_commands_tell_by_themselves_only_what_they_alone_change_or_what_has_no_facts():
    own = []
    for path in Path(lockgate.cli.__file__).parent.glob("commands_*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"changing", "told_afterwards"}:
                what = call.args[1]
                if isinstance(what, ast.Constant) and what.value in OF_ROUTES and call.keywords:
                    own.append((path.name, what.value))
                assert not (isinstance(what, ast.Constant) and what.value == "gate.sign")

    assert own == []


def test_all_of_them_are_one_subject_and_one_are_all():
    assert (switching(None, enabled=True).subject, switching("users", enabled=True).subject) == ("*", "users")
    assert promoting(("users",)) == Told("cutover.promote", "users")


def kinds(kind):
    return [kind, *(each for one in kind.__subclasses__() for each in kinds(one))]


LEAVES = [one for one in kinds(LockgateError) if one.__module__.startswith("lockgate.errors") and "code" in vars(one)]


@pytest.mark.parametrize("kind", LEAVES)
def test_what_is_answered_as_refused_is_told_as_refused(kind):
    assert issubclass(kind, REFUSALS) == (status_of(kind.__new__(kind)) < 500)


def test_what_was_not_begun_was_refused_and_all_else_has_failed():
    refused = [outcome_of(error()).value for error in (CutoverInvalid, JobCancelled, KeyReused, RuleSetInvalid)]
    failed = [outcome_of(error()).value for error in (DbtFailed, ZeroDivisionError, KeyboardInterrupt)]

    assert (set(refused), set(failed)) == ({"refused"}, {"failed"})
