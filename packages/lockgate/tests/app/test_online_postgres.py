"""dbt models answer records on a PostgreSQL target: the real dbt-postgres over a small project, on a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from lockgate.app import App
from lockgate.app.checks import findings
from lockgate.app.record_desk import RecordDesk
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.run import Bounds
from lockgate.errors import NotOnline, NotReady
from lockgate.flow import Unwatched
from lockgate.transform.cycle import move_pins

pytestmark = [pytest.mark.slow, pytest.mark.measured]

SECONDS = 120
TARGET = "targets: {main: {kind: postgres, url: secret://warehouse}}\n"
BOTH = "{incumbent: rules, candidate: dbt, stage: promoted}"
STREAMS = "      people: {path: people.csv, columns: {id: bigint}}\n"
ROLES = STREAMS + "      roles: {path: roles.csv, columns: {person: bigint}}\n"


@pytest.fixture
def on_postgres(project, postgres_url, monkeypatch) -> Path:
    """The project made by dbt alone, on a PostgreSQL target, with a second stream to look up."""
    monkeypatch.setenv("LOCKGATE_SECRET_WAREHOUSE", postgres_url)
    declared = (project / "lockgate.yml").read_text(encoding="utf-8")
    for before, after in (
        ("sources:", f"{TARGET}sources:"),
        ("      rules: {rules: rules/people.yml}\n", ""),
        (BOTH, "{incumbent: dbt}"),
        (STREAMS, ROLES),
    ):
        assert before in declared
        declared = declared.replace(before, after, 1)
    (project / "lockgate.yml").write_text(declared, encoding="utf-8")
    sources = "sources: [{name: raw, schema: raw, tables: [{name: people}, {name: roles}]}]\n"
    (project / "dbt/models/sources.yml").write_text(sources, encoding="utf-8")
    (project / "roles.csv").write_text("person,role\n7,Countess\n", encoding="utf-8")
    return project


def model(folder: Path, sql: str, name: str = "people") -> None:
    (folder / f"dbt/models/{name}.sql").write_text(sql, encoding="utf-8")


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
    """An answer once the model is ready for it."""
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        with suppress(NotReady):
            return desk.ask(wiring.project.entities["people"], records).result(SECONDS)
        time.sleep(0.05)
    raise AssertionError("the model is not ready")


def outputs(answer) -> list:
    return [one["output"] for one in answer.outcomes]


def test_a_model_answers_on_the_target_and_what_it_reads_besides_is_looked_up(on_postgres):
    model(on_postgres, "select id, initcap(name) as name from {{ source('raw', 'people') }}", "stg_people")
    model(
        on_postgres,
        "select p.id as person_id, p.name || coalesce(', ' || r.role, '') as name from {{ ref('stg_people') }} as p"
        " left join {{ source('raw', 'roles') }} as r on r.person = p.id where p.name is not null",
    )

    with desk_of(on_postgres) as (wiring, desk):
        answer = ask(wiring, desk, {"id": 7, "name": "ada"}, {"id": 8, "name": "łukasz"}, {"id": "x"}, {"id": 9})
        with ThreadPoolExecutor(6) as pool:
            asked = [{"id": number, "name": f"n{number}"} for number in range(20, 60)]
            found = list(pool.map(lambda one: outputs(ask(wiring, desk, one))[0], asked))
        (on_postgres / "roles.csv").write_text("person,role\n7,Countess\n8,Baron\n", encoding="utf-8")
        load(wiring)
        later = ask(wiring, desk, {"id": 8, "name": "łukasz"})

    assert (answer.engine, answer.scope) == ("dbt", "row")
    assert outputs(answer) == [
        {"person_id": 7, "name": "Ada, Countess"},
        {"person_id": 8, "name": "Łukasz"},
        None,
        None,
    ]
    assert [one["status"] for one in answer.outcomes] == ["ok", "ok", "rejected", "rejected"]
    assert found == [{"person_id": number, "name": f"N{number}"} for number in range(20, 60)]
    assert outputs(later) == [{"person_id": 8, "name": "Łukasz, Baron"}]


def test_records_that_depend_on_each_other_never_meet_those_of_another_request(on_postgres):
    model(on_postgres, "select id as person_id, max(name) as name from {{ source('raw', 'people') }} group by id")

    with desk_of(on_postgres) as (wiring, desk):
        ask(wiring, desk, {"id": 1, "name": "a"})
        people = wiring.project.entities["people"]
        asked = [desk.ask(people, [{"id": 1, "name": name}, {"id": 1, "name": "a"}]) for name in ("b", "c")]
        answers = [each.result(SECONDS) for each in asked]

    assert [one.scope for one in answers] == ["request", "request"]
    assert [outputs(one)[0] for one in answers] == [{"person_id": 1, "name": name} for name in ("b", "c")]
    assert [one.outcomes[1]["status"] for one in answers] == ["duplicate", "duplicate"]


GIVES = "gives something else at another call"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("random()", rf"random\(\) {GIVES}"),
        ("clock_timestamp()", rf"clock_timestamp\(\) {GIVES}"),
        ("now()", rf"now\(\) {GIVES}"),
        ("current_date", "current_date is something else at another call"),
        ("public.chance()", rf"chance\(\) {GIVES}"),
    ],
)
def test_what_moves_is_refused_with_the_reason(on_postgres, postgres_url, written, told):
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE FUNCTION public.chance() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'")
    model(on_postgres, f"select id as person_id, ({written})::text as name from {{{{ source('raw', 'people') }}}}")

    with desk_of(on_postgres) as (wiring, desk), pytest.raises(NotOnline, match=told):
        ask(wiring, desk, {"id": 7, "name": "Ada"})


def test_a_check_tells_of_a_model_that_is_to_answer_and_cannot(on_postgres):
    declared = (on_postgres / "lockgate.yml").read_text(encoding="utf-8")
    (on_postgres / "lockgate.yml").write_text(
        declared.replace("model: people}", "model: people, online: true}"), "utf-8"
    )
    model(on_postgres, "select id as person_id, now()::text as name from {{ source('raw', 'people') }}")

    with desk_of(on_postgres) as (wiring, _):
        (problem,) = findings(wiring, offline=False).problems

    assert problem.message == "people: now() gives something else at another call"
