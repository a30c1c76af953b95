"""Testing what rules and dbt built, by dbt itself: the same tables, nothing built, and evidence for the candidate."""

from __future__ import annotations

import pytest

from lockgate.app import App
from lockgate.core.gate import EvidenceKind
from lockgate.core.run import RunRequest
from lockgate.errors import DbtTestFailed
from lockgate.flow import Unwatched

pytestmark = pytest.mark.slow

TESTS = "models: [{name: people, columns: [{name: person_id, data_tests: [unique, not_null]}]}]\n"
NOBODY_IS_ADA = "select * from {{ ref('people') }} where name = 'Ada'\n"


def evidence(app: App) -> list[dict[str, object]]:
    return [one.facts for one in app.cutovers.evidence("people") if one.kind is EvidenceKind.TESTS]


@pytest.fixture
def built(project):
    """Both sides built, and their tests passed."""
    (project / "dbt/models/people.yml").write_text(TESTS, encoding="utf-8")
    with App.open(project) as app:
        assert app.run(RunRequest(), Unwatched()).errors == {}
        yield app


def test_each_side_is_tested_in_its_way_and_the_candidates_tests_are_kept(built):
    result = built.test(("people",), Unwatched())

    assert result.errors == {}
    found = {one.implementation: (len(one.trials), one.evidence is not None) for one in result.examinations}
    assert found == {"rules": (2, False), "dbt": (2, True)}
    assert evidence(built) == [{"passed": 2, "failed": 0, "warned": 0}] * 2


def test_a_test_that_dbt_finds_rows_by_is_named_and_nothing_is_built(built, project):
    (project / "dbt/tests").mkdir()
    (project / "dbt/tests/nobody_is_ada.sql").write_text(NOBODY_IS_ADA, encoding="utf-8")
    (project / "dbt/models/people.sql").write_text("select nowhere", encoding="utf-8")
    before = built.editions()

    result = built.test(("people",), Unwatched(), engine="dbt")

    (error,) = result.errors.values()
    assert isinstance(error, DbtTestFailed)
    assert "people@dbt: test.people.nobody_is_ada failed: Got 1 result" in error.message
    (examination,) = result.examinations
    assert [(trial.name, trial.failures) for trial in examination.failed] == [("test.people.nobody_is_ada", 1)]
    assert examination.unkept.startswith("files of people@dbt were changed since it was built")
    assert len(evidence(built)) == 1
    assert built.editions() == before
