"""R17: whatever dies while routes are shifted or rolled back, routes agree, and nothing unapproved is ever shown."""

from __future__ import annotations

import random
from itertools import count

import pytest

from lockgate.app.wiring import open_wiring
from lockgate.core.cutover import FOUND_MOVED
from lockgate.core.route import Stage

ROWS = 300
SHARES = {Stage.SHADOW: 0, Stage.CANARY: 1000, Stage.PROMOTED: 10_000}
CELLS = [(target, names) for target in ("duckdb", "postgres") for names in (("people",), ("people", "teams"))]


def cells(kills: int, *marks):
    for target, names in CELLS:
        yield pytest.param(target, names, kills, id=f"{target}-{len(names)}", marks=marks)


class Siege:
    """A project whose commands are killed; it knows which revisions gates have approved."""

    def __init__(self, project, commands, reader, seed: str) -> None:
        self.project, self.run = project, commands
        self.random = random.Random(seed)
        self.number = count(1)
        self.approved = {"one", "two"}
        self.kills, self.found, self.lengths = 0, 0, {}
        self.reader = reader(project)
        self.wiring = open_wiring(project.folder, None)

    def good(self) -> None:
        """A candidate of a new revision, in the shadow, built and compared."""
        marker = f"two {next(self.number)}"
        self.project.make(marker)
        self.run("run")
        self.approved.add(marker)

    def canary(self) -> None:
        self.good()
        self.run("cutover", "apply", self.run.plan("--to", "canary", "--share", "10%"))

    def killed(self, kind: str, *words: str) -> None:
        """Begins a command four times that is killed at some instant, up to the end of what one takes."""
        for _ in range(4):
            how = self.random.choice(("time", "call", "moved", "moved"))
            length = self.lengths.get((kind, how), {"time": 1.0, "call": 5000, "moved": 400}[how])
            instant = self.random.uniform(0.02, 1.0) * length
            if how == "time":
                done = self.run(*words, seconds=instant)
            else:
                after = {"after": "set_routes"} if how == "moved" else {}
                done = self.run(*words, calls=int(instant), **after)
            if done["code"] == -9:
                self.kills += 1
                self.agree()
                continue
            self.lengths[kind, how] = 0.9 * done["seconds"] if how == "time" else max(done["calls"], 50)

    def agree(self) -> tuple[Stage, int]:
        """A group stands together at a share that somebody asked for, also right after a kill."""
        warehouse = self.wiring.warehouse
        (found,) = {(route.stage, route.share) for route in map(warehouse.route, self.project.names)}
        assert found in set(SHARES.items())
        return found

    def check(self, stages: set[Stage]) -> None:
        """What must hold once a command has been begun again."""
        assert self.agree()[0] in stages
        for route in map(self.wiring.warehouse.route, self.project.names):
            decisions = self.wiring.store.cutovers.decisions(route.entity, limit=10_000)
            assert sorted(one.after.token for one in decisions) == list(range(2, route.token + 1))
            newest = max(decisions, key=lambda one: one.after.token)
            assert newest.after == route
            self.found += newest.by == FOUND_MOVED
        assert self.reader.errors == []
        seen, self.reader.seen[:] = list(self.reader.seen), []
        for shown in seen:
            assert sum(shown.values()) == ROWS
            assert set(shown) <= self.approved, shown
            assert len(shown) <= 2


def apply(siege: Siege) -> None:
    siege.good()
    plan = siege.run.plan("--to", "canary", "--share", "10%")
    siege.killed("apply", "cutover", "apply", plan)
    siege.run("cutover", "apply", plan)
    siege.check({Stage.CANARY})
    siege.run("cutover", "rollback", "people")


def roll_back(siege: Siege) -> None:
    siege.canary()
    siege.killed("rollback", "cutover", "rollback", "people")
    siege.run("cutover", "rollback", "people", codes=(0, 2))
    siege.check({Stage.SHADOW})


def promote(siege: Siege) -> None:
    siege.good()
    siege.killed("promote", "cutover", "promote", "people")
    siege.run("cutover", "promote", "people", codes=(0, 2))
    siege.check({Stage.PROMOTED})
    siege.run("cutover", "rollback", "people")


def roll_back_by_the_controller(siege: Siege) -> None:
    siege.canary()
    siege.project.make("bad", wrong=True)
    siege.killed("bad run", "run")
    siege.run("run", codes=(0, 1, 2))
    siege.check({Stage.SHADOW})


def advance(siege: Siege) -> None:
    siege.good()
    siege.project.declare(advance="automatic")
    siege.killed("run", "run")
    siege.run("run")
    siege.check({Stage.CANARY, Stage.PROMOTED})
    siege.project.declare()
    siege.run("cutover", "rollback", "people")


SCENES = (apply, roll_back, promote, roll_back_by_the_controller, advance)


def besieged(siege: Siege, kills: int) -> None:
    """Scene after scene; each kind of project begins with another one."""
    begins = 2 * bool(siege.project.url) + len(siege.project.names)
    for turn in range(begins, begins + 3 * kills):
        if siege.kills >= kills:
            break
        SCENES[turn % len(SCENES)](siege)
        print(f"{SCENES[turn % len(SCENES)].__name__}: {siege.kills} kills, {siege.found} moves found", flush=True)
    assert siege.kills >= kills


@pytest.fixture
def siege(request, cutover_project, commands, reader):
    def siege(target, names, seed=17):
        url = request.getfixturevalue("postgres_url") if target == "postgres" else ""
        project = cutover_project(url=url, names=names)
        made = Siege(project, commands(project), reader, f"{seed} {target} {names}")
        request.addfinalizer(made.wiring.close)
        return made

    return siege


@pytest.mark.slow
@pytest.mark.parametrize(("target", "names", "kills"), [*cells(1)][1:3])
def test_killed_commands_leave_routes_that_agree_and_decisions_that_are_known(siege, target, names, kills):
    besieged(siege(target, names), kills)


@pytest.mark.soak
@pytest.mark.parametrize(("target", "names", "kills"), [*cells(15)])
def test_killed_commands_leave_routes_that_agree_and_decisions_that_are_known_in_full(siege, target, names, kills):
    besieged(siege(target, names), kills)
