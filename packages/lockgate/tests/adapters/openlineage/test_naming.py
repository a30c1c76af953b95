"""Datasets are called as openlineage.io/docs/spec/naming says, and no password is in a name."""

from __future__ import annotations

import pytest

from lockgate.adapters.openlineage.naming import stream_name, target_naming
from lockgate.core.lineage_event import DatasetName
from lockgate.core.relation import Relation
from lockgate.core.stream import Source, Stream

USERS = Relation("analytics", "users")


@pytest.mark.parametrize(
    ("kind", "options", "namespace", "name"),
    [
        ("duckdb", {"path": "/data/warehouse/"}, "duckdb:///data/warehouse", "analytics.users"),
        (
            "postgres",
            {"url": "postgresql://ada:hunter2@db.example.com/shop?sslmode=require"},
            "postgres://db.example.com:5432",
            "shop.analytics.users",
        ),
        (
            "postgres",
            {"url": "postgresql://ada:hunter2@[::1]:5433/shop"},
            "postgres://[::1]:5433",
            "shop.analytics.users",
        ),
        ("postgres", {"url": "postgresql:///shop?host=/run/pg"}, "postgres://localhost:5432", "shop.analytics.users"),
        ("postgres", {"url": "postgresql://one:1,two:2/shop"}, "postgres://one:1", "shop.analytics.users"),
        ("postgres", {"url": "postgresql://ada@db"}, "postgres://db:5432", "ada.analytics.users"),
        ("bigquery", {"project": "my-shop", "datasets_prefix": "dev_"}, "bigquery", "my-shop.dev_analytics.users"),
        ("spark", {"path": "/data/lake"}, "file", "/data/lake/analytics/users"),
    ],
)
def test_relations_of_a_target(kind, options, namespace, name):
    assert target_naming(kind, options)(USERS) == DatasetName(namespace, name)


@pytest.mark.parametrize(
    ("kind", "options", "own", "namespace", "name"),
    [
        ("csv", {"path": "."}, {"path": "people.csv"}, "file", "/project/people.csv"),
        ("csv", {"path": "/data"}, {"path": "people/*.csv"}, "file", "/data/people/*.csv"),
        ("ndjson", {"path": "in"}, {}, "file", "/project/in/people"),
        (
            "http",
            {"url": "https://ada:hunter2@api.example.com:8443/v1?key=hunter2"},
            {"path": "people"},
            "https://api.example.com:8443",
            "/v1/people",
        ),
        (
            "http",
            {"url": "https://api.example.com/v1/"},
            {"path": "/people/all?token=hunter2&page=1#hunter2"},
            "https://api.example.com",
            "/v1/people/all",
        ),
        ("http", {"url": "https://api.example.com"}, {}, "https://api.example.com", "/people"),
        ("postgres", {"url": "postgresql://ada:hunter2@db/crm"}, {}, "postgres://db:5432", "crm.public.people"),
        (
            "postgres",
            {"url": "postgresql://ada:hunter2@db/crm"},
            {"table": "sales.folk"},
            "postgres://db:5432",
            "crm.sales.folk",
        ),
        ("dlt", {"source": "mine:github"}, {"resource": "issues"}, "dlt", "mine:github.issues"),
    ],
)
def test_streams_where_they_come_from(kind, options, own, namespace, name):
    stream = Stream("people", options=own)

    named = stream_name(Source("crm", kind, (stream,), options=options), stream, options, "/project")

    assert named == DatasetName(namespace, name)


def test_of_an_address_that_is_a_secret_only_the_place_is_told():
    stream = Stream("people", options={"path": "hunter3/people?key=hunter3"})
    source = Source("crm", "http", (stream,), options={"url": "secret://crm-url"})
    resolved = {"url": "https://ada:hunter2@api.example.com:8443/services/T0/hunter2?key=hunter2"}

    named = stream_name(source, stream, resolved, "/project")

    assert named == DatasetName("https://api.example.com:8443", "crm/people")
