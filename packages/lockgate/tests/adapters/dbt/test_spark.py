"""`LocalDbtExecutor` on Spark: the conformance suite, in processes that have a Spark of their own."""

from __future__ import annotations

import pytest

from lockgate.core.execution import WorkshopAccess
from lockgate.core.relation import Relation
from lockgate.errors import WorkshopEscaped
from lockgate.testing.executors import MODEL, ExecutorConformance, ignore


@pytest.mark.slow
class TestOnSpark(ExecutorConformance):
    @pytest.fixture
    def access(self, spark_access) -> WorkshopAccess:
        return spark_access

    @pytest.fixture
    def slow(self) -> str:
        return "(select count(*) from range(10000000) a, range(10000000) b where a.id * b.id % 7 = 3)"

    def test_a_model_outside_the_workshop_is_refused_and_nothing_runs(self, executor, write, ask) -> None:
        heard = []

        with pytest.raises(WorkshopEscaped, match=r"model\.small\.fct_users"):
            executor.execute(ask(write(models__fct_users_sql="{{ config(schema='public') }}" + MODEL)), heard.append)

        assert heard == []

    def test_a_model_has_no_other_database_than_the_workshop(self, executor, write, ask) -> None:
        model = "{{ config(database='elsewhere') }}" + MODEL

        (node,) = executor.execute(ask(write(models__fct_users_sql=model)), ignore).nodes

        assert node.relation == Relation(ask(write()).workshop, "fct_users")
