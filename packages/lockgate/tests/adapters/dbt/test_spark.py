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

    def test_a_graph_is_compiled_in_sparks_words_and_nothing_is_built(self, executor, write, ask) -> None:
        described = "models: [{name: fct_users, config: {contract: {enforced: true}}, columns: ["
        contract = described + "{name: user_id, data_type: bigint}]}]"
        asking = "{% if execute %}{% set n = run_query('select 7 as n').columns[0].values()[0] %}{% endif %}"
        users = MODEL.replace("id as", "{{ n }} * id as") + " where exists (select * from {{ ref('quick') }})"
        asked = ask(
            write(models__fct_users_sql=asking + users, models__fct_users_yml=contract, models__quick_sql=MODEL)
        )

        graph = executor.compiled(asked)

        assert graph.dialect == "spark"
        assert {name: (node.relation, node.has_asked, node.columns) for name, node in graph.nodes.items()} == {
            "model.small.fct_users": (Relation(asked.workshop, "fct_users"), True, None),
            "model.small.quick": (Relation(asked.workshop, "quick"), False, None),
            "source.small.raw.users": (Relation("raw", "users"), False, None),
        }
        assert graph.nodes["model.small.quick"].sql.strip() == "select id as user_id from raw.users"
        read = "{{ config(materialized='table') }} select user_id from "
        looked = write(models__fct_users_sql=read + asked.workshop + ".quick", models__fct_users_yml="models: []")
        assert [node.node for node in executor.execute(ask(looked), ignore).failed] == ["model.small.fct_users"]
