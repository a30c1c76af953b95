"""A stand-in for BigQuery, asked by Google's own client; each request and answer is held against Google's document."""

from __future__ import annotations

import httpx
import pytest
from google.api_core.retry import Retry
from google.cloud import bigquery
from google.oauth2 import service_account

from lockgate.sandbox.bigquery_api import BigQueryApi

SCOPE = "https://www.googleapis.com/auth/bigquery"


@pytest.fixture(scope="module")
def api(bigquery_flaws):
    with BigQueryApi() as api:
        yield api
    assert bigquery_flaws(api) == []


@pytest.fixture(scope="module")
def connect(api):
    """Makes clients, each with an account of its own."""
    made = []

    def connect(name: str = "lockgate") -> bigquery.Client:
        credentials = service_account.Credentials.from_service_account_info(api.service_account(name), scopes=[SCOPE])
        where = {"api_endpoint": api.url}
        made.append(bigquery.Client(project=api.project, credentials=credentials, client_options=where))
        return made[-1]

    yield connect
    for client in made:
        client.close()


@pytest.fixture(scope="module")
def client(connect):
    return connect()


@pytest.fixture
def dataset(client, request):
    """A dataset of the test's own."""
    made = client.create_dataset("d_" + request.node.originalname.replace("[", "_")[:60], exists_ok=True)
    yield made.dataset_id
    client.delete_dataset(made, delete_contents=True)


@pytest.fixture(scope="module")
def run(client):
    """Runs a script, and gives its rows as tuples."""

    def run(sql: str, *parameters, **how) -> list[tuple]:
        config = bigquery.QueryJobConfig(query_parameters=list(parameters), **how)
        job = client.query(sql, job_config=config, job_retry=None)
        return [tuple(row.values()) for row in job.result(timeout=30, job_retry=None)]

    return run


@pytest.fixture(scope="module")
def rest(api):
    """Asks by hand, with a good token."""
    headers = {"authorization": f"Bearer {api.accounts.issue('by-hand')}"}
    with httpx.Client(base_url=f"{api.url}/bigquery/v2/projects/{api.project}", headers=headers) as http:
        yield http


@pytest.fixture
def never():
    """A retry that does not."""
    return Retry(predicate=lambda _: False)
