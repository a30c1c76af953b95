"""dbt models answer records by the route, and what cannot says why: the real dbt over a small project on DuckDB."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lockgate.app import App
from lockgate.app.checks import findings
from lockgate.app.record_desk import RecordDesk
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.job import Switch
from lockgate.core.route import Stage
from lockgate.core.run import Bounds
from lockgate.errors import EngineOff, NotOnline, NotReady
from lockgate.flow import Unwatched
from lockgate.testing.waiting import awaited
from lockgate.transform.cycle import ensure_route, move_pins

pytestmark = [pytest.mark.slow, pytest.mark.measured]

SECONDS = 120
DBT = "      dbt: {dbt: dbt, model: people}\n"
PROMOTED = "{incumbent: rules, candidate: dbt, stage: promoted}"
STREAMS = "      people: {path: people.csv, columns: {id: bigint}}\n"
ROLES = STREAMS + "      roles: {path: roles.csv, columns: {person: bigint}}\n"
ADA = {"id": 7, "name": "Ada"}


@contextmanager
def desk_of(folder: Path) -> Iterator[tuple[Wiring, RecordDesk]]:
    wiring = open_wiring(folder, None)
    load(wiring)
    desk = RecordDesk(wiring)
    try:
        yield wiring, desk
    finally:
        desk.close()
        wiring.close()


def load(wiring: Wiring) -> None:
    App(wiring).load((), Bounds(), Unwatched())
    move_pins(wiring.warehouse, wiring.project.relations())


def ask(wiring: Wiring, desk: RecordDesk, *records: dict):
    """An answer once the models are ready for it: until then rules answer, or nobody."""

    def answer():
        found = desk.ask(wiring.project.entities["people"], records).result(SECONDS)
        return found if found.fallen_back is None or found.fallen_back.code != NotReady.code else None

    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        with suppress(NotReady):
            if found := answer():
                return found
        time.sleep(0.05)
    raise AssertionError("the models are not ready")


def outputs(answer) -> list:
    return [one["output"] for one in answer.outcomes]


def changed(now: list, before: list) -> list | None:
    return now if now != before else None


def change(folder: Path, name: str, *pairs: tuple[str, str]) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    (folder / name).write_text(text, encoding="utf-8")


def by_dbt_alone(folder: Path) -> None:
    change(folder, "lockgate.yml", ("      rules: {rules: rules/people.yml}\n", ""), (PROMOTED, "{incumbent: dbt}"))


def model(folder: Path, sql: str) -> None:
    (folder / "dbt/models/people.sql").write_text(sql, encoding="utf-8")


def test_a_promoted_model_answers_and_what_it_reads_besides_is_looked_up(project):
    change(project, "lockgate.yml", (STREAMS, ROLES))
    change(project, "dbt/models/sources.yml", ("{name: people}]", "{name: people}, {name: roles}]"))
    (project / "roles.csv").write_text("person,role\n7,Countess\n", encoding="utf-8")
    model(
        project,
        "select p.id as person_id, p.name || coalesce(', ' || r.role, '') as name "
        "from {{ source('raw', 'people') }} as p left join {{ source('raw', 'roles') }} as r on r.person = p.id",
    )

    with desk_of(project) as (wiring, desk):
        answer = ask(wiring, desk, ADA, {"id": 8, "name": "Łukasz"}, {"id": "x"})
        (project / "roles.csv").write_text("person,role\n7,Countess\n8,Baron\n", encoding="utf-8")
        load(wiring)
        later = ask(wiring, desk, {"id": 8, "name": "Łukasz"})

    assert (answer.engine, answer.scope, dict(answer.engines)) == ("dbt", "row", {"dbt": 3})
    assert outputs(answer) == [
        {"person_id": 7, "name": "Ada, Countess"},
        {"person_id": 8, "name": "Łukasz"},
        None,
    ]
    assert [(one["status"], one["reason"]) for one in answer.outcomes[2:]] == [("rejected", "id: not bigint")]
    assert outputs(later) == [{"person_id": 8, "name": "Łukasz, Baron"}]


def test_a_model_alone_answers_and_is_compiled_anew_when_its_files_change(project):
    by_dbt_alone(project)

    with desk_of(project) as (wiring, desk):
        first = ask(wiring, desk, ADA)
        model(project, "select id as person_id, upper(name) as name from {{ source('raw', 'people') }}")
        then = awaited(lambda: changed(outputs(ask(wiring, desk, ADA)), outputs(first)), seconds=SECONDS)

    assert outputs(first) == [{"person_id": 7, "name": "Ada"}]
    assert then == [{"person_id": 7, "name": "ADA"}]


def test_what_the_templates_asked_the_target_is_asked_again_when_its_rows_change(project):
    by_dbt_alone(project)
    model(
        project,
        "{% set names = dbt_utils_less() %}"
        "select id as person_id, '{{ names }}: ' || name as name from {{ source('raw', 'people') }}",
    )
    (project / "dbt/macros").mkdir()
    (project / "dbt/macros/names.sql").write_text(
        "{% macro dbt_utils_less() %}{% if execute %}"
        "{{ return(run_query('select count(*) as n from ' ~ source('raw', 'people')).columns[0].values()[0]) }}"
        "{% endif %}{% endmacro %}",
        encoding="utf-8",
    )

    with desk_of(project) as (wiring, desk):
        first = ask(wiring, desk, ADA)
        (project / "people.csv").write_text("id,name\n1,Ada\n2,Łukasz\n3,Zoë\n", encoding="utf-8")
        load(wiring)
        then = ask(wiring, desk, ADA)

    assert (outputs(first)[0]["name"], outputs(then)[0]["name"]) == ("2: Ada", "3: Ada")


def test_seeds_are_looked_up(project):
    by_dbt_alone(project)
    (project / "dbt/seeds").mkdir()
    (project / "dbt/seeds/titles.csv").write_text("person,title\n7,Countess\n", encoding="utf-8")
    model(
        project,
        "select p.id as person_id, t.title as name from {{ source('raw', 'people') }} as p "
        "left join {{ ref('titles') }} as t on t.person = p.id",
    )

    with desk_of(project) as (wiring, desk):
        assert outputs(ask(wiring, desk, ADA)) == [{"person_id": 7, "name": "Countess"}]


def test_where_a_model_cannot_answer_rules_do_and_a_check_tells_why_where_it_must(project):
    model(project, "select id as person_id, current_date::text as name from {{ source('raw', 'people') }}")

    with desk_of(project) as (wiring, desk):
        assert ask(wiring, desk, ADA).engine == "rules"
        assert findings(wiring, offline=False).problems == ()

    change(project, "lockgate.yml", ("model: people}", "model: people, online: true}"))
    with desk_of(project) as (wiring, desk):
        assert ask(wiring, desk, ADA).engine == "rules"
        (problem,) = findings(wiring, offline=False).problems
        assert problem not in findings(wiring, offline=True).problems
    assert problem.message.startswith("people: ")
    assert "current_date" in problem.message.lower()
    assert (problem.file, problem.line) == ("lockgate.yml", 14)


def test_without_rules_the_reason_is_the_answer(project):
    by_dbt_alone(project)
    model(project, "select id as person_id, random()::text as name from {{ source('raw', 'people') }}")

    with desk_of(project) as (wiring, desk), pytest.raises(NotOnline, match="random"):
        ask(wiring, desk, ADA)


def test_one_that_is_declared_not_to_answer_is_not_asked(project):
    change(project, "lockgate.yml", ("model: people}", "model: people, online: false}"))

    with desk_of(project) as (wiring, desk):
        assert ask(wiring, desk, ADA).engine == "rules"


def test_dbt_that_is_switched_off_answers_no_records(project):
    with desk_of(project) as (wiring, desk):
        wiring.store.switches.set_switch(Switch("people", False, datetime.now(UTC), "ada"))
        assert ask(wiring, desk, ADA).engine == "rules"
        wiring.store.switches.set_switch(Switch("people", True, datetime.now(UTC), "ada"))
        assert ask(wiring, desk, ADA).engine == "dbt"

    by_dbt_alone(project)
    with desk_of(project) as (wiring, desk):
        wiring.store.switches.set_switch(Switch("people", False, datetime.now(UTC), "ada"))
        with pytest.raises(EngineOff):
            ask(wiring, desk, ADA)


def test_records_that_depend_on_each_other_go_one_way_and_never_meet_those_of_another_request(project):
    by_dbt_alone(project)
    model(
        project,
        "select id as person_id, max(name) as name from {{ source('raw', 'people') }} group by id",
    )

    with desk_of(project) as (wiring, desk):
        ask(wiring, desk, ADA)  # once the model is ready
        asked = [
            desk.ask(wiring.project.entities["people"], [{"id": 1, "name": name}, {"id": 1, "name": "a"}])
            for name in ("b", "c")
        ]
        answers = [each.result(SECONDS) for each in asked]

    assert [one.scope for one in answers] == ["request", "request"]
    assert [outputs(one)[0] for one in answers] == [{"person_id": 1, "name": name} for name in ("b", "c")]
    assert [one.outcomes[1]["status"] for one in answers] == ["duplicate", "duplicate"]


def test_in_canary_the_model_answers_for_its_share_of_the_keys(project):
    with desk_of(project) as (wiring, desk):
        route = ensure_route(wiring.project.entities["people"], wiring.warehouse)
        wiring.warehouse.set_route(replace(route, stage=Stage.CANARY, share=5_000))
        answer = ask(wiring, desk, *({"id": number, "name": "Ada"} for number in (1, 2, 3, 8)))

    # MD5 over '1:1', '1:2', '1:3' and '1:8', first 32 bits, modulo 10,000: 9533, 2595, 9604 and 3449.
    assert (answer.engine, [one["engine"] for one in answer.outcomes]) == ("mixed", ["rules", "dbt", "rules", "dbt"])


def test_a_model_is_made_ready_before_anybody_asks_and_rules_answer_until_then(project):
    with desk_of(project) as (wiring, desk):
        people = wiring.project.entities["people"]
        at_first = desk.ask(people, [ADA]).result(SECONDS)
        ask(wiring, desk, ADA)

    with desk_of(project) as (wiring, desk):
        desk.prepare()
        awaited(lambda: "people" in {name for name, _ in desk._programs._kept}, seconds=SECONDS)
        then = desk.ask(wiring.project.entities["people"], [ADA]).result(SECONDS)

    assert (at_first.engine, at_first.fallen_back.code, at_first.instead_of) == ("rules", "LG612", "dbt")
    assert (then.engine, then.fallen_back) == ("dbt", None)


def test_that_a_model_is_being_made_ready_is_told_once_and_counts_as_no_failure(project, caplog):
    seen = []
    wiring = open_wiring(project, None)
    load(wiring)
    caplog.set_level("INFO", logger="lockgate")
    with closing(wiring), closing(RecordDesk(wiring, seen=lambda *told: seen.append(told))) as desk:
        people = wiring.project.entities["people"]
        codes = [desk.ask(people, [ADA]).result(SECONDS).fallen_back.code for _ in range(3)]
        seen_meanwhile = list(seen)
        ask(wiring, desk, ADA)

    told = [
        (one.levelname, one.message)
        for one in caplog.records
        if "ready for records" in one.message or one.message in {"fell back", "the candidate failed"}
    ]
    assert (codes, seen_meanwhile) == (["LG612"] * 3, [])
    assert told == [("INFO", "is being made ready for records"), ("INFO", "ready for records")]


def test_a_job_that_is_stopped_takes_no_model_along(project):
    by_dbt_alone(project)

    with desk_of(project) as (wiring, desk):
        asked = threading.Thread(target=ask, args=(wiring, desk, ADA))
        asked.start()
        for _ in range(50):
            wiring.stop_executors()
            time.sleep(0.05)
        asked.join(SECONDS)
        assert outputs(ask(wiring, desk, ADA)) == [{"person_id": 7, "name": "Ada"}]


def test_what_is_refused_again_and_again_keeps_no_request(project):
    by_dbt_alone(project)
    model(project, "select id as person_id, random()::text as name from {{ source('raw', 'people') }}")

    with desk_of(project) as (wiring, desk):
        with pytest.raises(NotOnline):
            ask(wiring, desk, ADA)
        depths = []
        for _ in range(3):
            with pytest.raises(NotOnline) as raised:
                ask(wiring, desk, ADA)
            depths.append(len(raised.traceback))

    assert len(set(depths)) == 1


def test_a_promoted_model_that_cannot_answer_is_told_beside_the_answer(project):
    model(project, "select id as person_id, random()::text as name from {{ source('raw', 'people') }}")

    with desk_of(project) as (wiring, desk):
        answer = ask(wiring, desk, ADA)

    assert (answer.engine, answer.instead_of, answer.fallen_back.code) == ("rules", "dbt", "LG107")


def test_no_candidate_answers_for_an_incumbent_that_cannot(project):
    older = ("      rules: {rules: rules/people.yml}\n", "      old: {dbt: dbt, model: older}\n")
    change(project, "lockgate.yml", older, (PROMOTED, "{incumbent: old, candidate: dbt, stage: shadow}"))
    (project / "dbt/models/older.sql").write_text(
        "select id as person_id, random()::text as name from {{ source('raw', 'people') }}", encoding="utf-8"
    )

    with desk_of(project) as (wiring, desk), pytest.raises(NotOnline, match="older"):
        ask(wiring, desk, ADA)


def test_a_command_asks_a_model_as_it_asks_rules(project):
    with desk_of(project) as (wiring, _):
        app = App(wiring)
        by_rules, by_dbt = (list(app.transform_records("people", [ADA], engine=one)) for one in ("rules", "dbt"))

    assert by_dbt == [{**by_rules[0], "engine": "dbt"}]
    assert by_dbt[0]["output"] == {"person_id": 7, "name": "Ada"}
