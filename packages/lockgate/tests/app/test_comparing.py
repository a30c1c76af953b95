"""Comparing in a project: what was agreed on ends by the project's clock, and inputs move that were read."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from lockgate.app.comparing import compared_in
from lockgate.app.wiring import open_wiring
from lockgate.cli.entrypoint import run
from lockgate.core.comparison import ComparisonRequest, Verdict

FILES = {
    "lockgate.yml": """
project: people
sources:
  files:
    kind: csv
    streams: {people: {path: people.csv, columns: {id: bigint}}, teams: {path: teams.csv, columns: {id: bigint}}}
entities:
  people:
    key: [id]
    contract: {id: bigint, name: text}
    implementations: {plain: {rules: plain.yml}, loud: {rules: loud.yml}}
    route: {incumbent: plain, candidate: loud}
    compare:
      expected:
        capitals: {owner: ada, reason: names are shouted, expires: 2026-01-31, rows: 2, right: upper(name)}
""",
    "plain.yml": "entity: people\nfrom: raw.people\nrules: [{filter: {where: id > 0}}]\noutput: [id, name]\n",
    "loud.yml": "entity: people\nfrom: raw.people\nrules: [{derive: {name: upper(name)}}]\noutput: [id, name]\n",
    "people.csv": "id,name\n1,Ada\n2,Bo\n",
    "teams.csv": "id\n1\n",
}


@pytest.fixture
def compared(tmp_path):
    """Compares both implementations as if it were another time; what came of it, and what was kept."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    def compared(now: datetime):
        wiring = open_wiring(tmp_path, None)
        wiring.clock = lambda: now
        try:
            names = ("people@plain", "people@loud")
            found = compared_in(wiring, names, ComparisonRequest(()), lambda *_: None)
            return found, wiring.store.comparisons.comparison(found.evidence)
        finally:
            wiring.close()

    return compared


def built(folder, *implementations: str) -> None:
    engines = [word for name in implementations for word in ("--engine", name)]
    assert run(["--project", str(folder), "run", *engines]) == 0


def test_what_was_agreed_on_holds_to_the_end_of_its_last_day_by_one_clock(tmp_path, compared) -> None:
    built(tmp_path, "plain", "loud")
    last, next_ = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)

    in_time, kept = compared(last)
    late, kept_late = compared(next_)

    assert (in_time.verdict, in_time.unexplained, kept.compared_at) == (Verdict.PASS, 0, last)
    assert (late.verdict, late.unexplained, kept_late.compared_at) == (Verdict.FAIL, 2, next_)
    assert late.explained[0].refused == f"expired on {date(2026, 1, 31).isoformat()}"


def test_a_stream_that_nobody_read_may_move(tmp_path, compared) -> None:
    built(tmp_path, "plain")
    (tmp_path / "teams.csv").write_text("id\n1\n2\n", encoding="utf-8")
    built(tmp_path, "loud")

    found, _ = compared(datetime(2026, 1, 1, tzinfo=UTC))

    assert found.verdict is Verdict.PASS
    assert {str(pin.relation) for pin in found.pins} == {"raw.people"}


def test_a_stream_that_was_read_and_moved_proves_nothing(tmp_path, compared) -> None:
    built(tmp_path, "plain")
    (tmp_path / "people.csv").write_text("id,name\n1,Ada\n2,Bo\n3,Cy\n", encoding="utf-8")
    built(tmp_path, "loud")

    found, _ = compared(datetime(2026, 1, 1, tzinfo=UTC))

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reasons[0].startswith("the inputs moved: raw.people")
