"""dbt run by itself: what selectors name is built where it belongs, and consumers see nothing of it."""

from __future__ import annotations

import pytest

from lockgate.app import App
from lockgate.core.execution import NodeStatus
from lockgate.core.run import Bounds, DbtRequest
from lockgate.errors import DbtTestFailed, UnknownName
from lockgate.flow import Unwatched

pytestmark = pytest.mark.slow

STAGED = "select id as person_id, name from {{ source('raw', 'people') }}\n"
TESTS = "models: [{name: stg_people, columns: [{name: name, data_tests: [{accepted_values: {values: [Ada]}}]}]}]\n"


@pytest.fixture
def landed(project):
    """The app, with its people landed and a staging model under the model that is served."""
    (project / "dbt/models/stg_people.sql").write_text(STAGED, encoding="utf-8")
    (project / "dbt/models/people.sql").write_text("select * from {{ ref('stg_people') }}", encoding="utf-8")
    with App.open(project) as app:
        assert app.load((), Bounds(), Unwatched()).errors == {}
        yield app


def test_a_selector_builds_its_models_and_nothing_is_published(landed):
    result, error = landed.implementations.build_by_dbt(DbtRequest("people", ("stg_people",)), Unwatched())

    assert error is None
    assert [(node.node, node.status) for node in result.nodes] == [("model.people.stg_people", NodeStatus.SUCCESS)]
    assert landed.editions() == ()


def test_without_a_selector_all_that_the_model_stands_on_is_built(landed):
    result, error = landed.implementations.build_by_dbt(DbtRequest("people"), Unwatched())

    assert error is None
    assert [node.node for node in result.nodes] == ["model.people.stg_people", "model.people.people"]


def test_a_failing_test_is_the_error_and_stands_among_the_nodes(landed, project):
    (project / "dbt/models/people.yml").write_text(TESTS, encoding="utf-8")

    result, error = landed.implementations.build_by_dbt(DbtRequest("people", ("stg_people",)), Unwatched())

    assert isinstance(error, DbtTestFailed)
    assert [(node.kind, node.failures) for node in result.failed] == [("test", 1)]


def test_what_selects_nothing_is_refused(landed):
    with pytest.raises(UnknownName, match="no node of the dbt project is selected by 'stg_peple'"):
        landed.implementations.build_by_dbt(DbtRequest("people", ("stg_peple",)), Unwatched())


@pytest.mark.parametrize("request_", [DbtRequest("peple"), DbtRequest("people", engine="rules")], ids=str)
def test_what_dbt_does_not_make_is_refused(landed, request_):
    with pytest.raises(UnknownName):
        landed.implementations.build_by_dbt(request_, Unwatched())
