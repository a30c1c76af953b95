"""Flows are read as what they do, and what is wrong with them is told with its line."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lockgate.config import load_project
from lockgate.core.flow import Calendar, Runtime, RuntimeDeclaration, StepKind
from lockgate.errors import ProjectInvalid

WHOLE = """\
project: p
sources:
  crm: {kind: http, url: "http://127.0.0.1:1", streams: {users: {key: [id]}}}
entities:
  users: {key: [id], contract: {id: bigint}, implementations: {rules: {rules: users.yml}}, route: {incumbent: rules}}
gates:
  level: {unexplained_differences: 0, runs: 1}
pools: {narrow: 2}
calendars:
  working: {weekdays: [mon, fri], skip: [2026-12-25]}
flows:
  nightly:
    description: Everything.
    schedule: "0 5 * * *"
    timezone: Europe/Berlin
    calendar: working
    start: 2026-01-01
    catch_up: true
    sla: 2h
    max_active_runs: 2
    steps:
      - {name: load, load: crm.users, pool: narrow, priority: 5, timeout: 10m, retry_delay: 1m}
      - {name: execute, execute: [users]}
      - {name: test, test: users}
      - {name: compare, compare: users}
      - {name: gate, gate: level}
      - {name: publish, publish: users}
      - {name: tell, notify: it is done}
      - {name: own, shell: "make 'a page' --day={date}", needs: []}
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str):
        (tmp_path / "lockgate.yml").write_text(text)
        (tmp_path / "users.yml").write_text("source: raw.users\nrules: []\n")
        return tmp_path

    return write


def test_each_kind_of_step_is_a_command(write):
    project = load_project(write(WHOLE))
    flow = project.flows["nightly"]

    assert [(step.kind.value, step.written) for step in flow.steps] == [
        ("load", "lockgate load crm.users"),
        ("execute", "lockgate run --skip-load --hold --select users"),
        ("test", "lockgate test users"),
        ("compare", "lockgate cutover compare users"),
        ("gate", "lockgate gate level"),
        ("publish", "lockgate publish users"),
        ("notify", "lockgate notices tell 'it is done'"),
        ("shell", "make 'a page' '--day={date}'"),
    ]
    assert flow.step("execute").needs == ("load",)
    assert flow.step("own").needs == ()


def test_a_flow_says_when_and_how(write):
    project = load_project(write(WHOLE))
    flow = project.flows["nightly"]

    assert project.pools == {"default": 4, "narrow": 2}
    assert (flow.sla, flow.max_active_runs, flow.description) == (timedelta(hours=2), 2, "Everything.")
    assert flow.schedule.calendar == Calendar("working", frozenset({0, 4}), frozenset({date(2026, 12, 25)}))
    assert (flow.schedule.start, flow.schedule.catch_up) == (date(2026, 1, 1), True)
    load = flow.step("load")
    assert (load.kind, load.pool, load.priority) == (StepKind.LOAD, "narrow", 5)
    assert (load.timeout, load.retry_delay) == (timedelta(minutes=10), timedelta(minutes=1))


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ("{name: x}", "a step does one thing; it does not say what it does"),
        ("{name: x, load: crm, gate: level}", "a step does one thing; it says load and gate"),
        ("{name: x, load: crn}", "there is no source 'crn'"),
        ("{name: x, load: crm.user}", "there is no stream 'crm.user'"),
        ("{name: x, publish: [usres]}", "there is no entity 'usres'"),
        ("{name: x, gate: levle}", "there is no gate 'levle'"),
        ("{name: x, run: check, pool: wide}", "there is no pool 'wide'"),
        ('{name: x, run: "check \'open"}', "this is no command line: no closing quotation"),
        ('{name: x, shell: "FOO=bar make"}', "'FOO=bar' sets a variable, and is no program"),
        ('{name: x, shell: "--help"}', "'--help' is no program"),
        ("{name: x, shell: \"'' make\"}", "'' is no program"),
        ("{name: x, run: check, needs: [y]}", "there is no step 'y'"),
        ("{name: x, each: [usres], publish: '{entity}'}", "there is no entity 'usres'"),
        ("{name: x, each: entity, run: check}", "this says not for which entities"),
        ("{name: x, publish: '{entity}'}", "{entity} stands for nothing here"),
        ('{name: x, shell: "echo {entity}"}', "{entity} stands for nothing here"),
        ("{name: a_step_with_a_name_that_is_long_enough, each: entities, run: check}", "the name has 44 characters"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(write, instead, said):
    head, _, _ = WHOLE.partition("      - {name: load")

    with pytest.raises(ProjectInvalid) as caught:
        load_project(write(f"{head}      - {instead}\n"))

    (problem,) = caught.value.problems
    assert said in problem.message
    assert problem.line == len(head.splitlines()) + 1


RUNTIMES = """\
runtimes:
  production: {kind: airflow, url: "https://airflow.example/prod", username: lockgate, password: secret://airflow}
"""


def test_a_flow_says_what_runs_it(write):
    project = load_project(write(WHOLE.replace("sla: 2h", "runtime: production") + RUNTIMES))
    embedded = load_project(write(WHOLE))

    assert project.flows["nightly"].is_outside
    assert project.runtimes == {
        "production": RuntimeDeclaration(
            "production",
            Runtime.AIRFLOW,
            {"url": "https://airflow.example/prod", "username": "lockgate", "password": "secret://airflow"},
        )
    }
    assert (embedded.flows["nightly"].runtime, embedded.flows["nightly"].is_outside) == ("durable", False)
    assert not load_project(write(WHOLE.replace("sla: 2h", "runtime: durable"))).flows["nightly"].is_outside


@pytest.mark.parametrize(
    ("runtimes", "said", "line"),
    [
        ("", "there is no runtime 'production' (Declare it under `runtimes`.)", 19),
        (RUNTIMES.replace("production", "produktion"), "there is no runtime 'production' (Did you mean", 19),
        (f"{RUNTIMES}  durable: {{kind: airflow, url: https://a.example, username: b, password: secret://c}}\n",
         "the embedded runtime is called 'durable'", 32),
        (RUNTIMES.replace("secret://airflow", "hush"), "must be a reference to a secret", 31),
        (RUNTIMES.replace("https:", "ftp:"), "is neither a secret nor an address", 31),
        (RUNTIMES.replace("https://airflow", "https://ada:hush@airflow"), "a password stands in the address", 31),
        (RUNTIMES.replace("username: lockgate, ", ""), "username: the key is missing", 31),
        (RUNTIMES.replace("kind: airflow", "kind: dagster"), "there is no 'dagster' here (Choices: airflow.)", 31),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_runtime_is_told_with_its_line(write, runtimes, said, line):
    with pytest.raises(ProjectInvalid) as caught:
        load_project(write(WHOLE.replace("sla: 2h", "runtime: production") + runtimes))

    (problem,) = caught.value.problems
    assert said in str(problem)
    assert "hush" not in str(problem)
    assert problem.line == line


def test_an_unknown_calendar_is_told(write):
    with pytest.raises(ProjectInvalid, match="there is no calendar 'holidays'"):
        load_project(write(WHOLE.replace("calendar: working", "calendar: holidays")))


def test_steps_that_need_each_other_are_told(write):
    head, _, _ = WHOLE.partition("      - {name: load")

    with pytest.raises(ProjectInvalid, match="steps need each other in a circle: x → x"):
        load_project(write(f"{head}      - {{name: x, run: check, needs: [x]}}\n"))


@pytest.mark.parametrize(
    ("day", "is_right"), [("0001-01-01", False), ("1900-01-01", True), ("2200-12-31", True), ("2201-01-01", False)]
)
def test_the_first_day_is_one_that_business_may_have(write, day, is_right):
    folder = write(WHOLE.replace("start: 2026-01-01", f"start: {day}"))
    if is_right:
        assert load_project(folder).flows["nightly"].schedule.start == date.fromisoformat(day)
    else:
        with pytest.raises(ProjectInvalid, match="no flow begins before 1900 or after 2200"):
            load_project(folder)


def test_a_circle_by_a_need_that_is_not_written_is_told(write):
    head, _, _ = WHOLE.partition("      - {name: load")
    steps = "      - {name: a, run: check, needs: [b]}\n      - {name: b, run: check}\n"

    with pytest.raises(ProjectInvalid) as caught:
        load_project(write(head + steps))

    (problem,) = caught.value.problems
    assert problem.message == "flows.nightly.steps: steps need each other in a circle: a → b → a"
    assert problem.remedy == "Say what b needs, such as `needs: []`; else it comes after the step before it."
    assert (
        load_project(write(head + steps.replace("check}", "check, needs: []}"))).flows["nightly"].steps[1].needs == ()
    )


@pytest.mark.parametrize(
    ("sentence", "arguments"),
    [
        ("--help", ("notices", "tell", "--", "--help")),
        ("- the warehouse is ready", ("notices", "tell", "--", "- the warehouse is ready")),
        ("it is - done", ("notices", "tell", "it is - done")),
    ],
)
def test_a_sentence_is_no_option(write, sentence, arguments):
    project = load_project(write(WHOLE.replace("notify: it is done", f'notify: "{sentence}"')))

    assert project.flows["nightly"].step("tell").arguments == arguments


def test_a_program_may_have_a_sign_in_its_name_and_a_variable_after_env(write):
    for command in ("./a=b/make", "env FOO=bar make"):
        project = load_project(write(WHOLE.replace("make 'a page' --day={date}", command)))
        assert project.flows["nightly"].step("own").arguments == tuple(command.split())


def test_bounds_are_told(write):
    with pytest.raises(ProjectInvalid, match="100"):
        load_project(write(WHOLE.replace("priority: 5", "retries: 101")))


PEOPLE = "  people: {key: [id], contract: {id: bigint}, implementations: {sql: {dbt: d, model: m}}}\n"
TWO = WHOLE.partition("flows:")[0].replace("entities:\n", f"entities:\n{PEOPLE}")
EACH = """\
flows:
  all:
    steps:
      - {name: load, load: crm}
      - {name: build, each: entities, execute: "{entity}"}
      - {name: show, each: rules, publish: "{entity}"}
      - {name: tell, each: [people], notify: "{entity} is built", needs: [build]}
      - {name: end, run: check, needs: [show, build]}
"""


def test_a_step_is_one_for_each_entity_that_it_is_for(write):
    folder = write(TWO + EACH)
    (folder / "d").mkdir()
    (folder / "d" / "dbt_project.yml").write_text("name: d\n")

    flow = load_project(folder).flows["all"]

    assert [(step.name, step.written, step.needs) for step in flow.steps] == [
        ("load", "lockgate load crm", ()),
        ("build_people", "lockgate run --skip-load --hold --select people", ("load",)),
        ("build_users", "lockgate run --skip-load --hold --select users", ("load",)),
        ("show_users", "lockgate publish users", ("build_users",)),
        ("tell_people", "lockgate notices tell 'people is built'", ("build_people",)),
        ("end", "lockgate check", ("show_users", "build_people", "build_users")),
    ]


def test_a_step_for_each_of_nothing_is_told(write):
    with pytest.raises(ProjectInvalid, match="no entity is made by rules"):
        load_project(write('project: p\nflows: {f: {steps: [{name: x, each: rules, run: "test {entity}"}]}}\n'))


TWO_TARGETS = """\
project: p
targets: {main: {kind: duckdb, path: a/}, other: {kind: duckdb, path: b/}}
flows:
  elsewhere:
    target: other
    steps:
      - {name: look, run: loads list}
      - {name: own, shell: make}
  here: {steps: [{name: look, run: loads list}]}
"""


def test_a_flow_says_where_its_steps_work(write):
    flows = load_project(write(TWO_TARGETS)).flows

    written = {name: [step.written for step in flow.steps] for name, flow in flows.items()}
    assert written == {"elsewhere": ["lockgate --target other loads list", "make"], "here": ["lockgate loads list"]}


def test_a_target_that_is_not_declared_is_told(write):
    with pytest.raises(ProjectInvalid, match=r"lockgate.yml:5: .*there is no target 'othr' \(Did you mean 'other'"):
        load_project(write(TWO_TARGETS.replace("target: other", "target: othr")))
